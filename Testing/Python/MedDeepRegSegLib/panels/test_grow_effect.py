"""The Segment Editor effect MedDeep Grow, as its user meets it: clicks in a slice view, preview, undo, confirm, cancel.

Editor logic, masking and undo history are Slicer's own; the network is a stand-in that grows balls.
"""

import Host
import numpy as np
import pytest
import SimpleITK as sitk
import slicer
from Host.fixtures import REPOSITORY
from Host.segment_editor import SegmentEditor
from StandIns.growing import RADIUS_MM, child_command

BALL_ML = 4 / 3 * np.pi * RADIUS_MM**3 / 1000
CENTER = (6.0, -4.0, 5.0)  # RAS mm
BESIDE = (14.0, -4.0, 5.0)


@pytest.fixture
def volume(slicer_scene):
    from MedDeepRegSegLib.mrml.volumes import volume_from_image

    ramp = np.linspace(0, 100, 30)[None, None, :] * np.ones((20, 28, 1))
    image = sitk.GetImageFromArray(ramp.astype(np.int16))
    image.SetSpacing((2.0, 2.0, 2.5))
    image.SetOrigin((-30.0, -26.0, -20.0))
    return volume_from_image(image, "Volume")


@pytest.fixture
def segmentation(volume):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Segmentation")
    node.CreateDefaultDisplayNodes()
    for name, color in (("Liver", (0.8, 0.4, 0.3)), ("Other", (0.2, 0.5, 0.9))):
        node.GetSegmentation().AddEmptySegment(name, name, color)
    return node


@pytest.fixture
def editor(module, volume, segmentation, monkeypatch):
    from MedDeepRegSegLib.panels.grow_effect import GrowEffect
    from MedDeepRegSegLib.panels.grow_session import GrowSession

    monkeypatch.setattr(GrowEffect, "makeSession", staticmethod(lambda: GrowSession(command=child_command())))
    module(REPOSITORY / "SegmentEditorMedDeepGrow" / "SegmentEditorMedDeepGrow.py")
    registered = slicer.qSlicerSegmentEditorEffectFactory.instance().registeredEffects()[-1]
    editor = SegmentEditor(volume, segmentation)
    editor.node.SetSelectedSegmentID("Liver")
    editor.activate(editor.effect(registered))
    yield editor
    editor.close()
    registered.self().cleanup()


@pytest.fixture
def effect(editor):
    return editor.activeEffect.self()


@pytest.fixture
def interaction(effect):
    return effect.interaction


def wait(interaction, until=None, seconds=60):
    until = until or (lambda: not interaction.computing)
    assert Host.process_events(seconds, until=until), interaction.status


def volume_ml(segmentation, name="Liver"):
    from MedDeepRegSegLib.mrml.segmentations import image_from_segmentation

    labels, _ = image_from_segmentation(segmentation, segment_ids=[name])
    return (sitk.GetArrayViewFromImage(labels) > 0).sum() * np.prod(labels.GetSpacing()) / 1000


def preview_ml(interaction):
    node = interaction.preview.segmentation_node
    return 0.0 if node is None else volume_ml(node, "preview")


def hidden_nodes():
    return [node for node in slicer.util.getNodesByClass("vtkMRMLNode") if "MedDeep Grow" in (node.GetName() or "")]


def test_the_editor_knows_the_effect(editor, effect):
    assert editor.activeEffect.name == "MedDeep Grow"
    assert editor.activeEffect.perSegment
    assert not effect.icon().isNull()
    assert "Backspace" in effect.helpText()


def test_a_click_grows_a_preview_and_enter_puts_it_into_the_segment(editor, effect, interaction, segmentation):
    assert not effect.ui.confirmGrowButton.enabled
    editor.click(CENTER)
    wait(interaction)
    assert preview_ml(interaction) == pytest.approx(BALL_ML, rel=0.1)
    assert "2.1 ml" in effect.ui.growStatusLabel.text or "2.2 ml" in effect.ui.growStatusLabel.text
    assert "Enter confirms" in effect.ui.growStatusLabel.text
    assert volume_ml(segmentation) == 0, "the segment is changed by confirming alone"
    assert effect.ui.confirmGrowButton.enabled
    for node in hidden_nodes():
        assert node.GetHideFromEditors() or node.IsA("vtkMRMLDisplayNode")
        assert not node.GetSaveWithScene()

    assert editor.send("KeyPressEvent", key="Return")
    assert volume_ml(segmentation) == pytest.approx(BALL_ML, rel=0.1)
    assert hidden_nodes() == []
    assert effect.ui.growStatusLabel.text == "Click inside the structure."


def test_one_confirm_is_one_undo_state_of_the_editor(editor, interaction, segmentation):
    for place in (CENTER, BESIDE):
        editor.click(place)
        wait(interaction)
    assert not editor.logic.CanUndo(), "clicks are not in the editor's history"
    editor.send("KeyPressEvent", key="Return")
    assert volume_ml(segmentation) > BALL_ML
    editor.logic.Undo()
    assert volume_ml(segmentation) == 0
    assert not editor.logic.CanUndo()


def test_confirm_waits_for_the_last_click(editor, interaction, segmentation):
    editor.click(CENTER)
    editor.send("KeyPressEvent", key="Return")  # at once
    wait(interaction, until=lambda: interaction.clicks == 0)
    assert volume_ml(segmentation) == pytest.approx(BALL_ML, rel=0.1)


def test_control_click_is_outside_and_so_is_the_other_button(editor, effect, interaction):
    editor.click(CENTER)
    editor.click(BESIDE, control=True)
    wait(interaction)
    less = preview_ml(interaction)
    assert less < 0.8 * BALL_ML
    assert "Adapted to your corrections" in effect.ui.growStatusLabel.text
    editor.send("KeyPressEvent", key="x")
    assert effect.ui.outsideButton.checked
    editor.click((-2.0, -4.0, 5.0))
    wait(interaction)
    assert preview_ml(interaction) < less


def test_a_drag_is_one_scribble(editor, interaction):
    editor.send("LeftButtonPressEvent", CENTER)
    for step in range(1, 6):
        assert editor.send("MouseMoveEvent", (CENTER[0] + 3 * step, *CENTER[1:]))
    editor.send("LeftButtonReleaseEvent")
    assert interaction.clicks == 1
    wait(interaction)
    assert preview_ml(interaction) > 1.5 * BALL_ML
    assert not editor.send("MouseMoveEvent", CENTER), "without a button the views get the mouse"


def test_undo_takes_the_last_click_back(editor, effect, interaction):
    editor.click(CENTER)
    wait(interaction)
    one = preview_ml(interaction)
    editor.click(BESIDE)
    wait(interaction)
    assert preview_ml(interaction) > one
    editor.send("KeyPressEvent", key="BackSpace")
    assert preview_ml(interaction) == one, "at once, from memory"
    editor.click(BESIDE, control=True)
    wait(interaction)
    assert preview_ml(interaction) < one
    effect.ui.undoClickButton.click()
    effect.ui.undoClickButton.click()
    assert interaction.clicks == 0
    assert hidden_nodes() == []
    editor.click(CENTER)
    wait(interaction)
    assert preview_ml(interaction) == one


def test_the_keys_of_the_editor_are_borrowed_while_there_are_clicks(editor, interaction):
    import qt

    window = slicer.util.mainWindow()
    pressed = []
    undo = qt.QShortcut(window)
    undo.key = qt.QKeySequence("Ctrl+Z")
    undo.connect("activated()", lambda: pressed.append("editor"))

    def own():
        return [
            child
            for child in window.children()
            if child.className() == "QShortcut" and child is not undo and child.key.toString() == "Ctrl+Z"
        ]

    assert undo.enabled
    assert own() == []
    editor.click(CENTER)
    assert not undo.enabled
    assert len(own()) == 1
    own()[0].activated()  # as Qt does when the keys are pressed
    assert interaction.clicks == 0
    assert undo.enabled
    assert own() == []
    assert pressed == []
    undo.setParent(None)


def test_cancel_leaves_the_segment_as_it_was(editor, effect, interaction, segmentation):
    editor.click(CENTER)
    wait(interaction)
    effect.ui.cancelGrowButton.click()
    assert interaction.clicks == 0
    assert hidden_nodes() == []
    assert volume_ml(segmentation) == 0
    assert not editor.logic.CanUndo()
    editor.click(CENTER)
    wait(interaction)
    editor.activate(None)  # the key Esc of the editor, or another effect
    assert hidden_nodes() == []
    assert volume_ml(segmentation) == 0


def test_another_segment_ends_the_preview(editor, interaction, segmentation):
    editor.click(CENTER)
    wait(interaction)
    editor.node.SetSelectedSegmentID("Other")
    assert interaction.clicks == 0
    editor.click(BESIDE)
    wait(interaction)
    editor.send("KeyPressEvent", key="Return")
    assert volume_ml(segmentation) == 0
    assert volume_ml(segmentation, "Other") == pytest.approx(BALL_ML, rel=0.1)


@pytest.mark.parametrize("kind", ["segment", "intensity"])
def test_masking_settings_hold_for_the_preview_and_the_segment(editor, interaction, segmentation, kind):
    if kind == "segment":
        editor.node.SetSelectedSegmentID("Other")
        editor.click(BESIDE)
        wait(interaction)
        editor.send("KeyPressEvent", key="Return")
        editor.node.SetSelectedSegmentID("Liver")
        editor.node.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedOutsideAllSegments)
    else:
        editor.node.SourceVolumeIntensityMaskOn()
        editor.node.SetSourceVolumeIntensityMaskRange(0.0, 40.0)
    editor.click(CENTER)
    wait(interaction)
    shown = preview_ml(interaction)
    assert 0.1 * BALL_ML < shown < 0.9 * BALL_ML
    editor.send("KeyPressEvent", key="Return")
    assert volume_ml(segmentation) == pytest.approx(shown)
    if kind == "segment":
        assert volume_ml(segmentation, "Other") == pytest.approx(BALL_ML, rel=0.1)


def test_what_confirming_does_can_be_chosen(editor, effect, interaction, segmentation):
    def grow(place, mode):
        effect.ui.growModeComboBox.setCurrentIndex(["add", "replace", "correct", "remove"].index(mode))
        editor.click(place)
        wait(interaction)
        effect.ui.confirmGrowButton.click()
        return volume_ml(segmentation)

    first = grow(CENTER, "add")
    both = grow(BESIDE, "add")
    assert both > 1.2 * first
    assert grow(BESIDE, "remove") < both - 0.5 * first
    assert grow(CENTER, "replace") == pytest.approx(first)
    assert grow(BESIDE, "correct") == pytest.approx(both), "it starts from what the segment holds"


def test_a_box_keeps_the_structure_inside(editor, effect, interaction):
    from MedDeepRegSegLib.mrml.markups import roi_from_box

    roi = roi_from_box((-6.0, -90.0, -90.0), (90.0, 90.0, 90.0), "Box")  # LPS: what lies left of 6 mm right
    editor.click(CENTER)
    wait(interaction)
    whole = preview_ml(interaction)
    effect.ui.growBoxSelector.setCurrentNode(roi)
    wait(interaction)
    assert 0.3 * whole < preview_ml(interaction) < 0.7 * whole, "the clicks stay and the box counts"
    assert editor.activeEffect.nodeReference("Box") is roi


def test_the_suggestion_is_shown_and_taken(editor, effect, interaction):
    assert not effect.ui.suggestionButton.enabled
    editor.click(CENTER)
    wait(interaction)
    node = next(node for node in hidden_nodes() if "suggestion" in node.GetName())
    assert node.GetNumberOfControlPoints() == 1
    assert "inside" in node.GetNthControlPointLabel(0)
    before = preview_ml(interaction)
    editor.send("KeyPressEvent", key="n")
    wait(interaction)
    assert interaction.clicks == 2
    assert preview_ml(interaction) > before


def test_doubt_is_shown_on_demand(editor, interaction, volume):
    composite = editor.view.sliceLogic().GetSliceCompositeNode()
    editor.click(CENTER)
    wait(interaction)
    assert composite.GetForegroundVolumeID() is None
    editor.send("KeyPressEvent", key="u")
    wait(interaction, until=lambda: composite.GetForegroundVolumeID() is not None)
    shown = slicer.mrmlScene.GetNodeByID(composite.GetForegroundVolumeID())
    assert slicer.util.arrayFromVolume(shown).max() == 0.5
    editor.send("KeyPressEvent", key="u")
    assert composite.GetForegroundVolumeID() is None


def test_a_click_that_cannot_be_used_is_explained_and_the_others_stay(editor, effect, interaction):
    editor.click(CENTER)
    wait(interaction)
    interaction.click((900.0, 0.0, 0.0))
    wait(interaction)
    assert "outside of the image" in effect.ui.growStatusLabel.text
    assert interaction.clicks == 1
    assert preview_ml(interaction) == pytest.approx(BALL_ML, rel=0.1)


def test_a_fault_of_the_network_is_told_and_the_next_click_starts_anew(editor, effect, interaction, segmentation):
    segmentation.GetSegmentation().GetSegment("Liver").SetName("Broken")
    editor.click(CENTER)
    wait(interaction, until=lambda: interaction.clicks == 0)
    assert "a fault of the program" in effect.ui.growStatusLabel.text
    segmentation.GetSegmentation().GetSegment("Liver").SetName("Liver")
    editor.click(CENTER)
    wait(interaction)
    assert preview_ml(interaction) > 0


def test_the_window_lives_while_a_click_takes_its_time(editor, interaction, segmentation):
    import time

    segmentation.GetSegmentation().GetSegment("Liver").SetName("Slow")
    started = time.monotonic()
    editor.click(CENTER)
    assert time.monotonic() - started < 0.5
    wait(interaction, until=lambda: interaction._session.ready)
    assert interaction.computing
    started = time.monotonic()
    interaction.cancel()
    assert time.monotonic() - started < 0.2
    segmentation.GetSegmentation().GetSegment("Liver").SetName("Liver")
    editor.click(CENTER)
    wait(interaction, seconds=10)


def test_segments_get_meaning_and_reference_geometry(editor, interaction, segmentation, volume):
    import vtk

    editor.click(CENTER)
    wait(interaction)
    editor.send("KeyPressEvent", key="Return")
    segment = segmentation.GetSegmentation().GetSegment("Liver")
    entry = vtk.reference("")
    assert segment.GetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), entry)
    assert "SCT^10200004^Liver" in str(entry)
    assert tuple(segment.GetColor()) == (0.8, 0.4, 0.3), "the color is the user's"
    role = segmentation.GetReferenceImageGeometryReferenceRole()
    assert segmentation.GetNodeReference(role) is volume


def test_the_scene_may_close_at_any_time(editor, interaction):
    editor.click(CENTER)
    slicer.mrmlScene.Clear(False)
    assert not interaction._session.running
    assert interaction.clicks == 0


def test_a_rigid_transform_of_the_segmentation_is_allowed_for(editor, interaction, segmentation, volume):
    import vtk

    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(0, 3, 4.0)
    transform.SetMatrixTransformToParent(matrix)
    for node in (segmentation, volume):
        node.SetAndObserveTransformNodeID(transform.GetID())
    editor.view.sliceLogic().FitSliceToBackground()
    editor.click(CENTER)
    wait(interaction)
    editor.send("KeyPressEvent", key="Return")
    from MedDeepRegSegLib.mrml.segmentations import image_from_segmentation

    labels, _ = image_from_segmentation(segmentation, segment_ids=["Liver"])
    statistics = sitk.LabelShapeStatisticsImageFilter()
    statistics.Execute(labels)
    assert np.allclose(statistics.GetCentroid(1), np.array(CENTER) * (-1, -1, 1), atol=1.5)
