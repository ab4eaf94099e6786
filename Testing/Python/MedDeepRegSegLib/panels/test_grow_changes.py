"""What the effect MedDeep Grow does when something changes or fails between two clicks: no click may be lost."""

import time

import numpy as np
import pytest
import slicer
from Host.growing import preview_ml, volume_ml, wait
from Host.loader import process_events
from StandIns.growing import RADIUS_MM

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.processes import end_tree
from MedDeepRegSegLib.mrml.markups import roi_from_box

BALL_ML = 4 / 3 * np.pi * RADIUS_MM**3 / 1000
CENTER = (6.0, -4.0, 5.0)  # RAS mm
BESIDE = (14.0, -4.0, 5.0)
APART = (-14.0, -4.0, 5.0)
EVERYWHERE = ((-90.0, -90.0, -90.0), (90.0, 90.0, 90.0))
HALF = ((-6.0, -90.0, -90.0), (90.0, 90.0, 90.0))  # LPS: what lies left of 6 mm right
ELSEWHERE = ((500.0, 500.0, 500.0), (600.0, 600.0, 600.0))


def grow(editor, interaction, *places):
    for place in places:
        editor.click(place)
        wait(interaction)
    return preview_ml(interaction)


def move(roi, box):
    roi_from_box(*box, roi.GetName(), node=roi)


@pytest.fixture
def box(editor, effect):
    roi = roi_from_box(*EVERYWHERE, "Box")
    effect.ui.growBoxSelector.setCurrentNode(roi)
    return roi


def test_clicks_before_a_beginning_that_failed_are_sent_with_the_next_one(editor, effect, interaction, monkeypatch):
    grow(editor, interaction, CENTER)

    def fail(_target):
        msg = "the segment cannot be used"
        raise InputError(msg)

    with monkeypatch.context() as context:
        context.setattr(interaction._session, "begin", fail)
        effect.ui.growModeComboBox.setCurrentIndex(2)
        assert "cannot be used" in effect.ui.growStatusLabel.text
        assert not interaction.computing
        editor.click(APART)
        assert interaction.clicks == 1, "the new click is not kept, the one before is"
    assert grow(editor, interaction, APART) == pytest.approx(2 * BALL_ML, rel=0.1)
    assert interaction.clicks == 2


def test_confirming_after_a_beginning_that_failed_begins_anew(
    editor, effect, interaction, monkeypatch, liver_segmentation
):
    grow(editor, interaction, CENTER)
    with monkeypatch.context() as context:
        context.setattr(interaction._session, "begin", lambda _target: (_ for _ in ()).throw(InputError("not now")))
        effect.ui.growModeComboBox.setCurrentIndex(2)
        editor.send("KeyPressEvent", key="Return")
        assert "not now" in effect.ui.growStatusLabel.text
        assert volume_ml(liver_segmentation) == 0
    editor.send("KeyPressEvent", key="Return")
    wait(interaction, until=lambda: interaction.clicks == 0)
    assert volume_ml(liver_segmentation) == pytest.approx(BALL_ML, rel=0.1)


def test_a_beginning_that_the_network_refuses_is_told(editor, effect, interaction, box):
    move(box, ELSEWHERE)
    editor.click(CENTER)
    wait(interaction, until=lambda: interaction.clicks == 0)
    assert "the box lies outside of the image" in effect.ui.growStatusLabel.text
    assert not interaction.computing
    move(box, EVERYWHERE)
    assert grow(editor, interaction, CENTER) == pytest.approx(BALL_ML, rel=0.1)


def test_a_box_that_is_moved_counts_for_the_next_click(editor, interaction, box):
    whole = grow(editor, interaction, CENTER)
    move(box, HALF)
    assert grow(editor, interaction, CENTER) < 0.7 * whole


def test_what_has_grown_follows_a_box_that_comes_to_rest(editor, interaction, box):
    whole = grow(editor, interaction, CENTER)
    move(box, HALF)
    wait(interaction, until=lambda: not interaction.computing and 0 < preview_ml(interaction) < 0.7 * whole)
    assert interaction.clicks == 1


def test_confirming_allows_for_a_box_that_was_just_moved(editor, interaction, box, liver_segmentation):
    whole = grow(editor, interaction, CENTER)
    move(box, HALF)
    editor.send("KeyPressEvent", key="Return")
    wait(interaction, until=lambda: interaction.clicks == 0)
    assert 0 < volume_ml(liver_segmentation) < 0.7 * whole


def test_a_volume_is_sent_once_and_again_after_its_voxels_changed(editor, interaction, ramp_volume):
    grow(editor, interaction, CENTER, BESIDE)
    first = interaction._session._folder
    assert grow(editor, interaction, APART) > 2 * BALL_ML
    assert interaction._session._folder == first, "the same volume needs no other process"
    before = preview_ml(interaction)
    slicer.util.arrayFromVolume(ramp_volume)[:] += 5
    slicer.util.arrayFromVolumeModified(ramp_volume)
    assert grow(editor, interaction, CENTER) == before
    assert interaction._session._folder != first
    assert interaction.clicks == 4


def test_a_volume_that_is_moved_is_sent_again_and_shown_at_its_new_place(editor, interaction, ramp_volume):
    from MedDeepRegSegLib.mrml.segmentations import image_from_segmentation

    grow(editor, interaction, CENTER)
    right, anterior, superior = ramp_volume.GetOrigin()
    ramp_volume.SetOrigin(right + 1.0, anterior, superior)
    editor.view.sliceLogic().FitSliceToBackground()
    assert grow(editor, interaction, APART) == pytest.approx(2 * BALL_ML, rel=0.1)
    shown, _ = image_from_segmentation(interaction.preview.segmentation_node)
    shift = (shown.GetOrigin()[0] + ramp_volume.GetOrigin()[0]) / shown.GetSpacing()[0]
    assert shift == pytest.approx(round(shift)), "the preview is on the grid that the volume has now"


def end_child(interaction):
    """End the child process from outside, and wait until it is gone; the effect has not seen it then."""
    client = interaction._session._client
    end_tree(client._job._pid)
    end = time.monotonic() + 30
    while client.alive and time.monotonic() < end:
        time.sleep(0.01)
    assert not client.alive


def test_a_click_right_after_the_process_has_died_is_answered(editor, effect, interaction):
    grow(editor, interaction, CENTER)
    end_child(interaction)
    interaction.click(APART)
    assert interaction.clicks == 2
    wait(interaction)
    assert preview_ml(interaction) == pytest.approx(2 * BALL_ML, rel=0.1)
    assert "stopped" not in effect.ui.growStatusLabel.text


@pytest.fixture
def stopped(editor, effect, interaction):
    """One click is answered; then the process dies, and the effect sees it."""
    grow(editor, interaction, CENTER)
    end_child(interaction)
    assert process_events(10, until=lambda: not interaction._session.running)
    assert "Growing stopped" in effect.ui.growStatusLabel.text
    assert interaction.clicks == 1
    assert not interaction.computing
    assert preview_ml(interaction) == pytest.approx(BALL_ML, rel=0.1), "what has grown is still shown"


@pytest.mark.usefixtures("stopped")
def test_clicks_before_the_process_died_are_sent_with_the_next_one(editor, effect, interaction):
    assert grow(editor, interaction, APART) == pytest.approx(2 * BALL_ML, rel=0.1)
    assert interaction.clicks == 2
    assert "2 clicks" in effect.ui.growStatusLabel.text
    editor.send("KeyPressEvent", key="BackSpace")
    assert preview_ml(interaction) == pytest.approx(BALL_ML, rel=0.1)


@pytest.mark.usefixtures("stopped")
def test_confirming_after_the_process_died_grows_again(editor, interaction, liver_segmentation):
    editor.send("KeyPressEvent", key="Return")
    wait(interaction, until=lambda: interaction.clicks == 0)
    assert volume_ml(liver_segmentation) == pytest.approx(BALL_ML, rel=0.1)


@pytest.mark.usefixtures("stopped")
def test_clicks_before_the_process_died_can_be_dropped(editor, effect, interaction):
    editor.send("KeyPressEvent", key="BackSpace")
    assert interaction.clicks == 0
    assert effect.ui.growStatusLabel.text == "Click inside the structure."
    assert grow(editor, interaction, APART) == pytest.approx(BALL_ML, rel=0.1)


def test_a_stroke_that_is_drawn_while_the_process_dies_counts(editor, effect, interaction):
    grow(editor, interaction, CENTER)
    editor.send("LeftButtonPressEvent", APART)
    end_child(interaction)
    assert process_events(10, until=lambda: not interaction._session.running)
    editor.send("LeftButtonReleaseEvent")
    wait(interaction)
    assert interaction.clicks == 2
    assert preview_ml(interaction) == pytest.approx(2 * BALL_ML, rel=0.1)
    assert "stopped" not in effect.ui.growStatusLabel.text


def test_answers_survive_a_drawing_that_fails(editor, effect, interaction, monkeypatch):
    def fail(*_arguments):
        msg = "nothing can be drawn"
        raise RuntimeError(msg)

    editor.click(CENTER)
    editor.click(BESIDE)
    with monkeypatch.context() as context:
        context.setattr(interaction.preview, "show_mask", fail)
        wait(interaction)
        assert process_events(10, until=lambda: "nothing can be drawn" in effect.ui.growStatusLabel.text)
    assert interaction.clicks == 2
    assert grow(editor, interaction, APART) > 2 * BALL_ML


def test_the_doubt_follows_a_click_that_is_taken_back(editor, interaction):
    def doubted():
        composite = editor.view.sliceLogic().GetSliceCompositeNode()
        node = slicer.mrmlScene.GetNodeByID(composite.GetForegroundVolumeID() or "")
        return 0 if node is None else int((slicer.util.arrayFromVolume(node) > 0).sum())

    editor.send("KeyPressEvent", key="u")
    grow(editor, interaction, CENTER)
    wait(interaction, until=lambda: doubted() > 0)
    one = doubted()
    grow(editor, interaction, APART)
    wait(interaction, until=lambda: doubted() > 1.5 * one)
    editor.send("KeyPressEvent", key="BackSpace")
    wait(interaction, until=lambda: doubted() == one, seconds=10)


@pytest.mark.parametrize("mode", [0, 1])
def test_nothing_that_has_grown_is_put_nowhere(editor, effect, interaction, liver_segmentation, mode):
    grow(editor, interaction, CENTER)
    editor.send("KeyPressEvent", key="Return")
    before = volume_ml(liver_segmentation)
    effect.ui.growModeComboBox.setCurrentIndex(mode)
    editor.click(CENTER, control=True)  # outside alone
    wait(interaction)
    assert "Nothing has grown" in effect.ui.growStatusLabel.text
    editor.send("KeyPressEvent", key="Return")
    assert volume_ml(liver_segmentation) == before > 0
    assert "the segment stays as it is" in effect.ui.growStatusLabel.text
    assert interaction.clicks == 1
