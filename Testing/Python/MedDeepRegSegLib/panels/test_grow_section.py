"""The section "Grow a structure" of the Segmentation tab: what arrives in the editor and in the task, and what is told."""

import pytest
import slicer

from MedDeepRegSegLib.mrml.markups import markups_from_points


@pytest.fixture
def panel(module, head_nodes):
    return module("MedDeepRegSeg").widget.segmentationPanel


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
    from MedDeepRegSegLib.panels.subdivide_section import segmentNames

    segmentation = panel.ui.segmentationSelector.currentNode()
    assert segmentNames(segmentation) == ["Liver"]
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


def test_method_box_and_foreground_arrive_in_the_task(panel, organs, requests):
    from MedDeepRegSegLib.mrml.markups import roi_from_box
    from MedDeepRegSegLib.panels import grow_section, parameters

    made = requests(panel, grow_section, "GrowTask")
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


def test_doubt_and_learning_are_of_the_network(panel, requests):
    from MedDeepRegSegLib.panels import grow_section, parameters

    made = requests(panel, grow_section, "GrowTask")
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


def test_a_network_of_ones_own_arrives_in_the_task(panel, requests, tmp_path):
    from MedDeepRegSegLib.panels import grow_section, parameters

    made = requests(panel, grow_section, "GrowTask")
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
