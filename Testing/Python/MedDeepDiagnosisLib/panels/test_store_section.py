"""The section Store in case base: the lesion that is shown becomes a case, without leaving the panel."""

import pytest

from MedDeepDiagnosisLib.casebase import open_case_base
from MedDeepDiagnosisLib.pathology import load_pathology


@pytest.fixture
def panel(module, lesion, tmp_path):
    panel = module("MedDeepDiagnosis").widget.casePanel
    panel.ui.segmentSelector.setCurrentNode(lesion)
    panel.ui.segmentSelector.setCurrentSegmentID(lesion.GetSegmentation().GetNthSegmentID(0))
    panel.ui.storeCaseBasePathLineEdit.currentPath = str(tmp_path / "cases.sqlite")
    return panel


def test_store_says_what_is_missing(panel):
    assert panel.ui.storeButton.toolTip == "Say whose the case is."
    panel.ui.storePatientLineEdit.text = "Miller"
    assert panel.ui.storeButton.enabled
    panel.ui.segmentSelector.setCurrentNode(None)
    assert panel.ui.storeButton.toolTip == "Pick the segment of the lesion."


def test_a_case_is_stored_with_findings_and_outcome(panel, tmp_path, dialogs_shown):
    pathology = load_pathology("lung_nodule")
    margin = pathology.feature("margin").words[0]
    panel.findings.setValues({"margin": margin.word})
    panel.storeSection.outcomes.setValues({"suspicious": "1"})
    panel.ui.storePatientLineEdit.text = "Miller"
    panel.ui.storeButton.click()
    assert "New cases: 1" in panel.ui.storeResultLabel.text
    with open_case_base(tmp_path / "cases.sqlite") as base:
        (case,) = base.cases()
        row = base.row("Miller/Nodule", pathology)
    assert case.patient.startswith("P-"), "a pseudonym"
    assert (row["margin"], row["suspicious"]) == (margin.value, 1.0)
    assert row["equivalent_diameter_mm"] == pytest.approx(12, rel=0.05)


def test_other_values_are_refused_until_asked_for(panel, tmp_path, dialogs_shown):
    words = [step.word for step in load_pathology("lung_nodule").feature("margin").words]
    panel.ui.storePatientLineEdit.text = "Miller"
    for word in words[:2]:
        panel.findings.setValues({"margin": word})
        panel.ui.storeButton.click()
    assert "margin 1 is stored" in panel.ui.statusLabel.text
    panel.ui.storeUpdateCheckBox.checked = True
    panel.ui.storeButton.click()
    assert "changed: 1" in panel.ui.storeResultLabel.text
