"""The Segmentation tab as its user sees it."""

import Host
import pytest
import slicer

from MedDeepRegSegLib.mrml.markups import markups_from_points


def wait_for_end(panel, seconds=120):
    assert Host.process_events(seconds, until=lambda: not panel.runner.busy), panel.ui.statusLabel.text


@pytest.fixture
def panel(module, head_nodes):
    return module("MedDeepRegSeg").widget.segmentationPanel


def segment_names(node):
    segmentation = node.GetSegmentation()
    return [segmentation.GetNthSegment(index).GetName() for index in range(segmentation.GetNumberOfSegments())]


def test_buttons_say_what_is_missing(panel, head_nodes):
    assert panel.ui.volumeSelector.currentNode() is head_nodes[0]
    assert panel.ui.foregroundButton.enabled
    assert not panel.ui.growButton.enabled
    assert "point" in panel.ui.growButton.toolTip
    assert "segmentation" in panel.ui.measureButton.toolTip
    panel.ui.volumeSelector.setCurrentNode(None)
    assert "volume" in panel.ui.foregroundButton.toolTip


def test_mask_grow_and_measure(panel, head_nodes, small_head):
    node = panel.parameterNode
    node.foregroundStructure = type(node.foregroundStructure).HEAD
    panel.ui.foregroundButton.click()
    assert not panel.ui.growButton.enabled
    wait_for_end(panel)
    segmentation = panel.ui.segmentationSelector.currentNode()
    assert len(segment_names(segmentation)) == 1

    landmark = next(point for name, point in small_head.landmarks.items() if "ventricle" in name.lower())
    points = markups_from_points([landmark], ["inside"], "Inside")
    panel.ui.positivePointsSelector.setCurrentNode(points)
    assert panel.ui.positivePlaceWidget.currentNode() is points
    panel.ui.segmentNameLineEdit.text = "Ventricles"
    panel.ui.growButton.click()
    wait_for_end(panel)
    assert panel.ui.segmentationSelector.currentNode() is segmentation
    assert "Ventricles" in segment_names(segmentation)

    panel.ui.measureButton.click()
    wait_for_end(panel)
    table = slicer.util.getNodesByClass("vtkMRMLTableNode")[0]
    assert table.GetNumberOfRows() == 2
    assert panel.ui.measurementTableView.mrmlTableNode() is table
    assert table.GetNumberOfColumns() > 5


def test_a_point_outside_is_explained(panel, dialogs_shown):
    points = markups_from_points([(900.0, 0.0, 0.0)], ["far"], "Far")
    panel.ui.positivePointsSelector.setCurrentNode(points)
    panel.ui.growButton.click()
    wait_for_end(panel)
    assert "outside" in dialogs_shown.texts()[0]
    assert slicer.util.getNodesByClass("vtkMRMLSegmentationNode") == []
