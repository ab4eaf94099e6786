"""What can be chosen in the Registration tab, and what follows from it."""

from typing import get_args

import pytest
import slicer

from MedDeepRegSegLib.errors import MissingPackageError
from MedDeepRegSegLib.mrml.markups import markups_from_points
from MedDeepRegSegLib.registration.engines import engine_names
from MedDeepRegSegLib.registration.presets import load_preset, preset_names
from MedDeepRegSegLib.registration.settings import Kind, RegistrationSettings
from MedDeepRegSegLib.volumes.resampling import Interpolation


@pytest.fixture
def panel(module, head_nodes):
    return module("MedDeepRegSeg").widget.registrationPanel


@pytest.fixture
def started(panel, monkeypatch):
    """Press Apply and return the settings and the options of the task that would start."""
    from MedDeepRegSegLib.panels import registration_panel

    tasks = []

    def make(_fixed, _moving, settings, **options):
        tasks.append((settings, options))
        raise MissingPackageError("only looked at")

    monkeypatch.setattr(registration_panel, "RegisterTask", make)

    def press():
        panel.ui.applyButton.click()
        return tasks[-1]

    return press


def choose(box, text):
    index = next(index for index in range(box.count) if text in box.itemText(index))
    box.currentIndex = index


def points(name):
    return markups_from_points([(0.0, 0.0, 0.0), (9.0, 0.0, 0.0), (0.0, 9.0, 0.0)], ["a", "b", "c"], name)


def test_without_choices_the_defaults_are_used(started):
    settings, options = started()
    assert settings == RegistrationSettings()
    assert options["carry"] == []
    assert (options["stage_nodes"], options["interpolation"]) == (False, "linear")


def test_presets_are_offered_and_explained(panel, started):
    box = panel.ui.presetComboBox
    assert [box.itemText(index) for index in range(1, box.count)] == [
        load_preset(name).title for name in preset_names()
    ]
    for name in preset_names():
        preset = load_preset(name)
        choose(box, preset.title)
        assert panel.parameterNode.registrationPreset == name
        assert panel.ui.presetDescriptionLabel.text == preset.description
        assert preset.settings.kind in panel.ui.kindComboBox.currentText.lower()
        assert started()[0] == preset.settings


def test_kind_and_engine_replace_what_the_preset_says(panel, started):
    choose(panel.ui.presetComboBox, load_preset("rigid-same-patient").title)
    choose(panel.ui.kindComboBox, "Similarity")
    choose(panel.ui.engineComboBox, "Classic")
    settings, _options = started()
    assert (settings.kind, settings.engine) == ("similarity", "classic")


def test_all_kinds_engines_and_interpolations_can_be_chosen(panel):
    from MedDeepRegSegLib.panels import parameters

    for choices, known in (
        (parameters.RegistrationKind, get_args(Kind)),
        (parameters.RegistrationEngine, engine_names()),
        (parameters.Interpolation, get_args(Interpolation)),
    ):
        assert {choice.value for choice in choices} - {"preset"} == set(known)


def test_a_preset_that_is_not_there_is_said(panel):
    panel.parameterNode.registrationPreset = "of another computer"
    assert not panel.ui.applyButton.enabled
    assert "of another computer" in panel.ui.obstacleLabel.text
    assert panel.ui.presetComboBox.currentIndex == -1
    panel.ui.presetComboBox.currentIndex = 0
    assert panel.ui.applyButton.enabled


def test_a_damaged_preset_does_not_keep_the_module_from_opening(module, head_nodes, monkeypatch):
    from MedDeepRegSegLib.errors import InputError
    from MedDeepRegSegLib.panels import registration_panel

    def load(name):
        if name == "abdomen":
            raise InputError("damaged")
        return load_preset(name)

    monkeypatch.setattr(registration_panel, "load_preset", load)
    box = module("MedDeepRegSeg").widget.registrationPanel.ui.presetComboBox
    assert box.count == len(preset_names())  # with the first one, which is no file


def test_what_is_missing_stands_below_the_button(panel, head_nodes):
    assert panel.ui.obstacleLabel.isHidden()
    panel.ui.movingVolumeSelector.setCurrentNode(None)
    assert panel.ui.obstacleLabel.text == panel.ui.applyButton.toolTip == "Pick a moving volume."
    assert not panel.ui.obstacleLabel.isHidden()


def test_landmarks_to_start_from_are_asked_for(panel, started):
    panel.ui.startFromLandmarksCheckBox.checked = True
    assert "landmarks" in panel.ui.obstacleLabel.text
    panel.ui.fixedLandmarksSelector.setCurrentNode(points("fixed"))
    panel.ui.movingLandmarksSelector.setCurrentNode(points("moving"))
    assert panel.ui.applyButton.enabled
    settings, options = started()
    assert settings.points == "start"
    assert options["fixed_points"].GetName() == "fixed"


def test_the_engine_of_landmarks_asks_for_them(panel):
    choose(panel.ui.engineComboBox, "Landmarks")
    assert "pick landmarks" in panel.ui.obstacleLabel.text


@pytest.mark.parametrize(
    ("engine", "asked"), [("Classic", []), ("MedDeep", ["torch", "networks"]), ("elastix", ["elastix"])]
)
def test_an_engine_asks_for_its_own_packages_only(panel, started, monkeypatch, engine, asked):
    seen = []
    monkeypatch.setattr("MedDeepRegSegLib.panels.panel.ensureTorch", lambda _requester: seen.append("torch"))
    monkeypatch.setattr("MedDeepRegSegLib.panels.panel.ensurePackages", lambda path, _requester: seen.append(str(path)))
    choose(panel.ui.engineComboBox, engine)
    started()
    own = [name for name in seen if not name.endswith("MedDeepRegSeg-requirements.txt")]
    assert [word for name in own for word in ("torch", "networks", "elastix") if word in name] == asked
    assert len(own) == len(asked)


def test_nodes_are_carried_along(panel, head_nodes, started):
    model = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode", "Skull")
    marks = points("Lesions")
    selector = panel.ui.carriedNodesSelector
    assert {selector.nodeFromIndex(index) for index in range(selector.nodeCount())} == {model, marks}
    selector.check(model)
    selector.check(marks)
    choose(panel.ui.interpolationComboBox, "Nearest")
    panel.ui.stageNodesCheckBox.checked = True
    _settings, options = started()
    assert set(options["carry"]) == {model, marks}
    assert (options["stage_nodes"], options["interpolation"]) == (True, "nearest")
    slicer.mrmlScene.RemoveNode(model)
    assert started()[1]["carry"] == [marks]


def test_what_cannot_bend_is_said(panel):
    box = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "Box")
    panel.ui.carriedNodesSelector.check(box)
    assert "cannot bend" in panel.ui.obstacleLabel.text
    choose(panel.ui.kindComboBox, "Rigid")
    assert panel.ui.applyButton.enabled


def test_choices_come_back_with_the_scene(module, panel, tmp_path):
    from MedDeepRegSegLib.mrml.scene import load_scene, save_scene

    points("Lesions")
    marks = points("Vessels")
    panel.ui.carriedNodesSelector.check(marks)
    choose(panel.ui.presetComboBox, load_preset("abdomen").title)
    choose(panel.ui.engineComboBox, "elastix")
    choose(panel.ui.interpolationComboBox, "B-spline")
    panel.ui.startFromLandmarksCheckBox.checked = True
    panel.ui.stageNodesCheckBox.checked = True
    save_scene(tmp_path / "scene.mrb")
    slicer.mrmlScene.Clear(False)
    load_scene(tmp_path / "scene.mrb")
    again = module("MedDeepRegSeg").widget.registrationPanel
    node = again.parameterNode
    assert [carried.GetName() for carried in again.ui.carriedNodesSelector.checkedNodes()] == ["Vessels"]
    assert (node.registrationPreset, node.registrationEngine.value, node.interpolation.value) == (
        "abdomen",
        "elastix",
        "bspline",
    )
    assert again.ui.startFromLandmarksCheckBox.checked
    assert again.ui.stageNodesCheckBox.checked


def test_every_control_says_what_it_does(panel):
    controls = [
        widget
        for name, widget in vars(panel.ui).items()
        if name.endswith(("Selector", "ComboBox", "CheckBox", "Slider", "Button")) and "Collapsible" not in name
    ]
    assert len(controls) == 19
    assert [control.name for control in controls if not control.toolTip] == []


def test_the_tab_key_goes_from_top_to_bottom(panel):
    import Host
    import qt

    panel.ui.advancedCollapsibleButton.collapsed = False
    panel.clearResult()
    top = panel.widget
    slicer.modules.MedDeepRegSegWidget.ui.tabWidget.currentIndex = 2
    top.window().resize(500, 1200)
    top.window().show()
    Host.process_events()
    stops, widget = [], top.nextInFocusChain()
    while widget is not top:
        if top.isAncestorOf(widget) and widget.isVisible() and widget.focusPolicy & qt.Qt.TabFocus:
            stops.append(widget.mapTo(top, qt.QPoint(0, 0)).y())
        widget = widget.nextInFocusChain()
    assert len(stops) >= 18
    assert stops == sorted(stops)
