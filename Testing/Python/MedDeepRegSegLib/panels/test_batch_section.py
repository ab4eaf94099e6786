"""The section "Batch" of the tab Data & augmentation."""

import json

import Host
import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.jobs.batch_kinds import BATCHES
from MedDeepRegSegLib.mrml.tables import rows_from_table


@pytest.fixture
def panel(module, slicer_scene):
    return module("MedDeepRegSeg").widget.dataPanel


@pytest.fixture
def table(tmp_path):
    """A table of a label map, and of one that is not there."""
    labels = np.zeros((8, 8, 8), np.uint8)
    labels[2:6, 2:6, 2:6] = 1
    sitk.WriteImage(sitk.GetImageFromArray(labels), str(tmp_path / "cube.nrrd"))
    (tmp_path / "cases.csv").write_text("name,segmentation\ncube,cube.nrrd\ngone,absent.nrrd\n")
    return tmp_path / "cases.csv"


def test_the_section_is_collapsed_and_says_what_is_missing(panel, table, tmp_path):
    ui = panel.ui
    assert ui.batchCollapsibleButton.collapsed
    assert ui.batchCommandComboBox.currentText == "Measure segments"
    assert "needed: segmentation" in ui.batchHelpLabel.text
    assert ui.batchButton.toolTip == "Pick the table of the cases."
    ui.batchTablePathLineEdit.currentPath = str(tmp_path / "absent.csv")
    assert ui.batchButton.toolTip == "The table of the cases is not there."
    ui.batchTablePathLineEdit.currentPath = str(table)
    assert ui.batchButton.toolTip == "Pick an output folder."
    ui.batchOutputPathLineEdit.currentPath = str(table)
    assert ui.batchButton.toolTip == "The output folder is a file."
    ui.batchOutputPathLineEdit.currentPath = str(tmp_path / "out")
    assert ui.batchButton.enabled
    ui.batchCommandComboBox.currentIndex = ui.batchCommandComboBox.findText("Register pairs")
    assert panel.parameterNode.batchCommand == "register"
    assert "needed: fixed, moving" in ui.batchHelpLabel.text
    panel.parameterNode.batchCommand = "of another module"
    assert (ui.batchButton.toolTip, ui.batchHelpLabel.text) == ("Pick what to do.", "")


def test_commands_of_a_module_that_is_loaded_later_are_offered(panel, monkeypatch):
    box = panel.ui.batchCommandComboBox
    before = box.count
    monkeypatch.setitem(BATCHES, "weigh", "MedDeepRegSegLib.segmentation.measure_batch")
    panel.updateButtons()
    panel.updateButtons()
    assert box.count == before + 1
    assert box.itemText(before) == "weigh"


def test_cases_are_run_and_summed_up(panel, table, tmp_path):
    ui = panel.ui
    ui.batchTablePathLineEdit.currentPath = str(table)
    ui.batchOutputPathLineEdit.currentPath = str(tmp_path / "out")
    ui.batchWorkersSpinBox.value = 2
    ui.batchCollapsibleButton.collapsed = False
    ui.batchButton.click()
    assert ui.batchButton.text == "Cancel"
    assert Host.process_events(120, until=lambda: not panel.runner.busy), ui.statusLabel.text
    assert not ui.batchResultLabel.isHidden()
    assert "1 cases are done." in ui.batchResultLabel.text
    assert "1 failed, first gone: segmentation: " in ui.batchResultLabel.text
    assert str(tmp_path / "out" / "measurements.csv") in ui.batchResultLabel.text
    node = ui.batchTableView.mrmlTableNode()
    assert node.GetName() == "cases measure"
    _, rows = rows_from_table(node)
    assert [(row["name"], row["status"]) for row in rows] == [("cube", "done"), ("gone", "failed")]


def test_a_scheduler_that_does_not_answer_is_told(panel, table, tmp_path, dialogs_shown):
    ui = panel.ui
    ui.batchTablePathLineEdit.currentPath = str(table)
    ui.batchOutputPathLineEdit.currentPath = str(tmp_path / "out")
    ui.batchSchedulerLineEdit.text = "nonsense://here"
    ui.batchButton.click()
    assert Host.process_events(120, until=lambda: not panel.runner.busy), ui.statusLabel.text
    assert "no Dask scheduler answers at nonsense://here" in ui.statusLabel.text
    assert dialogs_shown


def test_the_scheduler_is_shown_and_not_kept_in_the_scene(panel):
    """The scene of somebody else must not say where cases are sent."""
    ui = panel.ui
    assert ui.batchPlaceLabel.text == "The cases run on this computer."
    ui.batchSchedulerLineEdit.text = " tcp://10.0.0.5:8786 "
    assert "The cases run at tcp://10.0.0.5:8786: their paths are sent there" in ui.batchPlaceLabel.text
    assert not hasattr(panel.parameterNode, "batchScheduler")
    node = panel.parameterNode.parameterNode
    assert "batchAgain" in str(node.GetParameterNames())
    assert not any("10.0.0.5" in node.GetParameter(name) for name in node.GetParameterNames())
    assert "Name only a scheduler that you trust: it can run programs" in ui.batchSchedulerLineEdit.toolTip
    assert "Plain tcp:// is not encrypted" in ui.batchSchedulerLineEdit.toolTip
    ui.batchSchedulerLineEdit.text = ""
    assert ui.batchPlaceLabel.text == "The cases run on this computer."


@pytest.mark.parametrize(
    ("networks", "asked"), [(["encoder"], False), (["encoder", "unet"], True), ([None, "unet"], True), ([], False)]
)
def test_monai_is_asked_for_only_where_a_model_of_the_table_needs_it(panel, monkeypatch, tmp_path, networks, asked):
    ui = panel.ui
    rows = ["model,image"]
    for number, network in enumerate(networks):
        rows.append(f"model-{number},image.nrrd")
        if network:
            (tmp_path / f"model-{number}").mkdir()
            (tmp_path / f"model-{number}" / "model.json").write_text(json.dumps({"settings": {"network": network}}))
    (tmp_path / "cases.csv").write_text("\n".join(rows))
    started = []
    monkeypatch.setattr(panel, "toggleTask", lambda *_args, **options: started.append(options))
    panel.parameterNode.batchCommand = "predict"
    ui.batchTablePathLineEdit.currentPath = str(tmp_path / "cases.csv")
    ui.batchOutputPathLineEdit.currentPath = str(tmp_path / "out")
    ui.batchButton.click()
    assert started[0]["networks"]
    assert (started[0]["requirementsFile"] is not None) == asked


def test_a_batch_is_canceled_where_the_table_was_taken_away(panel, monkeypatch, tmp_path):
    started = []
    monkeypatch.setattr(panel, "toggleTask", lambda *_args, **options: started.append(options))
    monkeypatch.setattr(panel.runner, "isCancelButton", lambda _button: True)
    panel.parameterNode.batchCommand = "predict"
    panel.ui.batchTablePathLineEdit.currentPath = ""
    panel.batchSection.onRun()
    assert started[0]["requirementsFile"] is None
