"""Which conditions are at hand."""

import pytest


@pytest.fixture
def panel(module):
    return module("MedDeepDiagnosis").widget.caseBasePanel


def test_conditions_that_ship_are_offered_by_their_titles(panel):
    box = panel.ui.pathologyComboBox
    titles = [box.itemText(index) for index in range(box.count)]
    assert titles[0] == "Lung nodule suspicion"
    assert titles[-1] == "Own file"
    assert panel.pathologies.source == "lung_nodule"
    box.currentIndex = next(n for n, title in enumerate(titles) if "stroke" in title)
    assert panel.pathologies.pathology.identifier == "acute_stroke"


def test_an_own_file_is_read_and_its_mistakes_are_told(panel, pathology_file, tmp_path):
    panel.parameterNode.pathology = "own"
    assert panel.pathologies.obstacle() == "Pick the file of your pathology."
    panel.ui.pathologyPathLineEdit.currentPath = str(pathology_file)
    assert panel.pathologies.source == str(pathology_file)
    assert panel.pathologies.pathology.title == "Toy lesion"
    wrong = tmp_path / "wrong.json"
    wrong.write_text("{}")
    panel.ui.pathologyPathLineEdit.currentPath = str(wrong)
    assert panel.pathologies.pathology is None
    assert "identifier" in panel.pathologies.obstacle()


def test_both_tabs_have_the_same_condition(panel, module):
    learning = module("MedDeepDiagnosis").widget.learningPanel
    panel.ui.pathologyComboBox.currentIndex = 1
    assert learning.parameterNode.pathology == panel.parameterNode.pathology
