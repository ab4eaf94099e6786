"""Descriptions of conditions, and the validation of values."""

import json
import math
from dataclasses import replace

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


@pytest.mark.parametrize(
    ("value", "expected"), [(7, 7.0), ("7.5", 7.5), (" 8 ", 8.0), (0.5, 0.5), (200, 200.0), ("1e1", 10.0)]
)
def test_numbers_are_read_with_both_ends_of_the_range(pathology, value, expected):
    assert pathology.feature("size").parse(value) == expected


@pytest.mark.parametrize("value", [0.49, 200.1, -3, "1e99", "inf", "-inf", "wide", "7,5", "7 mm", True, [7]])
def test_implausible_numbers_name_the_feature_and_the_range(pathology, value):
    with pytest.raises(InputError, match=r"size is .*expected 0\.5 to 200 mm"):
        pathology.feature("size").parse(value)


@pytest.mark.parametrize(("value", "expected"), [(2, 2), ("2", 2), ("medium", 2), ("BLURRED", 3), (1.0, 1)])
def test_ratings_are_read_as_number_or_word(pathology, value, expected):
    assert pathology.feature("edge").parse(value) == expected


@pytest.mark.parametrize("value", [0, 4, 2.5, "Fuzzy", "-1"])
def test_unknown_ratings_are_refused_with_the_scale(pathology, value):
    with pytest.raises(InputError, match=r"edge is .*1 \(Sharp\), 2 \(Medium\), 3 \(Blurred\)"):
        pathology.feature("edge").parse(value)


@pytest.mark.parametrize("value", [None, "", "NA", "nan", "unknown", "not given", float("nan")])
def test_missing_is_allowed_unless_required(pathology, value):
    assert math.isnan(pathology.feature("edge").parse(value))
    with pytest.raises(InputError, match="size is missing"):
        pathology.feature("size").parse(value)


def test_a_word_of_the_scale_wins_over_a_word_for_missing(pathology):
    assert pathology.feature("kind").parse("none") == 1


def test_values_are_shown_with_units_and_words(pathology):
    assert pathology.feature("size").display(7.25) == "7.25 mm"
    assert pathology.feature("edge").display(3) == "Blurred (3)"
    assert pathology.feature("edge").display(math.nan) == "not given"


def test_unknown_names_are_refused(pathology, tmp_path):
    with pytest.raises(InputError, match="not a feature of Toy lesion"):
        pathology.feature("mass")
    with pytest.raises(InputError, match="measured, all"):
        pathology.variant("everything")
    with pytest.raises(InputError, match="expected one of lung_nodule"):
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


def test_contradictions_are_refused(pathology):
    size, edge = pathology.feature("size"), pathology.feature("edge")
    faults = {
        "not unique": (size, size),
        "above 0": (replace(size, minimum=-1.0),),
        "needs words": (size, replace(edge, words=())),
        "outside the plausible range": (size, replace(edge, maximum=2.0)),
    }
    for message, features in faults.items():
        with pytest.raises(ValueError, match=message):
            replace(pathology, features=features)
    length = replace(size, name="length", required=False, relative_to="size")
    replace(pathology, features=(*pathology.features, length))
    for fault in (
        replace(length, relative_to="width"),
        replace(length, scale="linear"),
        replace(edge, relative_to="size"),
    ):
        others = tuple(f for f in pathology.features if f.name != fault.name)
        with pytest.raises(ValueError, match="relative_to"):
            replace(pathology, features=(*others, fault))
    with pytest.raises(ValueError, match="relative_to 'ratio'"):
        replace(pathology, features=(*pathology.features, replace(length, relative_to="ratio")))
    with pytest.raises(ValueError, match="baseline 'edge'"):
        replace(pathology, variants=(replace(pathology.variants[0], baseline="edge"),))


def test_baselines_that_cannot_stand_alone_are_refused(pathology):
    size = pathology.feature("size")
    length = replace(size, name="length", required=False, relative_to="size")
    variant = replace(pathology.variants[0], baseline="length")
    with pytest.raises(ValueError, match="baseline 'length' is relative to 'size', expected a feature that enters"):
        replace(pathology, features=(*pathology.features, length), variants=(variant,))


def test_variant_names_are_kept_apart_from_each_other_and_from_baselines(pathology):
    first, second = pathology.variants
    with pytest.raises(ValueError, match=r"variant names are not unique \(measured\)"):
        replace(pathology, variants=(first, replace(second, name="measured")))
    for name in ("no_information", "only_size"):
        with pytest.raises(ValueError, match=f"variant {name}: the name is reserved"):
            replace(pathology, variants=(replace(first, name=name), second))


@pytest.mark.parametrize("bound", ["size", "width", "edge"])
def test_bounds_that_do_not_fit_are_refused(pathology, bound):
    bounded = replace(pathology.feature("size"), never_above=bound)
    with pytest.raises(ValueError, match="never_above"):
        replace(pathology, features=(bounded, *pathology.features[1:]))
