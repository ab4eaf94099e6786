"""The tab Case as its user sees it."""

import json

import Host
import numpy as np
import pytest
import SimpleITK as sitk
import slicer

from MedDeepDiagnosisLib.pathology import load_pathology
from MedDeepRegSegLib.mrml.segmentations import set_segment
from MedDeepRegSegLib.segmentation.segments import Segment

GUIDELINE_FACTS = {
    "age_years": "64",
    "known_cancer": "no",
    "immunosuppressed": "no",
    "screening_ct": "no",
    "benign_pattern": "no",
    "nodule_count": "single",
    "nodule_texture": "solid",
    "lung_cancer_risk": "high",
    "perifissural": "no",
}


@pytest.fixture
def panel(module, lesion):
    return module("MedDeepDiagnosis").widget.casePanel


def pick(panel, lesion):
    panel.ui.segmentSelector.setCurrentNode(lesion)
    panel.ui.segmentSelector.setCurrentSegmentID(lesion.GetSegmentation().GetNthSegmentID(0))


def assess(panel):
    panel.ui.applyButton.click()
    assert Host.process_events(60, until=lambda: not panel.runner.busy)
    assert panel.ui.statusLabel.text == "Done."


def word(feature, index):
    return load_pathology("lung_nodule").feature(feature).words[index].word


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
    panel.parameterNode.model = "own"
    assert panel.ui.applyButton.toolTip == "Pick the folder of your model."


def test_picking_a_lesion_brings_it_into_the_views(panel, lesion):
    pick(panel, lesion)
    center = lesion.GetSegmentCenterRAS(lesion.GetSegmentation().GetNthSegmentID(0))
    for node in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
        axis = {"Sagittal": 0, "Coronal": 1, "Axial": 2}[node.GetOrientation()]
        assert node.GetSliceToRAS().GetElement(axis, 3) == pytest.approx(center[axis])


@pytest.mark.slow
def test_assess_writes_a_report_and_shows_result_reasons_and_guideline(panel, lesion, tmp_path, pip_calls_made):
    pick(panel, lesion)
    panel.ui.reportPathLineEdit.currentPath = str(tmp_path / "report")
    panel.findings.setValues({"spiculation": word("spiculation", -1), "margin": word("margin", 0)})
    panel.onFindings()
    panel.facts.form.setValues(GUIDELINE_FACTS)
    panel.onFacts()
    for _ in range(2):
        assess(panel)
    folders = sorted((tmp_path / "report").iterdir())
    assert len(folders) == 2, "the second report must not replace the first"
    prediction = json.loads((folders[0] / "prediction.json").read_text(encoding="utf-8"))
    assert f"{100 * prediction['probability']:.0f} %" in panel.ui.resultLabel.text
    assert "research" in (folders[1] / "report.html").read_text(encoding="utf-8")
    assert "did not count" not in panel.ui.resultLabel.text, "facts of guidelines are no unknown columns"
    assert "bgcolor" in panel.ui.reasonsLabel.text
    assert "Fleischner" in panel.ui.guidelinesLabel.text
    assert "CT at 3 months" in panel.ui.guidelinesLabel.text, "a solid nodule of 12 mm"
    assert panel.ui.openReportButton.enabled


def test_missing_facts_are_pointed_out(panel, lesion, tmp_path):
    pick(panel, lesion)
    panel.ui.reportPathLineEdit.currentPath = str(tmp_path)
    assert panel.ui.factsCollapsibleButton.collapsed
    assess(panel)
    assert "where they are marked" in panel.ui.guidelinesLabel.text
    assert not panel.ui.factsCollapsibleButton.collapsed
    age = panel.widget.findChild("QDoubleSpinBox", "age_yearsSpinBox")
    label = panel.ui.factsWidget.layout().labelForField(age)
    assert "bold" in label.styleSheet
    age.value = 64
    assert label.styleSheet == ""
    assert dict(panel.parameterNode.facts) == {"age_years": "64"}
    assert panel.ui.resultLabel.text == "No assessment yet.", "the result belongs to other facts"


def test_findings_and_facts_are_saved_with_the_scene(panel, lesion, module):
    panel.findings.setValues({"margin": word("margin", 1)})
    panel.onFindings()
    stored = module("MedDeepDiagnosis").logic.getParameterNode()
    assert dict(stored.findings) == {"margin": word("margin", 1)}
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScriptedModuleNode") >= 1


def test_findings_of_one_lesion_are_not_used_for_another(panel, lesion):
    second = sitk.GetImageFromArray(np.ones((3, 3, 3), np.uint8))
    set_segment(lesion, second, Segment(1, "Other", (0.0, 1.0, 0.0)))
    pick(panel, lesion)
    panel.findings.setValues({"margin": word("margin", 0)})
    panel.onFindings()
    panel.ui.storePatientLineEdit.text = "Miller"
    panel.ui.segmentSelector.setCurrentSegmentID(lesion.GetSegmentation().GetNthSegmentID(1))
    assert dict(panel.parameterNode.findings) == {}
    assert panel.findings.values == {}
    assert panel.ui.storePatientLineEdit.text == ""


def test_the_scene_takes_its_result_along(panel, lesion):
    panel.ui.resultLabel.text = "Suspicion: 90 %"
    panel.ui.openReportButton.enabled = True
    slicer.mrmlScene.Clear(False)
    assert panel.ui.resultLabel.text == "No assessment yet."
    assert not panel.ui.openReportButton.enabled


def test_an_own_model_has_its_own_form_and_needs_no_lesion(panel, toy_folder, tmp_path):
    panel.parameterNode.model = "own"
    panel.ui.modelPathLineEdit.currentPath = str(toy_folder)
    panel.ui.reportPathLineEdit.currentPath = str(tmp_path / "report")
    assert set(panel.findings.names) == {"size", "ratio", "edge", "kind"}
    assert panel.ui.applyButton.toolTip == "Give a value for Size: there is no assessment without it."
    panel.widget.findChild("QDoubleSpinBox", "sizeSpinBox").value = 8
    panel.widget.findChild("QComboBox", "edgeComboBox").currentIndex = 2
    assert dict(panel.parameterNode.findings) == {"size": "8.0", "edge": "Medium"}
    assert not panel.ui.factsCollapsibleButton.visible, "the toy has no guideline"
    assert panel.ui.applyButton.enabled
    assess(panel)
    assert "The outcome is present" in panel.ui.resultLabel.text


def test_pdf_and_dicom_are_asked_for_with_their_packages(panel, lesion, tmp_path, monkeypatch):
    from MedDeepDiagnosisLib.panels import case_panel

    pick(panel, lesion)
    panel.ui.reportPathLineEdit.currentPath = str(tmp_path)
    seen, needed = [], []
    monkeypatch.setattr(case_panel, "AssessTask", lambda *nodes, **options: seen.append((nodes, options)))
    monkeypatch.setattr(panel.runner, "start", lambda *_arguments, **_options: None)
    monkeypatch.setattr(panel, "_ensurePackages", lambda _networks, file: needed.append(file))
    panel.ui.applyButton.click()
    assert not panel.ui.dicomCheckBox.enabled, "no volume of a DICOM series is picked"
    panel.ui.dicomCheckBox.checked = panel.ui.pdfCheckBox.checked = True
    panel.ui.applyButton.click()
    assert [options["formats"] for _nodes, options in seen] == [(), ("pdf",)]
    assert needed[0] is None
    assert needed[1].endswith("MedDeepDiagnosis-documents-requirements.txt")
