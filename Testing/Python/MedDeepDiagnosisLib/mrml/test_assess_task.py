"""The assessment of a lesion of the scene, by the real job."""

import pytest

pytest.importorskip("slicer")

from MedDeepDiagnosisLib.mrml.tasks import AssessTask  # only where there is a scene
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.tasks import run_task

FACTS = {
    "age_years": 64,
    "known_cancer": "no",
    "immunosuppressed": "no",
    "screening_ct": "no",
    "nodule_count": "single",
}
FURTHER = {"benign_pattern": "no", "nodule_texture": "solid", "lung_cancer_risk": "high", "perifissural": "no"}


def test_findings_and_facts_arrive_in_prediction_and_guideline(nodule, tmp_path):
    volume, segmentation, segment = nodule
    findings = {"spiculation": 5, "margin": 1, "texture": 5, "subtlety": 5}
    task = AssessTask(
        segmentation,
        segment,
        findings,
        facts={**FACTS, **FURTHER},
        volume_node=volume,
        report_folder=tmp_path / "report",
        formats=("pdf",),
    )
    made = run_task(task)
    assert {path.name for path in made["files"]} >= {"report.html", "prediction.json", "report.pdf"}
    assert all(path.is_file() for path in made["files"])
    low, high = made["interval"]
    assert low <= made["probability"] <= high
    assessment = made["assessment"]
    values = {one["name"]: one["value"] for one in assessment["values"]}
    assert (values["margin"], values["longest_diameter_mm"] > 10) == (1.0, True)
    assert not any("did not count" in caution for caution in assessment["cautions"])
    outcome = assessment["guidelines"][0]["outcome"]
    assert (outcome["rules"], outcome["status"]) == ("fleischner_2017", "applies")
    assert "Single solid nodule above 8 mm, any risk" in [rule["title"] for rule in outcome["results"] if rule["leads"]]


def test_a_model_that_measures_nothing_needs_no_lesion(scene, toy_folder, tmp_path):
    task = AssessTask(None, "", {"size": "8", "edge": "Sharp"}, model_folder=toy_folder, report_folder=tmp_path / "r")
    made = run_task(task)
    assert 0 < made["probability"] < 1
    assert made["value"] is None
    assert made["assessment"]["case"] == "Case"


def test_what_cannot_be_assessed_writes_nothing(nodule, tmp_path):
    volume, segmentation, segment = nodule
    out = tmp_path / "report"
    for task, message in (
        (AssessTask(segmentation, "", {}, report_folder=out), "no segment is picked"),
        (AssessTask(segmentation, segment, {"age": 1}, facts={"age": 1}, report_folder=out), "a finding and as a fact"),
        (AssessTask(volume, segment, {}, report_folder=out), "segmentation"),
        (AssessTask(segmentation, segment, {"margin": 9}, report_folder=out), "margin is 9"),
        (
            AssessTask(segmentation, segment, {}, volume_node=volume, formats=("sr",), report_folder=out),
            "DICOM SR needs the volume as it was loaded",
        ),
    ):
        with pytest.raises(InputError, match=message):
            run_task(task)
    assert list(tmp_path.iterdir()) == []


def test_a_loaded_series_gives_dicom_results(loaded_series, tmp_path):
    pytest.importorskip("highdicom", reason="highdicom writes SR and SEG")
    _folder, volume, segmentation, segment = loaded_series
    made = run_task(
        AssessTask(
            segmentation, segment, {}, volume_node=volume, formats=("sr", "seg"), report_folder=tmp_path / "report"
        )
    )
    assert {"report.dcm", "segmentation.dcm"} <= {path.name for path in made["files"]}


def test_a_series_of_the_dicom_database_gives_dicom_results(database_volume, tmp_path):
    pytest.importorskip("highdicom", reason="highdicom writes SR and SEG")
    volume, segmentation, segment, _database = database_volume
    task = AssessTask(
        segmentation, segment, {}, volume_node=volume, formats=("sr", "seg"), report_folder=tmp_path / "r"
    )
    assert {"report.dcm", "segmentation.dcm"} <= {path.name for path in run_task(task)["files"]}
