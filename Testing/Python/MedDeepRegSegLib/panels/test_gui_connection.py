"""Widgets are tied to parameters and let go of, with nothing left on the node, in every version of Slicer."""

import pytest
import slicer


@pytest.fixture
def tied(slicer_scene):
    """A typed parameter node and a box that names its parameter."""
    from types import SimpleNamespace

    import qt
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    @parameterNodeWrapper
    class Parameters:
        count: int

    box = qt.QSpinBox()
    box.setProperty("SlicerParameterName", "count")
    return Parameters(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")), SimpleNamespace(box=box)


def observer_count(parameters):
    """Count the observers of a node by the next free tag and what still answers."""
    node = parameters.parameterNode
    return sum(node.GetCommand(tag) is not None for tag in range(1, 200))


def test_widgets_and_parameters_follow_each_other_until_it_is_closed(tied):
    from MedDeepRegSegLib.panels.gui_connection import GuiConnection

    parameters, ui = tied
    connection = GuiConnection(parameters, ui)
    ui.box.value = 5
    assert parameters.count == 5
    parameters.count = 6
    assert ui.box.value == 6
    connection.close()
    connection.close()
    ui.box.value = 7
    assert parameters.count == 6


def test_no_observer_stays_on_the_node(tied):
    from MedDeepRegSegLib.panels.gui_connection import GuiConnection

    parameters, ui = tied
    before = observer_count(parameters)
    for _ in range(3):
        connection = GuiConnection(parameters, ui)
        assert observer_count(parameters) > before
        connection.close()
    assert observer_count(parameters) == before


def test_what_slicer_5_10_leaves_behind_is_removed(tied, monkeypatch):
    from MedDeepRegSegLib.panels.gui_connection import GuiConnection

    parameters, ui = tied
    before = observer_count(parameters)
    monkeypatch.setattr(type(parameters), "disconnectGui", lambda _self, _tag: None)
    GuiConnection(parameters, ui).close()
    assert observer_count(parameters) == before


def test_a_widget_that_cannot_be_tied_leaves_the_node_as_it_was(tied):
    from MedDeepRegSegLib.panels.gui_connection import GuiConnection

    parameters, ui = tied
    ui.box.setProperty("SlicerParameterName", "absent")
    with pytest.raises(ValueError, match="absent"):
        GuiConnection(parameters, ui)
    assert "AddObserver" not in vars(parameters)
