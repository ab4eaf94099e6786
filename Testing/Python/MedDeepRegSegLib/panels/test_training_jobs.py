"""Training in the panel from end to end, with real jobs on coarse heads: train, follow, segment, evaluate, compare."""

import Host
import pytest
import slicer

from MedDeepRegSegLib.mrml.tables import rows_from_table


def wait_for_end(panel, seconds=300):
    assert Host.process_events(seconds, until=lambda: not panel.runner.busy), panel.ui.statusLabel.text


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Where the model lies that the first test trains."""
    return tmp_path_factory.mktemp("training")


@pytest.fixture
def loaded(module, phantom_nodes):
    return module("MedDeepRegSeg")


@pytest.fixture
def panel(loaded, phantom_files):
    panel = loaded.widget.trainingPanel
    panel.ui.trainingDatasetPathLineEdit.currentPath = str(phantom_files)
    return panel


def make_short(panel):
    panel.parameterNode.trainEpochs = 2
    panel.parameterNode.trainSteps = 3
    panel.parameterNode.trainPatch = 16
    panel.parameterNode.trainSpacingMm = 8.0


@pytest.mark.slow
def test_a_network_is_trained_followed_and_used(panel, phantom_nodes, shared, monkeypatch):
    from MedDeepRegSegLib.panels import task_runner

    monkeypatch.setattr(task_runner, "FOLLOW_INTERVAL_S", 0.1)
    model = shared / "model"
    panel.ui.trainingModelPathLineEdit.currentPath = str(model)
    make_short(panel)
    followed = []
    own = panel.trainSection.follow
    panel.trainSection.follow = lambda task: followed.append(own(task))
    panel.ui.trainButton.click()
    assert panel.ui.trainButton.text == "Cancel"
    assert "kept in the model folder" in panel.ui.trainButton.toolTip
    wait_for_end(panel)
    assert (model / "model.json").is_file(), panel.ui.statusLabel.text
    assert followed
    assert "Mean Dice on the validation cases" in panel.ui.trainResultLabel.text
    assert "cerebellum and brainstem" in panel.ui.trainResultLabel.text
    assert not panel.ui.trainExamplesLabel.pixmap.isNull()
    assert panel.ui.trainingTableView.mrmlTableNode().GetName() == "model validation"
    assert slicer.util.getNodesByClass("vtkMRMLPlotChartNode")
    assert "A run lies in the model folder already" in panel.ui.trainButton.toolTip
    assert panel.ui.openModelButton.enabled
    # The model that was trained is the one that is used.
    panel.ui.predictUncertaintyCheckBox.checked = True
    assert panel.ui.predictVolumeSelector.currentNode() is phantom_nodes[0][0]
    panel.ui.predictButton.click()
    wait_for_end(panel)
    assert panel.ui.statusLabel.text.startswith("Done:")
    segmentation = panel.ui.predictSegmentationSelector.currentNode()
    assert segmentation.GetName() == "phantom-001 segmentation"
    doubt = slicer.util.getNode("phantom-001 uncertainty")
    assert {node.GetForegroundVolumeID() for node in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")} == {
        doubt.GetID()
    }
    # What the training said stays.
    assert panel.ui.trainResultLabel.text


@pytest.mark.slow
def test_a_model_is_evaluated(panel, shared, monkeypatch):
    import qt

    from MedDeepRegSegLib.panels.training_choices import CaseRole

    if not (shared / "model" / "model.json").is_file():
        pytest.skip("the model was not trained")
    opened = []
    monkeypatch.setattr(qt.QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()) or True)
    panel.ui.trainingModelPathLineEdit.currentPath = str(shared / "model")
    panel.parameterNode.evaluateRole = CaseRole.VALIDATION
    assert not panel.ui.openReportButton.enabled
    panel.ui.evaluateButton.click()
    wait_for_end(panel)
    assert "cases for validation" in panel.ui.evaluateResultLabel.text, panel.ui.statusLabel.text
    table = panel.ui.trainingTableView.mrmlTableNode()
    assert len(rows_from_table(table)[1]) == 4
    panel.ui.openReportButton.click()
    assert opened == [str(shared / "model evaluation" / "report.html")]


@pytest.mark.slow
def test_networks_are_compared_before_one_is_trained(panel):
    panel.ui.compareButton.click()
    wait_for_end(panel)
    table = panel.ui.trainingTableView.mrmlTableNode()
    assert table is not None, panel.ui.statusLabel.text
    _columns, rows = rows_from_table(table)
    names = [next(iter(row.values())) for row in rows]
    assert names == ["encoder", "unet", "segresnet", "dynunet", "custom"]
    assert not panel.ui.tablesCollapsibleButton.collapsed


@pytest.mark.slow
def test_the_self_test_trains(loaded, tmp_path):
    from MedDeepRegSegLib.mrml.self_test import check_training

    outputs = check_training(loaded.logic, tmp_path)
    assert outputs["segmentation"].GetScene() is slicer.mrmlScene
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def small_heads(tmp_path_factory):
    """The file of a dataset with two cases that are not labeled."""
    from small_heads import write_small_heads

    return write_small_heads(tmp_path_factory.mktemp("small") / "heads")


@pytest.mark.slow
def test_the_growing_network_is_fine_tuned(panel, small_heads, tmp_path, monkeypatch):
    from tiny_networks import write_tiny_growing

    from MedDeepRegSegLib.panels import train_section
    from MedDeepRegSegLib.panels.training_choices import TrainedNetwork

    task = train_section.TrainGrowingTask
    short = {"minutes": None, "steps": 2, "clicks": 2, "most_objects": 2}  # the panel offers a minute and more
    monkeypatch.setattr(train_section, "TrainGrowingTask", lambda *nodes, **given: task(*nodes, **{**given, **short}))
    model = tmp_path / "grown"
    panel.ui.trainingDatasetPathLineEdit.currentPath = str(small_heads)
    panel.ui.trainingModelPathLineEdit.currentPath = str(model)
    panel.parameterNode.trainNetwork = TrainedNetwork.GROWING
    panel.ui.trainStartPathLineEdit.currentPath = str(write_tiny_growing(tmp_path / "start"))
    panel.ui.trainButton.click()
    assert "kept in the model folder" in panel.ui.trainButton.toolTip
    wait_for_end(panel)
    assert (model / "model.json").is_file(), panel.ui.statusLabel.text
    text = panel.ui.trainResultLabel.text
    assert "Own model" in text
    assert str(model) in text
    table = panel.ui.trainingTableView.mrmlTableNode()
    assert table.GetName() == "grown clicks saved"
    assert rows_from_table(table)[1]
    # It needs clicks, so it is nothing to segment with; and its run is not begun again by mistake.
    assert "under Grow" in panel.ui.predictButton.toolTip
    assert "A run lies in the model folder already" in panel.ui.trainButton.toolTip


@pytest.mark.slow
def test_an_encoder_is_trained_without_labels(panel, small_heads, tmp_path, monkeypatch):
    from tiny_networks import write_tiny_encoder

    from MedDeepRegSegLib.models.networks import load_encoder
    from MedDeepRegSegLib.panels import train_section
    from MedDeepRegSegLib.panels.training_choices import TrainedNetwork

    task = train_section.TrainEncoderTask
    short = {"minutes": None, "steps": 2}  # the panel offers a minute and more
    monkeypatch.setattr(train_section, "TrainEncoderTask", lambda *nodes, **given: task(*nodes, **{**given, **short}))
    model = tmp_path / "encoder"
    panel.ui.trainingDatasetPathLineEdit.currentPath = str(small_heads)
    panel.ui.trainingModelPathLineEdit.currentPath = str(model)
    panel.parameterNode.trainNetwork = TrainedNetwork.MASKED
    panel.ui.trainStartPathLineEdit.currentPath = str(write_tiny_encoder(tmp_path / "start"))
    panel.ui.trainButton.click()
    wait_for_end(panel)
    assert (model / "model.json").is_file(), panel.ui.statusLabel.text
    assert load_encoder(model).description.training.steps == 2
    text = panel.ui.trainResultLabel.text
    assert "Error of what is hidden" in text
    assert str(model) in text
    assert "The model is an encoder" in panel.ui.predictButton.toolTip
    # The resume check box goes on with it, and nothing begins over it by mistake.
    assert "A run lies in the model folder already" in panel.ui.trainButton.toolTip


@pytest.mark.slow
def test_a_model_becomes_a_bundle_and_a_bundle_a_model(panel, tmp_path):
    from tiny_segmenter import TINY, write_tiny_segmenter

    model, bundle, back = tmp_path / "model", tmp_path / "bundle", tmp_path / "back"
    write_tiny_segmenter(model, TINY["custom"])
    panel.ui.trainingModelPathLineEdit.currentPath = str(model)
    panel.ui.bundlePathLineEdit.currentPath = str(bundle)
    panel.ui.exportBundleButton.click()
    assert panel.ui.exportBundleButton.text == "Cancel"
    wait_for_end(panel)
    assert panel.ui.exportBundleButton.text == "Export the model"
    assert str(bundle) in panel.ui.statusLabel.text
    assert (bundle / "configs" / "inference.json").is_file()
    assert "bundle folder is not empty" in panel.ui.exportBundleButton.toolTip
    panel.ui.trainingModelPathLineEdit.currentPath = str(back)
    panel.ui.importBundleButton.click()
    wait_for_end(panel)
    assert (back / "model.safetensors").is_file(), panel.ui.statusLabel.text
    assert "can be used" in panel.ui.statusLabel.text
    assert panel.ui.evaluateButton.enabled


@pytest.mark.slow
def test_the_next_cases_to_label_are_ranked(panel, small_heads, tmp_path):
    from dataclasses import replace

    from tiny_segmenter import TINY, write_tiny_segmenter

    from MedDeepRegSegLib.datasets.dataset import read_dataset

    dataset = read_dataset(small_heads)
    settings = replace(TINY["custom"], classes=len(dataset.classes) + 1)
    write_tiny_segmenter(tmp_path / "m", settings, classes=dataset.classes, channels=dataset.channels, validation=())
    panel.ui.trainingDatasetPathLineEdit.currentPath = str(small_heads)
    panel.ui.trainingModelPathLineEdit.currentPath = str(tmp_path / "m")
    panel.ui.selectButton.click()
    assert panel.ui.selectButton.text == "Cancel"
    wait_for_end(panel)
    table = panel.ui.trainingTableView.mrmlTableNode()
    assert table is not None, panel.ui.statusLabel.text
    cases = [row["case"] for row in rows_from_table(table)[1]]
    assert sorted(cases) == ["phantom-004", "phantom-005"]
    assert panel.ui.statusLabel.text == f"Done: label {cases[0]} next."
    assert not panel.ui.tablesCollapsibleButton.collapsed
