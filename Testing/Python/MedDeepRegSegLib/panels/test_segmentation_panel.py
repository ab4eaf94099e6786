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
    assert segment_names(segmentation)[0] in panel.ui.statusLabel.text
    for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
        assert composite.GetBackgroundVolumeID() == head_nodes[0].GetID()

    landmark = next(point for name, point in small_head.landmarks.items() if "ventricle" in name.lower())
    points = markups_from_points([landmark], ["inside"], "Inside")
    panel.ui.positivePointsSelector.setCurrentNode(points)
    assert panel.ui.positivePlaceWidget.currentNode() is points
    panel.ui.segmentNameLineEdit.text = "Ventricles"
    panel.ui.growUncertaintyCheckBox.checked = True
    panel.ui.growButton.click()
    wait_for_end(panel)
    doubt = panel.parameterNode.growUncertainty
    assert doubt.GetName() == "Ventricles uncertainty"
    assert 0.5 < slicer.util.arrayFromVolume(doubt).max() <= 1
    panel.ui.growButton.click()
    wait_for_end(panel)
    assert panel.parameterNode.growUncertainty is doubt, "growing again fills it again"
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


def test_families_are_chosen(panel, head_nodes, organs, requests):
    from MedDeepRegSegLib.panels import measure_section

    made = requests(panel, measure_section, "MeasureTask")
    panel.ui.segmentationSelector.setCurrentNode(organs)
    panel.ui.measureButton.click()
    panel.ui.measureTextureCheckBox.checked = True
    panel.ui.measureShapeCheckBox.checked = False
    panel.ui.measureButton.click()
    assert [options["families"] for _arguments, options in made] == [("shape", "intensity"), ("intensity", "texture")]
    panel.ui.volumeSelector.setCurrentNode(None)
    assert "volume" in panel.ui.measureButton.toolTip
    for name in ("Texture", "Intensity"):
        getattr(panel.ui, f"measure{name}CheckBox").checked = False
    assert "what to measure" in panel.ui.measureButton.toolTip
    panel.ui.measureShapeCheckBox.checked = True
    assert panel.ui.measureButton.enabled


def test_parts_are_looked_for_in_the_image_or_in_a_segment(panel, organs, requests):
    from MedDeepRegSegLib.panels import subdivide_section

    made = requests(panel, subdivide_section, "SubdivideTask")
    box = panel.ui.subdivideWhereComboBox
    assert box.count == 1
    panel.ui.subdivideButton.click()
    panel.ui.segmentationSelector.setCurrentNode(organs)
    assert [box.itemText(index) for index in range(box.count)] == [
        "In the whole image",
        "Inside First",
        "Inside Second",
    ]
    box.setCurrentIndex(2)
    panel.ui.subdivideModelPathLineEdit.currentPath = "my-model"
    panel.ui.subdivideButton.click()
    asked = [(options["model"], options["segment_name"]) for _arguments, options in made]
    assert asked == [("brain", None), ("my-model", "Second")]
    organs.GetSegmentation().RemoveSegment(organs.GetSegmentation().GetNthSegmentID(1))
    panel.updateButtons()
    assert box.currentIndex == 0, "the segment has gone"


def test_contours_are_outlined_and_aligned(panel, head_nodes, organs, requests):
    from MedDeepRegSegLib.mrml.tables import TableColumn, table_from_rows
    from MedDeepRegSegLib.panels import contours_section
    from MedDeepRegSegLib.panels.parameters import ContourFit, ContourSource

    made = requests(panel, contours_section, "ContoursTask")
    aligned = requests(panel, contours_section, "AlignContoursTask")
    section = next(part for part in panel.sections if isinstance(part, contours_section.ContoursSection))
    assert "segmentation" in panel.ui.contoursButton.toolTip
    panel.parameterNode.contourSource = ContourSource.EDGES
    panel.ui.contoursButton.click()
    panel.ui.segmentationSelector.setCurrentNode(organs)
    panel.parameterNode.contourSource = ContourSource.SEGMENTS
    panel.parameterNode.contourFit = ContourFit.LINE
    panel.ui.contoursButton.click()
    assert made == [
        ((head_nodes[0], None), {"fit": "ellipse", "axis": "axial"}),
        ((head_nodes[0], organs), {"fit": "line", "axis": "axial"}),
    ]
    table = table_from_rows([TableColumn("Segment")], [{"Segment": "First"}], "Axes")
    section.showContours({"table": None, "structures": table, "projection": None, "notes": ("few contours",)})
    assert panel.ui.measurementTableView.mrmlTableNode() is table
    assert "few contours" in panel.ui.statusLabel.text

    assert "align to" in panel.ui.alignButton.toolTip
    panel.ui.alignTargetSelector.setCurrentNode(organs)
    assert "same" in panel.ui.alignButton.toolTip
    other = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Other")
    panel.ui.alignTargetSelector.setCurrentNode(other)
    panel.ui.alignButton.click()
    assert aligned == [((organs, other), {"kind": "rigid"})]
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Found")
    section.showAlignment({"transform": transform, "mean_mm": 0.5, "p95_mm": 1.25, "matched_share": 0.9, "notes": ()})
    assert "mean distance 0.50 mm" in panel.ui.statusLabel.text
    assert "90 %" in panel.ui.statusLabel.text
