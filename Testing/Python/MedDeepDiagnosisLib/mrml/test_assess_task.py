"""The assessment of a lesion of the scene, by the real job."""

from pathlib import Path

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


@pytest.fixture
def loaded_series(scene, tmp_path):
    """A CT series that was loaded into the scene, and a lesion on it."""
    pytest.importorskip("pydicom", reason="pydicom writes the series")
    import importlib.util

    import slicer

    from MedDeepRegSegLib.mrml.segmentations import segmentation_from_image
    from MedDeepRegSegLib.mrml.volumes import image_from_volume
    from MedDeepRegSegLib.segmentation.segments import named_segment

    spec = importlib.util.spec_from_file_location("made_up_series", Path(__file__).parents[1] / "reports/conftest.py")
    made_up = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made_up)
    folder = made_up.write_series(tmp_path / "series")
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    storage = slicer.vtkMRMLVolumeArchetypeStorageNode()
    scene.AddNode(storage)
    storage.SetFileName(str(sorted(folder.iterdir())[0]))
    volume.SetAndObserveStorageNodeID(storage.GetID())
    assert storage.ReadData(volume)
    labels = made_up.lesion_on(image_from_volume(volume))
    node = segmentation_from_image(labels == 5, [named_segment(1, "Nodule")], "Lesions", reference_volume=volume)
    return folder, volume, node, node.GetSegmentation().GetNthSegmentID(0)


def test_a_loaded_series_gives_dicom_results(loaded_series, tmp_path):
    pytest.importorskip("highdicom", reason="highdicom writes SR and SEG")
    _folder, volume, segmentation, segment = loaded_series
    made = run_task(
        AssessTask(
            segmentation, segment, {}, volume_node=volume, formats=("sr", "seg"), report_folder=tmp_path / "report"
        )
    )
    assert {"report.dcm", "segmentation.dcm"} <= {path.name for path in made["files"]}


def test_only_a_volume_as_it_was_loaded_stands_for_its_dicom_series(scene, nodule, loaded_series, tmp_path):
    from MedDeepDiagnosisLib.mrml.assess_task import dicom_folder

    folder, loaded, _segmentation, _segment = loaded_series
    assert dicom_folder(loaded) == folder
    loaded.GetImageData().Modified()
    loaded.StorableModified()
    assert dicom_folder(loaded) is None, "its voxels may have changed"
    volume = nodule[0]
    assert dicom_folder(volume) is None
    storage = volume.CreateDefaultStorageNode()
    scene.AddNode(storage)
    storage.SetFileName(str(tmp_path / "ct.nrrd"))
    volume.SetAndObserveStorageNodeID(storage.GetID())
    assert storage.WriteData(volume)
    assert dicom_folder(volume) is None, "a file that is no DICOM series"
