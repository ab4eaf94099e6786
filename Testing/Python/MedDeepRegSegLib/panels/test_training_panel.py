"""The Training tab: what can be pressed when and why not, and what arrives in the tasks."""

import shutil
from pathlib import Path

import Host
import pytest
import slicer


def wait_for_end(panel, seconds=300):
    assert Host.process_events(seconds, until=lambda: not panel.runner.busy), panel.ui.statusLabel.text


@pytest.fixture
def loaded(module, phantom_nodes):
    return module("MedDeepRegSeg")


@pytest.fixture
def panel(loaded, phantom_files):
    panel = loaded.widget.trainingPanel
    panel.ui.trainingDatasetPathLineEdit.currentPath = str(phantom_files)
    return panel


@pytest.fixture
def tasks(panel, monkeypatch):
    """The arguments of the tasks that would be started."""
    from MedDeepRegSegLib.panels import train_section, use_sections

    seen = []
    for module_, names in (
        (train_section, ("TrainTask", "TrainGrowingTask", "TrainEncoderTask", "CompareTask")),
        (use_sections, ("PredictTask", "EvaluateTask", "SelectTask")),
    ):
        for name in names:
            monkeypatch.setattr(
                module_, name, lambda *nodes, _name=name, **options: seen.append((_name, nodes, options))
            )
    monkeypatch.setattr(panel.runner, "start", lambda *_arguments, **_options: None)
    return seen


def choose(panel, name):
    from MedDeepRegSegLib.panels.training_choices import TrainedNetwork

    panel.parameterNode.trainNetwork = TrainedNetwork(name)


def make_short(panel):
    panel.parameterNode.trainEpochs = 2
    panel.parameterNode.trainSteps = 3
    panel.parameterNode.trainPatch = 16
    panel.parameterNode.trainSpacingMm = 8.0


def test_the_train_button_says_what_is_missing(panel, tmp_path):
    button = panel.ui.trainButton
    assert button.toolTip == "Pick a folder for the model."
    panel.ui.trainingModelPathLineEdit.currentPath = str(tmp_path / "model")
    assert button.enabled
    panel.ui.trainResumeCheckBox.checked = True
    assert "No run lies in the model folder" in button.toolTip
    (tmp_path / "model" / "run").mkdir(parents=True)
    panel.updateButtons()
    assert button.enabled
    panel.ui.trainResumeCheckBox.checked = False
    assert "check Resume" in button.toolTip
    panel.ui.trainingModelPathLineEdit.currentPath = str(tmp_path)
    assert "not empty" in button.toolTip
    panel.ui.trainingModelPathLineEdit.currentPath = str(tmp_path / "other")
    panel.ui.trainStartPathLineEdit.currentPath = str(tmp_path / "absent")
    assert "to begin from is not there" in button.toolTip
    panel.ui.trainStartPathLineEdit.currentPath = str(tmp_path)
    panel.ui.trainScratchCheckBox.checked = True
    assert "not from both" in button.toolTip
    panel.ui.trainingDatasetPathLineEdit.currentPath = str(tmp_path / "absent.json")
    for name in ("trainButton", "compareButton"):
        assert "dataset is not there" in getattr(panel.ui, name).toolTip
    panel.ui.trainingDatasetPathLineEdit.currentPath = ""
    assert button.toolTip == "Pick a dataset: the tab Data & augmentation makes one."


def test_using_a_model_needs_one(panel, tmp_path):
    names = ("predictButton", "evaluateButton", "selectButton")
    for name in names:
        assert getattr(panel.ui, name).toolTip == "Pick the folder of a model."
    panel.ui.trainingModelPathLineEdit.currentPath = str(tmp_path)
    for name in names:
        assert "train one first" in getattr(panel.ui, name).toolTip
    (tmp_path / "model.json").write_text("{}")
    panel.updateButtons()
    assert all(getattr(panel.ui, name).enabled for name in names)
    panel.ui.predictSecondVolumeSelector.setCurrentNode(panel.ui.predictVolumeSelector.currentNode())
    assert "Both volumes are the same" in panel.ui.predictButton.toolTip
    panel.ui.predictVolumeSelector.setCurrentNode(None)
    assert panel.ui.predictButton.toolTip == "Pick a volume."
    panel.ui.evaluateOutputPathLineEdit.currentPath = str(tmp_path)
    assert "not empty" in panel.ui.evaluateButton.toolTip


def test_a_growing_network_is_not_segmented_with(panel, tmp_path):
    (tmp_path / "model.json").write_text('{"architecture": "growing"}')
    panel.ui.trainingModelPathLineEdit.currentPath = str(tmp_path)
    for name in ("predictButton", "evaluateButton", "selectButton"):
        assert not getattr(panel.ui, name).enabled
        assert "under Grow" in getattr(panel.ui, name).toolTip


def test_an_encoder_is_begun_from_and_not_segmented_with(panel, tmp_path):
    (tmp_path / "model.json").write_text('{"architecture": "encoder"}')
    panel.ui.trainingModelPathLineEdit.currentPath = str(tmp_path)
    for name in ("predictButton", "evaluateButton", "selectButton", "exportBundleButton"):
        assert not getattr(panel.ui, name).enabled
        assert "The model is an encoder" in getattr(panel.ui, name).toolTip


def test_minutes_are_the_default(panel, tasks, phantom_files, tmp_path):
    panel.ui.trainingModelPathLineEdit.currentPath = str(tmp_path / "model")
    assert panel.ui.trainMinutesSpinBox.value == 20
    assert "(default)" in panel.ui.trainNetworkComboBox.currentText
    panel.ui.trainButton.click()
    ((name, nodes, options),) = tasks
    assert (name, nodes) == ("TrainTask", (phantom_files,))
    assert options["out"] == tmp_path / "model"
    assert (options["network"], options["minutes"], options["epochs"]) == ("encoder", 20.0, None)
    assert options["augmentation"] == "default"
    assert options["spacing_mm"] is None


def test_advanced_choices_arrive_in_the_task(panel, tasks, tmp_path):
    panel.ui.trainingModelPathLineEdit.currentPath = str(tmp_path / "model")
    choose(panel, "unet")
    make_short(panel)
    assert not panel.ui.trainMinutesSpinBox.enabled
    panel.ui.trainPresetComboBox.currentIndex = 0
    panel.ui.trainBatchSpinBox.value = 2
    panel.ui.trainButton.click()
    options = tasks[0][2]
    assert options["network"] == "unet"
    assert (options["minutes"], options["epochs"], options["steps_per_epoch"]) == (None, 2, 3)
    assert options["batch"] == 2
    assert options["patch"] == (16, 16, 16)
    assert options["spacing_mm"] == (8.0, 8.0, 8.0)
    assert options["augmentation"] == "none"


def test_a_run_that_goes_on_has_its_own_settings(panel, tasks, tmp_path):
    (tmp_path / "model" / "run").mkdir(parents=True)
    panel.ui.trainingModelPathLineEdit.currentPath = str(tmp_path / "model")
    make_short(panel)
    panel.ui.trainResumeCheckBox.checked = True
    assert not panel.ui.trainEpochsSpinBox.enabled
    panel.ui.trainButton.click()
    assert tasks[0][2] == {"out": tmp_path / "model", "network": "encoder", "resume": True}


def test_the_growing_network_has_its_own_task(panel, tasks, tmp_path):
    panel.ui.trainingModelPathLineEdit.currentPath = str(tmp_path / "model")
    choose(panel, "growing")
    assert "fewer clicks" in panel.ui.trainNetworkDescriptionLabel.text
    assert not panel.ui.trainEpochsSpinBox.enabled
    assert panel.ui.trainMinutesSpinBox.enabled
    panel.ui.trainMinutesSpinBox.value = 7
    panel.ui.trainButton.click()
    name, _nodes, options = tasks[0]
    assert name == "TrainGrowingTask"
    assert (options["minutes"], options["resume"], options["start"]) == (7.0, False, None)


def test_the_encoder_without_labels_has_its_own_task(panel, tasks, tmp_path):
    model = tmp_path / "encoder"
    panel.ui.trainingModelPathLineEdit.currentPath = str(model)
    choose(panel, "masked")
    assert panel.ui.trainNetworkComboBox.currentText == "Encoder from images without labels (to begin from)"
    assert "compare" in panel.ui.trainNetworkDescriptionLabel.text
    for name in ("trainPresetComboBox", "trainEpochsSpinBox", "trainPatchSpinBox"):
        assert not getattr(panel.ui, name).enabled
    for name in ("trainMinutesSpinBox", "trainScratchCheckBox", "trainStartPathLineEdit", "trainSeedSpinBox"):
        assert getattr(panel.ui, name).enabled
    panel.ui.trainMinutesSpinBox.value = 7
    panel.ui.trainScratchCheckBox.checked = True
    panel.ui.trainStartPathLineEdit.currentPath = str(tmp_path)
    assert "not from both" in panel.ui.trainButton.toolTip
    panel.ui.trainStartPathLineEdit.currentPath = ""
    panel.ui.trainButton.click()
    options = {"out": model, "minutes": 7.0, "resume": False, "start": None, "seed": 0, "scratch": True}
    assert tasks[0][0] == "TrainEncoderTask"
    assert tasks[0][2] == options


@pytest.mark.parametrize("network", ["growing", "masked"])
def test_a_timed_run_that_goes_on_is_told_what_it_began_from(panel, tasks, tmp_path, network):
    (tmp_path / "model" / "run").mkdir(parents=True)
    panel.ui.trainingModelPathLineEdit.currentPath = str(tmp_path / "model")
    choose(panel, network)
    panel.ui.trainStartPathLineEdit.currentPath = str(tmp_path)
    panel.ui.trainResumeCheckBox.checked = True
    assert panel.ui.trainStartPathLineEdit.enabled
    panel.ui.trainButton.click()
    options = tasks[0][2]
    assert (options["resume"], options["start"]) == (True, tmp_path)


def test_cancel_says_that_the_run_is_kept(panel, tmp_path):
    panel.ui.trainingModelPathLineEdit.currentPath = str(tmp_path / "model")
    before = sorted(node.GetID() for node in slicer.util.getNodesByClass("vtkMRMLNode"))
    panel.ui.trainButton.click()
    assert panel.runner.busy
    panel.ui.trainButton.click()
    wait_for_end(panel, 20)
    assert "check Resume to go on" in panel.ui.statusLabel.text
    assert sorted(node.GetID() for node in slicer.util.getNodesByClass("vtkMRMLNode")) == before


def test_monai_is_asked_for_only_by_its_networks(panel, tasks, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(panel, "_ensurePackages", lambda networks, file: asked.append((networks, file)))
    panel.ui.trainingModelPathLineEdit.currentPath = str(tmp_path)
    for network in ("encoder", "unet"):
        (tmp_path / "model.json").write_text(f'{{"settings": {{"network": "{network}"}}}}')
        panel.updateButtons()
        panel.ui.predictButton.click()
    assert [networks for networks, _ in asked] == [True, True]
    assert asked[0][1] is None
    assert asked[1][1].endswith("MedDeepRegSeg-monai-requirements.txt")


@pytest.mark.parametrize(
    ("network", "needs"),
    [("encoder", "training"), ("growing", "training"), ("masked", "training")]
    + [(name, "monai") for name in ("unet", "segresnet", "dynunet", "custom")],
)
def test_a_training_asks_for_monai_only_for_its_networks(panel, monkeypatch, tmp_path, network, needs):
    asked = []
    monkeypatch.setattr(panel, "toggleTask", lambda *_args, requirementsFile, **_more: asked.append(requirementsFile))
    panel.ui.trainingModelPathLineEdit.currentPath = str(tmp_path / "model")
    choose(panel, network)
    panel.trainSection.onTrain()
    assert [Path(path).name for path in asked] == [f"MedDeepRegSeg-{needs}-requirements.txt"]


def test_all_volumes_arrive_in_the_prediction(panel, tasks, phantom_nodes, tmp_path):
    (tmp_path / "model.json").write_text("{}")
    panel.ui.trainingModelPathLineEdit.currentPath = str(tmp_path)
    panel.ui.predictSecondVolumeSelector.setCurrentNode(phantom_nodes[1][0])
    panel.ui.predictButton.click()
    name, (volumes,), options = tasks[0]
    assert name == "PredictTask"
    assert volumes == [phantom_nodes[0][0], phantom_nodes[1][0]]
    assert options["model"] == tmp_path


def test_evaluations_do_not_overwrite_each_other(slicer_scene, tmp_path):
    from MedDeepRegSegLib.panels.use_sections import newFolderBeside

    first = newFolderBeside(tmp_path / "model")
    first.mkdir()
    second = newFolderBeside(tmp_path / "model")
    assert (first.name, second.name) == ("model evaluation", "model evaluation 2")
    shutil.rmtree(first)


def test_a_failure_of_following_does_not_end_the_job(panel, monkeypatch, tmp_path):
    from MedDeepRegSegLib.panels import task_runner

    monkeypatch.setattr(task_runner, "FOLLOW_INTERVAL_S", 0.0)
    calls = []

    def follow(task):
        calls.append(task)
        raise OSError("no room")

    panel.trainSection.follow = follow
    panel.ui.trainingModelPathLineEdit.currentPath = str(tmp_path / "model")
    panel.ui.trainButton.click()
    assert Host.process_events(30, until=lambda: bool(calls))
    Host.process_events(0.5)
    assert len(calls) == 1
    assert panel.runner.busy
    panel.ui.trainButton.click()
    wait_for_end(panel, 20)


def test_the_task_knows_the_log_of_the_checks():
    from MedDeepRegSegLib.mrml.train_task import CHECK_LOG
    from MedDeepRegSegLib.training import checks

    assert CHECK_LOG == checks.CHECK_LOG
