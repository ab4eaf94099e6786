"""Reading descriptions of conditions."""

import json

import pytest

from MedDeepDiagnosisLib.pathology import load_pathology
from MedDeepDiagnosisLib.resources import resource_path
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.schema import from_json, to_json


def test_lung_nodule_says_what_the_target_is_and_is_not():
    nodule = load_pathology("lung_nodule")
    assert "not pathology" in nodule.target.reference
    assert "indeterminate" in nodule.target.left_out
    assert {f.name for f in nodule.features if f.group == "rated"} == {
        "subtlety",
        "internal_structure",
        "calcification",
        "sphericity",
        "margin",
        "lobulation",
        "spiculation",
        "texture",
    }
    assert [v.name for v in nodule.variants] == ["measured", "measured_and_rated"]
    assert all(f.measurement for f in nodule.features_of("measured"))


def test_every_shipped_pathology_loads_and_round_trips():
    files = list(resource_path("pathologies").glob("*.json"))
    assert files
    for path in files:
        loaded = load_pathology(path.stem)
        assert loaded.identifier == path.stem
        assert from_json(type(loaded), to_json(loaded)) == loaded


def test_unknown_names_are_refused(pathology, tmp_path):
    with pytest.raises(InputError, match="not a feature of Toy lesion"):
        pathology.feature("mass")
    with pytest.raises(InputError, match="measured, all"):
        pathology.variant("everything")
    with pytest.raises(InputError, match=r"expected one of .*lung_nodule"):
        load_pathology("nodule")
    with pytest.raises(InputError, match="unknown"):
        load_pathology("../pathologies/lung_nodule")
    with pytest.raises(InputError, match="cannot be read as JSON"):
        load_pathology(tmp_path / "absent.json")


def test_files_with_faults_are_refused_with_the_field(pathology, tmp_path):
    path = tmp_path / "own.json"
    data = to_json(pathology)
    data["features"][0]["minimum"] = "zero"
    path.write_text(json.dumps(data))
    with pytest.raises(InputError, match=r"features\[0\].minimum: expected a number"):
        load_pathology(path)
    data = to_json(pathology)
    data["features"][0]["minimum"] = 300.0
    path.write_text(json.dumps(data))
    with pytest.raises(InputError, match="minimum 300 is not below maximum 200"):
        load_pathology(path)


def test_files_may_leave_out_what_has_a_usual_value_and_may_have_one_target(pathology, tmp_path):
    data = to_json(pathology)
    data["target"] = data.pop("targets")[0]
    for name in ("kind", "units", "minimum", "maximum", "words"):
        del data["target"][name]
    for feature in data["features"]:
        del feature["relative_to"], feature["never_above"]
    data["guidelines"] = [{"title": "A", "url": "https://example.org", "note": "For all."}]
    path = tmp_path / "own.json"
    path.write_text(json.dumps(data))
    loaded = load_pathology(path)
    assert loaded.targets == pathology.targets
    assert loaded.features == pathology.features
    assert loaded.guidelines[0].rules == ""
