"""The last assessment is kept with the scene, and shown again where it is of what is chosen."""

import pytest

ASSESSMENT = {
    "report": "",
    "summary": ["Note: a file is missing."],
    "probability": 0.7,
}


@pytest.fixture
def node(module, lesion):
    """The typed parameter node, with a lesion and a finding."""
    node = module("MedDeepDiagnosis").logic.getParameterNode()
    node.segmentation = lesion
    node.segmentId = lesion.GetSegmentation().GetNthSegmentID(0)
    node.findings = {"margin": "Sharp"}
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
    assert not reportIsThere({"report": f"{outputs['report']}.gone"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model", "acute_stroke_outcome"),
        ("segmentId", "other"),
        ("segmentation", None),
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
