"""Scripted modules run unchanged: their life, their parameters and their panels."""

import pathlib
import shutil
import subprocess

import pytest
import slicer


def test_flow_of_a_module(sample):
    assert sample.module.parent.title == "Host sample"
    assert slicer.modules.hostsample.path.endswith("HostSample.py")
    assert slicer.modules.HostSampleWidget is sample.widget
    assert slicer.util.getModuleWidget("HostSample") is sample.widget
    assert slicer.util.getModuleLogic("HostSample") is sample.logic
    assert sample.widget.parent.isEntered
    widget = sample.widget
    sample.exit()
    assert not widget.parent.isEntered
    sample.enter()
    sample.close()
    assert widget.events == ["enter", "exit", "enter", "exit", "cleanup"]
    assert not hasattr(slicer.modules, "hostsample")


def test_sample_data_is_registered_at_start_up(sample):
    assert [source.sampleName for source in slicer.modules.sampleDataSources["HostSample"]] == ["One"]


def test_reload_makes_the_panel_anew(sample):
    before = sample.widget
    sample.reload()
    assert sample.widget is not before
    assert before.events[-1] == "cleanup"
    assert sample.ui.titleEdit.text == "Some title"


def test_self_test_runs(sample):
    slicer.selfTests["HostSample"]()


def test_defaults_are_shown(sample):
    ui = sample.ui
    assert ui.thresholdSlider.value == 10.0
    assert (ui.thresholdSlider.minimum, ui.thresholdSlider.maximum) == (-100.0, 100.0)
    assert (ui.countSpinBox.value, ui.countSpinBox.maximum) == (3, 9)
    assert ui.speedCombo.currentText == "Slow and safe"
    assert ui.flavorCombo.currentText == "sour"
    assert ui.titleEdit.text == "Some title"


def test_widgets_change_parameters(sample):
    node, ui = sample.widget._parameterNode, sample.ui
    ui.thresholdSlider.value = 55.5
    ui.countSpinBox.value = 7
    ui.invertCheckBox.checked = True
    ui.titleEdit.text = "other"
    ui.speedCombo.currentIndex = 1
    ui.flavorCombo.currentText = "sweet"
    ui.folderEdit.currentPath = "/somewhere"
    assert (node.threshold, node.count, node.invert, node.title) == (55.5, 7, True, "other")
    assert (node.speed.name, node.flavor, node.folder) == ("FAST", "sweet", pathlib.Path("/somewhere"))


def test_parameters_change_widgets(sample):
    node, ui = sample.widget._parameterNode, sample.ui
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    node.inputVolume = volume
    node.threshold = -3
    node.count = 9
    node.invert = True
    node.speed = type(node.speed).FAST
    node.folder = pathlib.Path("/x")
    assert ui.inputSelector.currentNode() is volume
    assert (ui.thresholdSlider.value, ui.countSpinBox.value, ui.invertCheckBox.checked) == (-3.0, 9, True)
    assert (ui.speedCombo.currentText, ui.folderEdit.currentPath) == ("Fast", "/x")


def test_after_exit_widgets_and_parameters_are_apart(sample):
    node = sample.widget._parameterNode
    sample.exit()
    sample.ui.countSpinBox.value = 8
    node.threshold = 1.0
    assert node.count == 3
    assert sample.ui.thresholdSlider.value == 10.0
    sample.enter()
    assert (sample.ui.countSpinBox.value, sample.ui.thresholdSlider.value) == (3, 1.0)


@pytest.mark.parametrize(
    ("name", "value"),
    [("count", 10), ("count", "3"), ("threshold", 101.0), ("flavor", "bitter"), ("title", None), ("inputVolume", 3)],
)
def test_wrong_values_are_refused_and_nothing_changes(sample, name, value):
    node = sample.widget._parameterNode
    before = getattr(node, name)
    with pytest.raises((ValueError, TypeError)):
        setattr(node, name, value)
    assert getattr(node, name) == before


def test_apply(sample):
    import Host

    ui = sample.ui
    assert not ui.applyButton.enabled
    assert ui.applyButton.toolTip == "Pick a volume"
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    ui.inputSelector.setCurrentNodeIndex(0)
    assert ui.applyButton.enabled
    assert sample.widget.events[-1] == "CT"
    ui.applyButton.click()
    assert ui.statusLabel.text == "CT 10 SLOW"
    assert Host.process_events(2, until=lambda: ui.progressBar.value == 100)


def test_an_error_is_displayed_and_raised(sample, dialogs_shown):
    import Host

    node = sample.widget._parameterNode
    node.inputVolume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    node.title = "fail"
    sample.ui.applyButton.click()
    assert dialogs_shown.texts() == ["It failed.\n\nthe title is fail"]
    assert "ValueError" in dialogs_shown.shown[0].details
    assert len(Host.take_slot_errors()) == 1  # as in Slicer, the error goes on into the slot's caller


def test_closing_the_scene_gives_new_parameters(sample):
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    sample.widget._parameterNode.inputVolume = volume
    slicer.mrmlScene.Clear(False)
    assert sample.widget._parameterNode.inputVolume is None
    assert not sample.ui.applyButton.enabled
    sample.ui.countSpinBox.value = 4
    assert sample.logic.getParameterNode().count == 4


def test_parameters_lie_in_the_scene_as_slicer_writes_them(sample):
    node = sample.widget._parameterNode
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    node.inputVolume = volume
    node.names = ["a", "b", "c"]
    node.names.remove("b")
    stored = sample.logic.getParameterNode().parameterNode
    texts = {name: stored.GetParameter(name) for name in stored.GetParameterNames()}
    assert texts == {
        "inputVolume": "",
        "outputTransform": "",
        "threshold": "10.0",
        "count": "3",
        "invert": "False",
        "title": "Some title",
        "speed": "SLOW",
        "flavor": "sour",
        "folder": ".",
        "names.len": "2",
        "names.0": "a",
        "names.1": "c",
    }
    assert stored.GetNodeReferenceID("inputVolume") == volume.GetID()
    assert stored.GetAttribute("ModuleName") == "HostSample"


def test_saved_scene_keeps_parameters(sample, tmp_path):
    from MedDeepRegSegLib.mrml.scene import load_scene, save_scene

    node = sample.widget._parameterNode
    node.outputTransform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Moved")
    node.threshold, node.speed, node.names = 42.5, type(node.speed).FAST, ["x", "y"]
    path = save_scene(tmp_path / "scene.mrml")
    slicer.mrmlScene.Clear(False)
    node = sample.logic.getParameterNode()
    node.threshold = 0.0
    load_scene(path)
    node = sample.logic.getParameterNode()
    assert (node.threshold, node.speed.name, list(node.names)) == (42.5, "FAST", ["x", "y"])
    assert node.outputTransform.GetName() == "Moved"
    assert sample.ui.thresholdSlider.value == 42.5


def test_screenshot_shows_the_panel(sample, tmp_path):
    import Host

    picture = Host.screenshot(sample, tmp_path / "panel.png", width=420)
    image = picture.toImage()
    colors = {image.pixel(x, y) for x in range(0, image.width(), 3) for y in range(0, image.height(), 3)}
    assert picture.width() == 420
    assert len(colors) > 20
    assert (tmp_path / "panel.png").stat().st_size > 3000
    closed = Host.screenshot(sample, width=420).height()
    sample.ui.advancedButton.collapsed = False
    assert Host.screenshot(sample, width=420).height() > closed


def test_console_process_runs_this_python(slicer_host):
    program = shutil.which("PythonSlicer")
    process = slicer.util.launchConsoleProcess([program, "-c", "import SimpleITK, sys; print(sys.version_info[:2])"])
    slicer.util.logProcessOutput(process)
    assert process.returncode == 0
    failing = slicer.util.launchConsoleProcess([program, "-c", "raise SystemExit(3)"])
    with pytest.raises(subprocess.CalledProcessError):
        slicer.util.logProcessOutput(failing)


def test_packages_are_asked_for_and_never_installed(slicer_scene, dialogs_shown, pip_calls_made):
    import qt

    packaging = pytest.importorskip(
        "slicer.packaging", reason="Slicer 5.10 has no slicer.packaging", exc_type=ImportError
    )
    assert packaging.pip_check("numpy")
    packaging.pip_ensure(["numpy>=1.20"], requester="Test")
    assert dialogs_shown.shown == []
    packaging.pip_ensure(
        ["no-such-package-of-the-host>=1"], requester="Test", prompt_restart=False, show_progress=False
    )
    assert "no-such-package-of-the-host" in dialogs_shown.shown[0].details
    assert len(pip_calls_made) == 1
    assert pip_calls_made[0][0] == "install"
    assert pip_calls_made[0][-1] == "no-such-package-of-the-host>=1"
    dialogs_shown.answer_next(qt.QMessageBox.Cancel)
    with pytest.raises(RuntimeError, match="declined"):
        packaging.pip_ensure(["no-such-package-of-the-host"], show_progress=False)
    assert len(pip_calls_made) == 1


def test_a_problem_in_a_panel_is_found(sample):
    sample.ui.applyButton.enable = True
    sample.ui.applyButton.connect("clicked()", lambda: 1 / 0)
    sample.ui.applyButton.enabled = True
    sample.ui.applyButton.click()
    sample.ui.applyButton.disconnect("clicked()")
    problems = sample.problems()
    assert any("has no property 'enable'" in problem for problem in problems)
    assert any("ZeroDivisionError" in problem for problem in problems)
    del sample.ui.applyButton.enable
