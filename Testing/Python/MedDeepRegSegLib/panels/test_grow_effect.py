"""The Segment Editor effect MedDeep Grow, as its user meets it: clicks in a slice view, preview, undo, confirm, cancel.

Editor logic and undo history are Slicer's own; the network is a stand-in that grows balls.
"""

import numpy as np
import pytest
import slicer
from Host.growing import hidden_nodes, preview_ml, volume_ml, wait
from StandIns.growing import RADIUS_MM

BALL_ML = 4 / 3 * np.pi * RADIUS_MM**3 / 1000
CENTER = (6.0, -4.0, 5.0)  # RAS mm
BESIDE = (14.0, -4.0, 5.0)
APART = (-14.0, -4.0, 5.0)


def test_the_editor_knows_the_effect(editor, effect):
    assert editor.activeEffect.name == "MedDeep Grow"
    assert editor.activeEffect.perSegment
    assert not effect.icon().isNull()
    assert "Backspace" in effect.helpText()


def test_a_click_grows_a_preview_and_enter_puts_it_into_the_segment(editor, effect, interaction, liver_segmentation):
    assert not effect.ui.confirmGrowButton.enabled
    editor.click(CENTER)
    wait(interaction)
    assert preview_ml(interaction) == pytest.approx(BALL_ML, rel=0.1)
    assert "2.1 ml" in effect.ui.growStatusLabel.text or "2.2 ml" in effect.ui.growStatusLabel.text
    assert "Enter confirms" in effect.ui.growStatusLabel.text
    assert volume_ml(liver_segmentation) == 0, "the segment is changed by confirming alone"
    assert effect.ui.confirmGrowButton.enabled
    for node in hidden_nodes():
        assert node.GetHideFromEditors() or node.IsA("vtkMRMLDisplayNode")
        assert not node.GetSaveWithScene()

    assert editor.send("KeyPressEvent", key="Return")
    assert volume_ml(liver_segmentation) == pytest.approx(BALL_ML, rel=0.1)
    assert hidden_nodes() == []
    assert effect.ui.growStatusLabel.text == "Click inside the structure."


def test_one_confirm_is_one_undo_state_of_the_editor(editor, interaction, liver_segmentation):
    for place in (CENTER, BESIDE):
        editor.click(place)
        wait(interaction)
    assert not editor.logic.CanUndo(), "clicks are not in the editor's history"
    editor.send("KeyPressEvent", key="Return")
    assert volume_ml(liver_segmentation) > BALL_ML
    editor.logic.Undo()
    assert volume_ml(liver_segmentation) == 0
    assert not editor.logic.CanUndo()


def test_confirm_waits_for_the_last_click(editor, interaction, liver_segmentation):
    editor.click(CENTER)
    editor.send("KeyPressEvent", key="Return")  # at once
    wait(interaction, until=lambda: interaction.clicks == 0)
    assert volume_ml(liver_segmentation) == pytest.approx(BALL_ML, rel=0.1)


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


def test_cancel_leaves_the_segment_as_it_was(editor, effect, interaction, liver_segmentation):
    editor.click(CENTER)
    wait(interaction)
    effect.ui.cancelGrowButton.click()
    assert interaction.clicks == 0
    assert hidden_nodes() == []
    assert volume_ml(liver_segmentation) == 0
    assert not editor.logic.CanUndo()
    editor.click(CENTER)
    wait(interaction)
    editor.activate(None)  # the key Esc of the editor, or another effect
    assert hidden_nodes() == []
    assert volume_ml(liver_segmentation) == 0


def test_another_segment_ends_the_preview(editor, interaction, liver_segmentation):
    editor.click(CENTER)
    wait(interaction)
    editor.node.SetSelectedSegmentID("Other")
    assert interaction.clicks == 0
    editor.click(BESIDE)
    wait(interaction)
    editor.send("KeyPressEvent", key="Return")
    assert volume_ml(liver_segmentation) == 0
    assert volume_ml(liver_segmentation, "Other") == pytest.approx(BALL_ML, rel=0.1)


def test_a_click_that_cannot_be_used_is_explained_and_the_others_stay(editor, effect, interaction):
    editor.click(CENTER)
    wait(interaction)
    interaction.click((900.0, 0.0, 0.0))
    wait(interaction)
    assert "outside of the image" in effect.ui.growStatusLabel.text
    assert interaction.clicks == 1
    assert preview_ml(interaction) == pytest.approx(BALL_ML, rel=0.1)


def test_a_fault_of_the_network_is_told_and_no_click_is_lost(editor, effect, interaction, liver_segmentation):
    liver_segmentation.GetSegmentation().GetSegment("Liver").SetName("Broken")
    editor.click(CENTER)
    editor.click(BESIDE)  # when the process has ended maybe, which nobody has seen yet
    wait(interaction, until=lambda: not interaction._session.running)
    assert "a fault of the program" in effect.ui.growStatusLabel.text
    assert "The clicks are kept" in effect.ui.growStatusLabel.text
    assert interaction.clicks == 2
    liver_segmentation.GetSegmentation().GetSegment("Liver").SetName("Liver")
    editor.click(APART)
    wait(interaction)
    assert interaction.clicks == 3
    assert preview_ml(interaction) > 2.2 * BALL_ML


def test_the_window_lives_while_a_click_takes_its_time(editor, interaction, liver_segmentation):
    import time

    liver_segmentation.GetSegmentation().GetSegment("Liver").SetName("Slow")  # the stand-in takes 30 s for that name
    editor.click(CENTER)
    assert interaction.computing, "the click came back before its answer"
    assert not interaction._session.ready, "and did not wait for the process to start"
    wait(interaction, until=lambda: interaction._session.ready)
    assert interaction.computing
    started = time.monotonic()
    interaction.cancel()
    assert interaction._session.ready, "what is told of the cancel is looked at later"
    assert not interaction.computing
    assert interaction.clicks == 0
    liver_segmentation.GetSegmentation().GetSegment("Liver").SetName("Liver")
    editor.click(CENTER)
    wait(interaction, seconds=10)
    assert interaction.clicks == 1
    assert time.monotonic() - started < 30, "nothing waited for the click that was canceled"


def test_the_scene_may_close_at_any_time(editor, interaction):
    editor.click(CENTER)
    slicer.mrmlScene.Clear(False)
    assert not interaction._session.running
    assert interaction.clicks == 0
