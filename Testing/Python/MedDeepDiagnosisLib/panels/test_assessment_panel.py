"""The panel of MedDeep Diagnosis as its user sees it."""

import json

import Host
import numpy as np
import pytest
import SimpleITK as sitk
import slicer

from MedDeepDiagnosisLib.pathology import load_pathology
from MedDeepRegSegLib.mrml.segmentations import segmentation_from_image, set_segment
from MedDeepRegSegLib.segmentation.segments import Segment


@pytest.fixture
def lesion(slicer_scene):
    """A ball of 12 mm diameter in a segmentation node."""
    s, p, left = np.indices((40, 40, 40)) - 19.5
    mask = sitk.GetImageFromArray((s**2 + p**2 + left**2 <= 6.0**2).astype(np.uint8))
    return segmentation_from_image(mask, [Segment(1, "Nodule", (1.0, 0.5, 0.2))], "Lesions")


@pytest.fixture
def panel(module, lesion):
    return module("MedDeepDiagnosis").widget.assessmentPanel


def pick(panel, lesion):
    panel.ui.segmentSelector.setCurrentNode(lesion)
    panel.ui.segmentSelector.setCurrentSegmentID(lesion.GetSegmentation().GetNthSegmentID(0))


def test_form_has_a_row_for_each_rated_sign(panel):
    rated = [feature for feature in load_pathology("lung_nodule").features if feature.group == "rated"]
    boxes = [panel.widget.findChild("QComboBox", f"{feature.name}ComboBox") for feature in rated]
    assert all(box.count == 1 + len(feature.words) for box, feature in zip(boxes, rated, strict=True))


def test_assess_says_what_is_missing(panel, lesion, tmp_path):
    assert "lesion" in panel.ui.applyButton.toolTip
    pick(panel, lesion)
    assert panel.ui.applyButton.enabled
    panel.ui.reportPathLineEdit.currentPath = ""
    assert "folder" in panel.ui.applyButton.toolTip
    panel.ui.reportPathLineEdit.currentPath = str(tmp_path)
    assert panel.ui.applyButton.enabled


def test_assess_writes_a_report(panel, lesion, tmp_path, pip_calls_made):
    pick(panel, lesion)
    panel.ui.reportPathLineEdit.currentPath = str(tmp_path / "report")
    panel.signs.setRatings({"spiculation": load_pathology("lung_nodule").feature("spiculation").words[-1].word})
    panel.onRated()
    for _ in range(2):
        panel.ui.applyButton.click()
        assert Host.process_events(60, until=lambda: not panel.runner.busy)
        assert panel.ui.statusLabel.text == "Done."
    folders = sorted((tmp_path / "report").iterdir())
    assert len(folders) == 2, "the second report must not replace the first"
    prediction = json.loads((folders[0] / "prediction.json").read_text())
    assert 0 < prediction["probability"] < 1
    assert "research" in (folders[1] / "report.html").read_text()
    assert "%" in panel.ui.resultLabel.text
    assert panel.ui.openReportButton.enabled


def test_ratings_are_saved_with_the_scene(panel, lesion, module):
    words = [step.word for step in load_pathology("lung_nodule").feature("margin").words]
    panel.signs.setRatings({"margin": words[1]})
    panel.onRated()
    stored = module("MedDeepDiagnosis").logic.getParameterNode()
    assert stored.ratings == {"margin": words[1]}
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScriptedModuleNode") >= 1


def test_signs_of_one_lesion_are_not_used_for_another(panel, lesion):
    second = sitk.GetImageFromArray(np.ones((3, 3, 3), np.uint8))
    set_segment(lesion, second, Segment(1, "Other", (0.0, 1.0, 0.0)))
    pick(panel, lesion)
    panel.signs.setRatings({"margin": load_pathology("lung_nodule").feature("margin").words[0].word})
    panel.onRated()
    panel.ui.segmentSelector.setCurrentSegmentID(lesion.GetSegmentation().GetNthSegmentID(1))
    assert dict(panel.parameterNode.ratings) == {}
    assert panel.signs.ratings == {}


def test_the_scene_takes_its_result_along(panel, lesion):
    panel.ui.resultLabel.text = "Suspicion: 90 %"
    panel.ui.openReportButton.enabled = True
    slicer.mrmlScene.Clear(False)
    assert panel.ui.resultLabel.text == "No assessment yet."
    assert not panel.ui.openReportButton.enabled
