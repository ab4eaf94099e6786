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
def slicer_5_10(monkeypatch, pip_calls_made):
    """Slicer 5.10: no ``slicer.packaging``, and a ``pip_install`` that takes a text or a list."""
    import slicer

    if sys.modules.get("slicer.packaging") is None:
        return  # its own files are in use
    monkeypatch.setitem(sys.modules, "slicer.packaging", None)
    monkeypatch.delattr(slicer, "packaging", raising=False)

    def pip_install(requirements):
        pip_calls_made.append(["install", *(requirements.split() if isinstance(requirements, str) else requirements)])

    monkeypatch.setattr(slicer.util, "pip_install", pip_install)


@pytest.fixture(params=["5.10", "5.13"])
def either_version(request):
    """Slicer 5.10 or 5.13."""
    if request.param == "5.10":
        request.getfixturevalue("slicer_5_10")


@pytest.fixture
def needs(tmp_path):
    """A requirements file: one package that is there, one that is not, one that is not for this Python."""
    path = tmp_path / "requirements.txt"
    path.write_text("# Why.\nnumpy>=1.20\nsurely-not-installed>=1  # why\nnever-wanted; python_version < '3'\n")
    return path


def test_missing_packages_are_installed_with_consent(packages, either_version, dialogs_shown, pip_calls_made, needs):
    packages.ensurePackages(needs, "MedDeep")
    assert len(dialogs_shown.texts()) == 1
    assert [call[-1] for call in pip_calls_made] == ["surely-not-installed>=1"]
    assert pip_calls_made[0][0] == "install"


def test_packages_that_are_there_are_not_asked_for(packages, either_version, dialogs_shown, pip_calls_made, needs):
    needs.write_text("numpy>=1.20\n\n# nothing else\n")
    packages.ensurePackages(needs, "MedDeep")
    needs.write_text("# nothing at all\n")
    packages.ensurePackages(needs, "MedDeep")
    assert dialogs_shown.texts() == []
    assert pip_calls_made == []


def test_packages_that_are_declined_are_named(packages, either_version, dialogs_shown, pip_calls_made, needs):
    import qt

    dialogs_shown.answer_next(qt.QMessageBox.Cancel)
    with pytest.raises(MissingPackageError, match=r"surely-not-installed.*press the button again"):
        packages.ensurePackages(needs, "MedDeep")
    assert pip_calls_made == []


def test_without_packaging_a_replaced_version_is_told(packages, slicer_5_10, dialogs_shown, pip_calls_made, needs):
    needs.write_text("numpy>=99\n")
    packages.ensurePackages(needs, "MedDeep")
    assert "numpy>=99 (replaces version " in dialogs_shown.texts()[0]
    assert [call[-1] for call in pip_calls_made] == ["numpy>=99"]


def test_without_packaging_a_failed_installation_says_what_to_do(packages, slicer_5_10, monkeypatch, needs):
    import slicer

    def fail(_requirements):
        raise subprocess.CalledProcessError(1, "pip")

    monkeypatch.setattr(slicer.util, "pip_install", fail)
    with pytest.raises(MissingPackageError, match=r"surely-not-installed.*check the connection"):
        packages.ensurePackages(needs, "MedDeep")


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


def test_registration_goes_on_without_torch(module, head_nodes, no_torch, no_extension, dialogs_shown):
    from MedDeepRegSegLib.panels.parameters import RegistrationEngine

    panel = module("MedDeepRegSeg").widget.registrationPanel
    panel.parameterNode.registrationEngine = RegistrationEngine.MEDDEEP
    panel.ui.applyButton.click()
    assert not panel.runner.busy
    assert "Extensions Manager" in panel.ui.statusLabel.text
    assert panel.ui.applyButton.enabled
    panel.parameterNode.registrationEngine = RegistrationEngine.CLASSIC
    panel.ui.applyButton.click()
    assert panel.runner.busy, "this method needs no network"
    panel.reset()
    assert len(dialogs_shown.texts()) == 1


def test_the_effect_says_where_to_get_torch_and_goes_on(editor, effect, interaction, monkeypatch, dialogs_shown):
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "torch", None)
        without.setitem(sys.modules, "PyTorchUtils", None)
        editor.click((0.0, 0.0, 0.0))
        assert "Extensions Manager" in effect.ui.growStatusLabel.text
        assert interaction.clicks == 0
    editor.click((0.0, 0.0, 0.0))
    assert Host.process_events(20, until=lambda: interaction.clicks == 1)
    assert dialogs_shown.texts() == [], "no dialog stands between clicks"


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


@pytest.mark.parametrize("name", ["", "-networks", "-training", "-monai", "-elastix"])
def test_the_requirements_are_ones_that_pip_reads(packages, name):
    from pathlib import Path

    from packaging.requirements import Requirement

    path = Path(packages.__file__).parents[2] / "Resources" / f"MedDeepRegSeg{name}-requirements.txt"
    lines = [line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines()]
    assert {Requirement(line).name for line in lines if line} == {
        "": set(),
        "-networks": {"safetensors", "jinja2"},
        "-training": {"matplotlib"},
        "-monai": {"monai", "matplotlib"},
        "-elastix": {"itk-elastix"},
    }[name]
