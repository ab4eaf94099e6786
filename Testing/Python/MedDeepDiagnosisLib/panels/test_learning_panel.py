"""The tab Learning as its user sees it: what can be pressed when, and what arrives in the tasks."""

import Host
import pytest
import slicer

from MedDeepRegSegLib.mrml.tables import TableColumn, table_from_rows


@pytest.fixture
def panel(module, stroke_like):
    panel = module("MedDeepDiagnosis").widget.learningPanel
    panel.parameterNode.pathology = "own"
    panel.ui.pathologyPathLineEdit.currentPath = str(stroke_like[1])
    return panel


@pytest.fixture
def tasks(panel, monkeypatch):
    """The arguments of the tasks that would be started, and whether they need PyTorch."""
    from MedDeepDiagnosisLib.panels import associations_section, fit_section

    seen = []
    for module_, name in ((fit_section, "FitTask"), (associations_section, "AssociationsTask")):
        monkeypatch.setattr(module_, name, lambda *nodes, _n=name, **options: seen.append((_n, nodes, options)))
    monkeypatch.setattr(panel.runner, "start", lambda *_arguments, **_options: None)
    monkeypatch.setattr(panel, "_ensurePackages", lambda networks, file: seen.append(("packages", networks, file)))
    return seen


def use_file(panel, path):
    panel.parameterNode.casesFrom = type(panel.parameterNode.casesFrom)("file")
    panel.ui.learnTablePathLineEdit.currentPath = str(path)


def check(panel, learner):
    import qt

    from MedDeepDiagnosisLib.panels.parameters import Predictor

    panel.ui.compareListWidget.item(list(Predictor).index(Predictor(learner))).setCheckState(qt.Qt.Checked)


def test_fit_says_what_is_missing(panel, cases_file, tmp_path):
    button = panel.ui.fitButton
    panel.ui.learnCaseBasePathLineEdit.currentPath = str(tmp_path / "absent.sqlite")
    assert "tab Case base makes one" in button.toolTip
    panel.ui.learnCaseBasePathLineEdit.currentPath = ""
    assert button.toolTip == "Pick the file of a case base."
    use_file(panel, tmp_path / "absent.csv")
    assert "not there" in button.toolTip
    use_file(panel, cases_file)
    assert button.toolTip == "Pick a folder for the model."
    panel.ui.fitOutputPathLineEdit.currentPath = str(tmp_path)
    assert "not empty" in button.toolTip
    panel.ui.fitOutputPathLineEdit.currentPath = str(tmp_path / "model")
    assert button.enabled
    panel.parameterNode.casesFrom = type(panel.parameterNode.casesFrom)("scene")
    assert button.toolTip == "Pick a table of the scene."
    panel.ui.pathologyPathLineEdit.currentPath = ""
    assert button.toolTip == "Pick the file of your pathology."


def test_only_the_line_of_the_chosen_source_is_shown(panel, cases_file):
    lines = ("learnCaseBasePathLineEdit", "learnTablePathLineEdit", "caseTableSelector")
    assert [getattr(panel.ui, name).isHidden() for name in lines] == [False, True, True]
    use_file(panel, cases_file)
    assert [getattr(panel.ui, name).isHidden() for name in lines] == [True, False, True]


def test_choices_arrive_in_the_fit(panel, tasks, cases_file, stroke_like, tmp_path):
    use_file(panel, cases_file)
    panel.ui.fitOutputPathLineEdit.currentPath = str(tmp_path / "model")
    assert panel.ui.targetComboBox.count == 2
    panel.ui.targetComboBox.currentIndex = 1
    check(panel, "svm")
    panel.ui.fitButton.click()
    packages, (name, nodes, options) = tasks
    assert packages[1] is False
    assert packages[2].endswith("MedDeepDiagnosis-learning-requirements.txt")
    assert (name, nodes) == ("FitTask", (str(stroke_like[1]),))
    assert options["target"] == "score"
    assert options["learners"] == ("additive", "svm")
    assert (options["source"], options["out"]) == (cases_file, tmp_path / "model")


def test_the_model_is_the_first_learner_and_networks_need_pytorch(panel, tasks, cases_file, tmp_path):
    use_file(panel, cases_file)
    panel.ui.fitOutputPathLineEdit.currentPath = str(tmp_path / "model")
    check(panel, "boosting")
    panel.parameterNode.predictor = type(panel.parameterNode.predictor)("network")
    panel.ui.fitButton.click()
    assert tasks[0][1] is True
    assert tasks[1][2]["learners"] == ("network", "boosting")


def test_a_table_of_the_scene_and_a_case_base_arrive(panel, tasks, tmp_path):
    node = table_from_rows([TableColumn("patient")], [{"patient": "A"}], "Cases")
    panel.parameterNode.casesFrom = type(panel.parameterNode.casesFrom)("scene")
    panel.ui.caseTableSelector.setCurrentNode(node)
    panel.ui.associationsOutputPathLineEdit.currentPath = str(tmp_path)
    panel.ui.associationsButton.click()
    (tmp_path / "c.sqlite").touch()
    panel.parameterNode.casesFrom = type(panel.parameterNode.casesFrom)("base")
    panel.ui.learnCaseBasePathLineEdit.currentPath = str(tmp_path / "c.sqlite")
    panel.ui.associationsButton.click()
    first, second = (options for name, _nodes, options in tasks if name == "AssociationsTask")
    assert first["source"] is node
    assert second["db"] == tmp_path / "c.sqlite"
    assert first["out"].parent == tmp_path
    assert first["out"].name.endswith("associations")


def test_a_canceled_fit_leaves_nothing(module, cases_file, pathology_file, tmp_path):
    panel = module("MedDeepDiagnosis").widget.learningPanel
    panel.parameterNode.pathology = "own"
    panel.ui.pathologyPathLineEdit.currentPath = str(pathology_file)
    use_file(panel, cases_file)
    panel.ui.fitOutputPathLineEdit.currentPath = str(tmp_path / "model")
    before = slicer.mrmlScene.GetNumberOfNodes()
    panel.ui.fitButton.click()
    assert panel.ui.fitButton.text == "Cancel"
    assert panel.ui.associationsButton.toolTip == "Another job of this panel is running."
    panel.ui.fitButton.click()
    assert Host.process_events(30, until=lambda: not panel.runner.busy)
    assert panel.ui.fitButton.text == "Fit"
    assert "Canceled" in panel.ui.statusLabel.text
    assert slicer.mrmlScene.GetNumberOfNodes() == before
    assert not (tmp_path / "model").exists()


@pytest.mark.slow
def test_fit_and_associations_show_what_they_found(module, cases_file, pathology_file, tmp_path):
    panel = module("MedDeepDiagnosis").widget.learningPanel
    panel.parameterNode.pathology = "own"
    panel.ui.pathologyPathLineEdit.currentPath = str(pathology_file)
    use_file(panel, cases_file)
    panel.ui.fitOutputPathLineEdit.currentPath = str(tmp_path / "model")
    panel.ui.fitButton.click()
    assert Host.process_events(120, until=lambda: not panel.runner.busy), panel.ui.statusLabel.text
    assert "450 cases of 150 patients" in panel.ui.fitResultLabel.text
    assert panel.ui.scoresTableView.mrmlTableNode().GetNumberOfRows() > 2
    assert "Toy lesion" in panel.ui.cardTextBrowser.toPlainText()
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLPlotChartNode") == 1
    assert "not empty" in panel.ui.fitButton.toolTip, "the model stays"
    assert panel.parameterNode.modelFolder == tmp_path / "model", "the tab Case offers it"
    panel.ui.associationsOutputPathLineEdit.currentPath = str(tmp_path)
    panel.ui.associationsButton.click()
    assert Host.process_events(120, until=lambda: not panel.runner.busy), panel.ui.statusLabel.text
    assert "pairs go together, in 450 cases of 150 patients" in panel.ui.associationsResultLabel.text
    assert panel.ui.openAssociationsButton.enabled
    assert panel.ui.scoresTableView.mrmlTableNode() is not None, "the scores stay"
