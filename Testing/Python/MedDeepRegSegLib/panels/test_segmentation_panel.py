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


@pytest.fixture
def organs(head_nodes, small_head):
    """A segmentation of the CT with two segments."""
    import SimpleITK as sitk

    from MedDeepRegSegLib.mrml.segmentations import segmentation_from_image
    from MedDeepRegSegLib.segmentation.segments import named_segment

    values = list(small_head.names)[:2]
    labels = sitk.Cast(small_head.labels == values[0], sitk.sitkUInt8)
    labels += 2 * sitk.Cast(small_head.labels == values[1], sitk.sitkUInt8)
    segments = [named_segment(1, "First"), named_segment(2, "Second")]
    return segmentation_from_image(labels, segments, "Organs", reference_volume=head_nodes[0])


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


def test_the_editor_opens_with_the_effect_on_a_named_segment(panel, head_nodes, monkeypatch):
    import vtk

    opened = []

    class Editor:
        def availableEffectNames(self):
            return ("Paint", "MedDeep Grow")

        def __getattr__(self, name):
            return lambda *arguments: opened.append((name, *arguments))

    class Module:
        def widgetRepresentation(self):
            return self

        def self(self):
            self.editor = Editor()
            return self

    monkeypatch.setattr(slicer.modules, "segmenteditor", Module(), raising=False)
    monkeypatch.setattr(slicer.util, "selectModule", lambda name: opened.append(("selectModule", name)))
    panel.ui.segmentNameLineEdit.text = ""
    assert "name" in panel.ui.growEffectButton.toolTip
    panel.ui.segmentNameLineEdit.text = "Liver"
    for _ in range(2):  # again: the same segment
        panel.ui.growEffectButton.click()
    segmentation = panel.ui.segmentationSelector.currentNode()
    assert segment_names(segmentation) == ["Liver"]
    identifier = segmentation.GetSegmentation().GetNthSegmentID(0)
    assert opened[:5] == [
        ("selectModule", "SegmentEditor"),
        ("setSegmentationNode", segmentation),
        ("setSourceVolumeNode", head_nodes[0]),
        ("setCurrentSegmentID", identifier),
        ("setActiveEffectByName", "MedDeep Grow"),
    ]
    role = segmentation.GetReferenceImageGeometryReferenceRole()
    assert segmentation.GetNodeReference(role) is head_nodes[0]
    entry = vtk.reference("")
    segmentation.GetSegmentation().GetSegment(identifier).GetTag("TerminologyEntry", entry)
    assert "SCT^10200004^Liver" in str(entry)


def test_an_editor_without_the_effect_is_explained(panel, dialogs_shown, monkeypatch):
    from MedDeepRegSegLib.panels import grow_section

    monkeypatch.setattr(grow_section, "openEffect", lambda *_arguments: False)
    panel.ui.growEffectButton.click()
    assert "SegmentEditorMedDeepGrow" in dialogs_shown.texts()[0]


def requests(panel, monkeypatch, section, task):
    """Collect how a task of a section is made; none is started."""
    made = []

    class Recorded:
        def __init__(self, *arguments, **options):
            made.append((arguments, options))

    monkeypatch.setattr(section, task, Recorded)
    monkeypatch.setattr(panel.runner, "start", lambda *_arguments, **_options: None)
    return made


def test_method_box_and_foreground_arrive_in_the_task(panel, organs, monkeypatch):
    from MedDeepRegSegLib.mrml.markups import roi_from_box
    from MedDeepRegSegLib.panels import grow_section, parameters

    made = requests(panel, monkeypatch, grow_section, "GrowTask")
    assert panel.ui.growAdvancedGroupBox.collapsed
    assert not panel.ui.smoothnessSlider.enabled, "it is of the classic method"
    panel.ui.positivePointsSelector.setCurrentNode(markups_from_points([(0.0, 0.0, 0.0)], ["inside"], "Inside"))
    panel.ui.growButton.click()
    box = roi_from_box((-10, -10, -10), (10, 10, 10), "Box")
    panel.ui.growBoxSelector.setCurrentNode(box)
    assert panel.ui.growBoxPlaceWidget.currentNode() is box
    panel.ui.growForegroundSelector.setCurrentNode(organs)
    panel.parameterNode.growMethod = parameters.GrowingMethod.CLASSIC
    assert panel.ui.smoothnessSlider.enabled
    panel.ui.growButton.click()
    first, second = (options for _arguments, options in made)
    names = ("box_roi", "foreground_segmentation")
    assert [first["settings"].method, *(first[name] for name in names)] == ["network", None, None]
    assert [second["settings"].method, *(second[name] for name in names)] == ["classic", box, organs]


def test_doubt_and_learning_are_of_the_network(panel, monkeypatch):
    from MedDeepRegSegLib.panels import grow_section, parameters

    made = requests(panel, monkeypatch, grow_section, "GrowTask")
    panel.ui.positivePointsSelector.setCurrentNode(markups_from_points([(0.0, 0.0, 0.0)], ["inside"], "Inside"))
    panel.ui.growButton.click()
    panel.ui.growPointsAdaptCheckBox.checked = True
    panel.ui.growUncertaintyCheckBox.checked = True
    panel.ui.growButton.click()
    panel.parameterNode.growMethod = parameters.GrowingMethod.CLASSIC
    assert not panel.ui.growPointsAdaptCheckBox.enabled
    assert not panel.ui.growUncertaintyCheckBox.enabled
    panel.ui.growButton.click()
    chosen = [(options["settings"].adapt, options["uncertainty"]) for _arguments, options in made]
    assert chosen == [(False, False), (True, True), (False, False)]


def test_a_network_of_ones_own_arrives_in_the_task(panel, monkeypatch, tmp_path):
    from MedDeepRegSegLib.panels import grow_section, parameters

    made = requests(panel, monkeypatch, grow_section, "GrowTask")
    panel.ui.positivePointsSelector.setCurrentNode(markups_from_points([(0.0, 0.0, 0.0)], ["inside"], "Inside"))
    panel.ui.growButton.click()
    panel.ui.growModelPathLineEdit.currentPath = str(tmp_path)
    panel.ui.growButton.click()
    panel.parameterNode.growMethod = parameters.GrowingMethod.CLASSIC
    assert not panel.ui.growModelPathLineEdit.enabled
    panel.ui.growButton.click()
    assert [options["model"] for _arguments, options in made] == [None, tmp_path, None]


def test_doubt_is_shown_and_the_next_point_is_told(panel, head_nodes, organs):
    node, volume = panel.parameterNode, head_nodes[1]
    section = next(section for section in panel.sections if hasattr(section, "showGrown"))
    section.showGrown(
        node,
        head_nodes[0],
        {
            "segmentation": organs,
            "segment_ids": (organs.GetSegmentation().GetNthSegmentID(0),),
            "uncertainty": volume,
            "suggestion": ((-1.0, 2.5, 3.0), False),
        },
    )
    composite = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")[0]
    shown = composite.GetForegroundVolumeID(), composite.GetBackgroundVolumeID()
    assert shown == (volume.GetID(), head_nodes[0].GetID())
    assert node.growUncertainty is volume
    assert "-1.0, 2.5, 3.0" in panel.ui.statusLabel.text
    assert "outside" in panel.ui.statusLabel.text


def test_families_are_chosen(panel, head_nodes, organs, monkeypatch):
    from MedDeepRegSegLib.panels import measure_section

    made = requests(panel, monkeypatch, measure_section, "MeasureTask")
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


def test_parts_are_looked_for_in_the_image_or_in_a_segment(panel, organs, monkeypatch):
    from MedDeepRegSegLib.panels import subdivide_section

    made = requests(panel, monkeypatch, subdivide_section, "SubdivideTask")
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


def test_contours_are_outlined_and_aligned(panel, head_nodes, organs, monkeypatch):
    from MedDeepRegSegLib.mrml.tables import TableColumn, table_from_rows
    from MedDeepRegSegLib.panels import contours_section
    from MedDeepRegSegLib.panels.parameters import ContourFit, ContourSource

    made = requests(panel, monkeypatch, contours_section, "ContoursTask")
    aligned = requests(panel, monkeypatch, contours_section, "AlignContoursTask")
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


def test_the_time_left_is_told_in_words(panel):
    from MedDeepRegSegLib.panels.task_runner import progressText

    assert progressText(None) == "%p%"
    assert progressText(20.0) == "%p%, less than a minute left"
    assert progressText(70.0) == "%p%, about a minute left"
    assert progressText(600.0) == "%p%, about 10 minutes left"
    assert progressText(2.5 * 3600) == "%p%, about 2.5 hours left"
