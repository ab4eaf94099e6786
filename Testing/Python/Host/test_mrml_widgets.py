"""MRML widgets follow the scene."""

import numpy as np
import pytest
import slicer


def add(cls, name):
    return slicer.mrmlScene.AddNewNodeByClass(cls, name)


@pytest.fixture
def box(slicer_scene):
    box = slicer.qMRMLNodeComboBox()
    box.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    box.setMRMLScene(slicer.mrmlScene)
    return box


def listed(box):
    return [box.nodeFromIndex(index).GetName() for index in range(box.nodeCount())]


def test_list_follows_the_scene(box):
    changes = []
    box.connect("currentNodeChanged(vtkMRMLNode*)", lambda node: changes.append(node and node.GetName()))
    first, second = add("vtkMRMLScalarVolumeNode", "A"), add("vtkMRMLScalarVolumeNode", "B")
    add("vtkMRMLModelNode", "M")
    assert listed(box) == ["A", "B"]
    assert box.currentNode() is first  # an empty box takes its first entry
    box.setCurrentNode(second)
    assert box.currentNodeID == second.GetID()
    slicer.mrmlScene.RemoveNode(second)
    assert box.currentNode() is first
    slicer.mrmlScene.Clear(False)
    assert box.nodeCount() == 0
    assert changes == ["A", "B", "A", None]


def test_none_is_kept_where_it_is_allowed(box):
    box.noneEnabled = True
    node = add("vtkMRMLScalarVolumeNode", "A")
    assert box.currentNode() is None
    box.setCurrentNode(node)
    box.setCurrentNode(None)
    assert box.currentNode() is None
    assert box.currentNodeID == ""


def test_names_follow(box):
    node = add("vtkMRMLScalarVolumeNode", "A")
    node.SetName("renamed")
    assert box._combo.itemText(0) == "renamed"


def test_subclasses_attributes_and_hidden_nodes(box):
    label = add("vtkMRMLLabelMapVolumeNode", "L")
    assert listed(box) == ["L"]
    box.showChildNodeTypes = False
    assert listed(box) == []
    box.nodeTypes = ["vtkMRMLVolumeNode"]
    box.showChildNodeTypes = True
    box.hideChildNodeTypes = ["vtkMRMLLabelMapVolumeNode"]
    assert listed(box) == []
    box.hideChildNodeTypes = []
    box.addAttribute("vtkMRMLVolumeNode", "Kind", "mask")
    assert listed(box) == []
    label.SetAttribute("Kind", "mask")
    box.setMRMLScene(None)
    box.setMRMLScene(slicer.mrmlScene)
    assert listed(box) == ["L"]
    label.SetHideFromEditors(True)
    assert listed(box) == []


def test_add_and_remove_as_the_user_does(box):
    box.baseName = "Made"
    added = []
    box.connect("nodeAddedByUser(vtkMRMLNode*)", added.append)
    node = box.addNode()
    assert node.GetName() == "Made"
    assert box.currentNode() is node
    assert added == [node]
    box.removeCurrentNode()
    assert slicer.mrmlScene.GetFirstNodeByName("Made") is None


def test_node_types_as_one_string_are_refused(box):
    with pytest.raises(TypeError, match="list"):
        box.nodeTypes = "vtkMRMLScalarVolumeNode"


def test_a_deleted_box_lets_go_of_the_scene(slicer_scene):
    import Host

    box = slicer.qMRMLNodeComboBox()
    box.setMRMLScene(slicer.mrmlScene)
    box.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    box.deleteLater()
    Host.process_events()
    add("vtkMRMLScalarVolumeNode", "A")  # would raise in the observer of a deleted widget


def test_table_view_shows_a_table(slicer_scene):
    node = add("vtkMRMLTableNode", "T")
    slicer.util.updateTableFromArray(node, [np.array([1.0, 2.0]), np.array([3.5, 4.5])], ["a", "b"])
    view = slicer.qMRMLTableView()
    view.setMRMLScene(slicer.mrmlScene)
    view.setMRMLTableNode(node)
    model = view.model()
    assert (model.rowCount(), model.columnCount()) == (2, 2)
    assert model.index(1, 1).data() == "4.5"
    node.SetColumnTitle("a", "Length [mm]")
    view.firstRowLocked = True
    view.setMRMLTableNode(node)
    assert [model.horizontalHeaderItem(column).text() for column in (0, 1)] == ["Length [mm]", "b"]
    slicer.util.updateTableFromArray(node, [np.array([1.0])], ["a"])
    assert view.model().rowCount() == 1


def test_segment_selector_and_table(slicer_scene):
    node = add("vtkMRMLSegmentationNode", "S")
    selector, table = slicer.qMRMLSegmentSelectorWidget(), slicer.qMRMLSegmentsTableView()
    selector.setMRMLScene(slicer.mrmlScene)
    selector.setCurrentNode(node)
    table.setMRMLScene(slicer.mrmlScene)
    table.setSegmentationNode(node)
    first = node.GetSegmentation().AddEmptySegment("", "Liver")
    second = node.GetSegmentation().AddEmptySegment("", "Spleen")
    node.Modified()
    assert selector.segmentIDs() == (first, second)
    selector.setCurrentSegmentID(second)
    assert selector.currentSegmentID() == second
    assert table.segmentCount == 2
    table.setSelectedSegmentIDs([second])
    assert table.selectedSegmentIDs() == (second,)


def test_place_widget_changes_what_the_mouse_does(slicer_scene):
    node = add("vtkMRMLMarkupsFiducialNode", "P")
    widget = slicer.qSlicerMarkupsPlaceWidget()
    widget.setMRMLScene(slicer.mrmlScene)
    widget.setCurrentNode(node)
    widget.setPlaceModeEnabled(True)
    interaction = slicer.app.applicationLogic().GetInteractionNode()
    assert interaction.GetCurrentInteractionMode() == slicer.vtkMRMLInteractionNode.Place
    assert slicer.app.applicationLogic().GetSelectionNode().GetActivePlaceNodeID() == node.GetID()
    widget.placeModeEnabled = False
    assert interaction.GetCurrentInteractionMode() == slicer.vtkMRMLInteractionNode.ViewTransform


def test_markups_widget_lists_points(slicer_scene):
    node = add("vtkMRMLMarkupsFiducialNode", "P")
    widget = slicer.qSlicerSimpleMarkupsWidget()
    widget.setMRMLScene(slicer.mrmlScene)
    widget.setCurrentNode(node)
    node.AddControlPoint(1.0, 2.0, 3.0, "tip")
    table = widget.tableWidget()
    assert [table.item(0, column).text() for column in range(4)] == ["tip", "1.000", "2.000", "3.000"]


@pytest.fixture
def checkable(slicer_scene):
    box = slicer.qMRMLCheckableNodeComboBox()
    box.nodeTypes = ["vtkMRMLMarkupsNode", "vtkMRMLModelNode"]
    box.setMRMLScene(slicer.mrmlScene)
    return box


def test_nodes_can_be_checked(checkable):
    changes = []
    checkable.connect("checkedNodesChanged()", lambda: changes.append(len(checkable.checkedNodes())))
    points, model = add("vtkMRMLMarkupsFiducialNode", "P"), add("vtkMRMLModelNode", "M")
    assert listed(checkable) == ["P", "M"]
    assert checkable.noneChecked()
    checkable.check(model)
    checkable.check(model)
    checkable.check(points)
    assert checkable.checkedNodes() == (points, model), "in the order of the list"
    assert checkable.allChecked()
    checkable.uncheck(points)
    assert checkable.uncheckedNodes() == (points,)
    assert changes == [1, 2, 1]
    checkable.check(None)
    checkable.check(slicer.vtkMRMLModelNode())
    assert changes == [1, 2, 1], "what is not listed cannot be checked"


def test_an_entry_that_is_pressed_turns_its_check_mark(checkable):
    model = add("vtkMRMLModelNode", "M")
    checkable._combo.activated.emit(0)
    assert checkable.checkedNodes() == (model,)
    checkable._combo.activated.emit(0)
    assert checkable.noneChecked()


def test_a_node_that_goes_is_not_checked_any_more(checkable):
    model = add("vtkMRMLModelNode", "M")
    checkable.check(model)
    slicer.mrmlScene.RemoveNode(model)
    assert checkable.checkedNodes() == ()
