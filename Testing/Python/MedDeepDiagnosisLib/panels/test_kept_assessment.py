"""The last assessment is kept with the scene, and shown again where it is of what is chosen."""

import pytest
import SimpleITK as sitk

ASSESSMENT = {
    "report": "",
    "summary": ["Note: a file is missing."],
    "probability": 0.7,
}


@pytest.fixture
def volume(slicer_scene):
    """The volume that the lesion was drawn on."""
    return slicer_scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")


@pytest.fixture
def node(module, lesion, volume):
    """The typed parameter node, with a lesion and a finding."""
    node = module("MedDeepDiagnosis").logic.getParameterNode()
    node.segmentation = lesion
    node.segmentId = lesion.GetSegmentation().GetNthSegmentID(0)
    node.findings = {"margin": "Sharp"}
    node.lesionVolume = volume
    return node


@pytest.fixture
def outputs(tmp_path):
    """What an assessment returns, as far as the tab shows it."""
    report = tmp_path / "report.html"
    report.write_text("report")
    return {**ASSESSMENT, "report": str(report), "assessment": {"guidelines": []}}


def test_what_was_kept_is_what_was_shown(node, outputs):
    from MedDeepDiagnosisLib.panels.kept_assessment import inputsOf, keepAssessment, keptAssessment, reportIsThere

    assert keptAssessment(node) is None
    keepAssessment(node, inputsOf(node), outputs)
    kept = keptAssessment(node)
    assert kept == {key: outputs[key] for key in ("report", "assessment", "summary")}
    assert reportIsThere(kept)


def test_nothing_but_a_report_on_this_computer_is_opened(outputs, slicer_host, tmp_path):
    from MedDeepDiagnosisLib.panels.kept_assessment import reportIsThere

    for name in ("report.bat", "report.html.bat", "other.html"):
        (tmp_path / name).write_text("evil")
        assert not reportIsThere({"report": str(tmp_path / name)})
    assert not reportIsThere({"report": "\\\\stranger\\share\\report.html"})
    assert not reportIsThere({"report": f"/{outputs['report']}"})  # begins with two slashes
    (tmp_path / "report.html").unlink()
    assert not reportIsThere(outputs)


def test_a_lesion_that_was_drawn_anew_has_no_assessment_yet(node, outputs, lesion):
    from MedDeepDiagnosisLib.panels.kept_assessment import inputsOf, keepAssessment, keptAssessment
    from MedDeepRegSegLib.mrml.segmentations import image_from_segmentation, set_segment
    from MedDeepRegSegLib.segmentation.segments import Segment

    keepAssessment(node, inputsOf(node), outputs)
    assert keptAssessment(node) is not None
    labels, (segment, *_) = image_from_segmentation(lesion, segment_ids=[node.segmentId])
    larger = sitk.BinaryDilate(sitk.Cast(labels > 0, sitk.sitkUInt8), (1, 1, 1))
    set_segment(lesion, larger, Segment(1, segment.name, segment.color, identifier=node.segmentId))
    assert keptAssessment(node) is None


def test_what_cannot_be_shown_is_none(node, outputs, module):
    """As by another hand: the tab opens, and shows no assessment."""
    from MedDeepDiagnosisLib.panels.kept_assessment import inputsOf, keepAssessment, keptAssessment

    keepAssessment(node, inputsOf(node), {**outputs, "assessment": {}})
    assert keptAssessment(node) is not None
    panel = module("MedDeepDiagnosis").widget.casePanel
    assert panel.ui.resultLabel.text == "No assessment yet."
    assert not panel.ui.openReportButton.enabled


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model", "acute_stroke_outcome"),
        ("segmentId", "other"),
        ("segmentation", None),
        ("lesionVolume", None),
        ("findings", {"margin": "Poor"}),
        ("facts", {"age_years": "64"}),
    ],
)
def test_it_is_not_shown_of_anything_else(node, outputs, name, value):
    from MedDeepDiagnosisLib.panels.kept_assessment import inputsOf, keepAssessment, keptAssessment

    keepAssessment(node, inputsOf(node), outputs)
    setattr(node, name, value)
    assert keptAssessment(node) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"shown": {}}', '{"shown": {"report": "x"}, "inputs": {}}'])
def test_what_cannot_be_read_is_none(node, text):
    from MedDeepDiagnosisLib.panels.kept_assessment import keptAssessment

    node.lastAssessment = text
    assert keptAssessment(node) is None
