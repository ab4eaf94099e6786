"""Modules leave nothing behind: no observers, no connections, no classes of code that was loaded anew."""

import sys

import Host
import pytest
import slicer
from Host.observers import listeners, observer_count

MODULES = ("MedDeepRegSeg", "MedDeepDiagnosis")


@pytest.fixture
def same_code():
    """Put our libraries back as they were: a test has loaded them anew."""
    before = {name: module for name, module in sys.modules.items() if name.startswith("MedDeep")}
    yield
    for name in [name for name in sys.modules if name.startswith("MedDeep")]:
        del sys.modules[name]
    sys.modules.update(before)
    for name, module in before.items():
        package, _dot, last = name.rpartition(".")
        if package:
            setattr(before[package], last, module)


def add_volume(name="Volume"):
    return slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)


def test_observers_are_counted(slicer_scene):
    node = add_volume()
    before = observer_count(node)
    tag = node.AddObserver("ModifiedEvent", print)
    assert observer_count(node) == before + 1
    node.RemoveObserver(tag)
    assert observer_count(node) == before


def test_connections_are_counted(slicer_scene):
    before = listeners()
    slicer.app.connect("startupCompleted()", before.clear)
    assert listeners()["connections of the application"] == before.get("connections of the application", 0) + 1
    slicer.app.disconnect("startupCompleted()", before.clear)
    assert listeners() == before


@pytest.mark.parametrize("name", MODULES)
def test_showing_and_leaving_a_module_leaves_nothing_behind(module, name):
    loaded = module(name)
    loaded.exit()
    left = listeners()
    loaded.enter()
    shown = listeners()
    assert shown != left, "the panels follow the parameter node"
    for _ in range(2):
        loaded.exit()
        loaded.enter()
    assert listeners() == shown
    loaded.exit()
    assert listeners() == left


@pytest.mark.parametrize("name", MODULES)
def test_closing_scenes_leaves_nothing_behind(module, name):
    loaded = module(name)
    add_volume()
    slicer.mrmlScene.Clear(False)
    shown = listeners()
    for _ in range(2):  # two scenes in a row
        add_volume()
        slicer.mrmlScene.Clear(False)
        assert all(panel.parameterNode is not None for panel in loaded.widget.panels)
    assert listeners() == shown
    loaded.exit()
    left = listeners()
    slicer.mrmlScene.Clear(False)
    assert all(panel.parameterNode is None for panel in loaded.widget.panels), "the module is not shown"
    assert listeners() == left


@pytest.mark.parametrize("name", MODULES)
def test_unloading_a_module_leaves_nothing_behind(module, name):
    first = module(name)
    first.close()
    before = listeners()
    loaded = module(name)
    panels = loaded.widget.panels
    loaded.close()
    assert listeners() == before
    assert all(panel.parameterNode is None for panel in panels)


@pytest.mark.parametrize("name", MODULES)
def test_reloading_a_module_leaves_nothing_behind(module, same_code, name):
    loaded = module(name)
    loaded.widget.onReload()
    shown, old = listeners(), loaded.widget
    loaded.widget.onReload()
    assert loaded.widget is not old
    assert all(panel.parameterNode is None for panel in old.panels), "the old panels follow nothing"
    assert listeners() == shown
    loaded.exit()
    loaded.enter()
    assert listeners() == shown


@pytest.mark.parametrize("name", MODULES)
def test_reloading_a_module_leaves_no_class_of_the_old_code(module, same_code, name):
    loaded = module(name)
    old = [type(panel) for panel in loaded.widget.panels]
    loaded.widget.onReload()
    assert type(loaded.widget) is getattr(sys.modules[name], f"{name}Widget")
    assert type(loaded.logic) is getattr(sys.modules[name], f"{name}Logic")
    for panel, earlier in zip(loaded.widget.panels, old, strict=True):
        assert type(panel) is not earlier
        assert type(panel) is getattr(sys.modules[type(panel).__module__], type(panel).__name__)
    parameters = type(loaded.logic.getParameterNode())
    assert f"{name}ParameterNode" == parameters.__name__
    assert parameters is getattr(sys.modules[f"{name}Lib.panels.parameters"], f"{name}ParameterNode")


@pytest.mark.parametrize("name", MODULES)
def test_what_was_shown_is_shown_after_reloading(module, same_code, name):
    loaded = module(name)
    volume = add_volume("Picked")
    parameters = loaded.logic.getParameterNode()
    field = {"MedDeepRegSeg": "segmentedVolume", "MedDeepDiagnosis": "lesionVolume"}[name]
    setattr(parameters, field, volume)
    loaded.widget.onReload()
    assert getattr(loaded.logic.getParameterNode(), field) is volume
    panel = loaded.widget.panels[-1 if name == "MedDeepRegSeg" else 0]
    selectors = [widget for key, widget in vars(panel.ui).items() if key.endswith("Selector")]
    assert volume in [widget.currentNode() for widget in selectors if hasattr(widget, "currentNode")]


def test_two_panels_of_one_module_follow_the_same_parameters(module):
    loaded = module("MedDeepRegSeg")
    second = slicer.modules.meddeepregseg.createNewWidgetRepresentation()
    second.enter()
    volume = add_volume()
    loaded.logic.getParameterNode().segmentedVolume = volume
    for widget in (loaded.widget, second.self()):
        assert widget.segmentationPanel.ui.volumeSelector.currentNode() is volume
    second.self().cleanup()
    second.deleteLater()
    Host.process_events()
