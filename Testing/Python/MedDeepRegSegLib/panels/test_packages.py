"""What the panels ask for before a task: PyTorch only for networks, through its extension, with consent."""

import subprocess
import sys
import types

import Host
import pytest
from Host import pytorch_standin

from MedDeepRegSegLib.errors import MissingPackageError


@pytest.fixture
def packages(slicer_scene):
    """Return the module under test; it needs the host."""
    from MedDeepRegSegLib.panels import packages

    return packages


@pytest.fixture
def no_torch(monkeypatch):
    """Hide the installed PyTorch."""
    monkeypatch.setitem(sys.modules, "torch", None)


@pytest.fixture
def extension(monkeypatch):
    """The module of the PyTorch extension."""
    module = types.ModuleType("PyTorchUtils")
    module.PyTorchUtilsLogic = pytorch_standin.PyTorchUtilsLogic
    monkeypatch.setitem(sys.modules, "PyTorchUtils", module)
    return module


@pytest.fixture
def no_extension(monkeypatch):
    monkeypatch.setitem(sys.modules, "PyTorchUtils", None)


def test_torch_that_is_there_is_not_asked_for(packages, no_extension, dialogs_shown, pip_calls_made):
    packages.ensureTorch("MedDeep")
    assert dialogs_shown.texts() == []
    assert pip_calls_made == []


def test_the_extension_installs_torch_with_consent(packages, no_torch, extension, dialogs_shown, pip_calls_made):
    packages.ensureTorch("MedDeep")
    assert len(dialogs_shown.texts()) == 1
    assert "PyTorch will be downloaded" in dialogs_shown.texts()[0]
    assert pip_calls_made == [["install", f"torch{packages.TORCH_VERSION}", "torchvision"]]


def test_without_the_extension_it_says_where_to_get_it(packages, no_torch, no_extension, dialogs_shown, pip_calls_made):
    with pytest.raises(MissingPackageError, match=r"MedDeep needs PyTorch.*Extensions Manager.*restart Slicer"):
        packages.ensureTorch("MedDeep")
    assert dialogs_shown.texts() == []
    assert pip_calls_made == []


def test_declined_by_the_user(packages, no_torch, extension, dialogs_shown, pip_calls_made):
    import qt

    dialogs_shown.answer_next(qt.QMessageBox.Cancel)
    with pytest.raises(MissingPackageError, match="were not installed: press the button again"):
        packages.ensureTorch("MedDeep")
    assert pip_calls_made == []


@pytest.mark.parametrize("error", [subprocess.CalledProcessError(1, "ltt"), ImportError("a library is missing")])
def test_a_failed_installation_says_what_to_do(packages, no_torch, extension, monkeypatch, error):
    monkeypatch.setattr(extension.PyTorchUtilsLogic, "error", error)
    with pytest.raises(MissingPackageError, match="could not be installed: check the connection"):
        packages.ensureTorch("MedDeep")


@pytest.fixture
def panel(module, head_nodes):
    return module("MedDeepRegSeg").widget.segmentationPanel


def test_only_tasks_of_networks_ask_for_torch(panel, no_torch, no_extension, dialogs_shown):
    panel.ui.foregroundButton.click()
    assert panel.runner.busy
    panel.ui.foregroundButton.click()
    assert Host.process_events(30, until=lambda: not panel.runner.busy)
    assert dialogs_shown.texts() == []
    panel.ui.colorFeaturesButton.click()
    assert not panel.runner.busy
    assert "Extensions Manager" in dialogs_shown.texts()[0]
    assert panel.ui.statusLabel.text == dialogs_shown.texts()[0]


def test_training_asks_for_its_packages_when_it_is_started(module, head_nodes, pip_calls_made, tmp_path):
    panel = module("MedDeepRegSeg").widget.trainingPanel
    assert pip_calls_made == []
    needs = tmp_path / "requirements.txt"
    needs.write_text("surely-not-installed>=1\n")
    panel.trainSection._requirementsFile = needs
    (tmp_path / "dataset.json").write_text("{}")
    panel.ui.trainingDatasetPathLineEdit.currentPath = str(tmp_path / "dataset.json")
    panel.ui.trainingModelPathLineEdit.currentPath = str(tmp_path / "model")
    panel.ui.trainButton.click()
    panel.reset()
    assert [call[1].split(">")[0] for call in pip_calls_made] == ["surely-not-installed"]


def test_torch_is_installed_before_the_other_packages(panel, no_torch, extension, pip_calls_made, tmp_path):
    file = tmp_path / "requirements.txt"
    file.write_text("surely-not-installed>=1\n")
    panel._networksRequirementsFile = file
    panel.ui.colorFeaturesButton.click()
    panel.reset()
    assert [call[1].split(">")[0] for call in pip_calls_made] == ["torch", "surely-not-installed"]


@pytest.mark.parametrize("name", ["", "-networks", "-training", "-elastix"])
def test_the_requirements_are_ones_that_pip_reads(packages, name):
    from pathlib import Path

    from packaging.requirements import Requirement

    path = Path(packages.__file__).parents[2] / "Resources" / f"MedDeepRegSeg{name}-requirements.txt"
    lines = [line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines()]
    assert {Requirement(line).name for line in lines if line} == {
        "": set(),
        "-networks": {"safetensors", "jinja2"},
        "-training": {"monai", "matplotlib"},
        "-elastix": {"itk-elastix"},
    }[name]
