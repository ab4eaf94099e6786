"""The effect MedDeep Grow leaves nothing behind: no observer, no connection, no node of its preview."""

import pytest
import slicer
from Host.observers import listeners


@pytest.fixture
def nodes():
    """Return the names of what is in the scene."""
    return lambda: sorted(node.GetID() for node in slicer.util.getNodesByClass("vtkMRMLNode") if node.GetID())


def test_entering_and_leaving_the_effect_leaves_nothing_behind(editor, nodes):
    effect = editor.activeEffect
    editor.activate(None)
    left, before = listeners(), nodes()
    for _ in range(3):
        editor.activate(effect)
        editor.click((0.0, 0.0, 0.0))
        editor.activate(None)
    assert listeners() == left
    assert nodes() == before


def test_two_scenes_in_a_row(editor, effect, interaction):
    editor.click((0.0, 0.0, 0.0))
    slicer.mrmlScene.Clear(False)
    assert interaction.clicks == 0
    once = listeners()
    slicer.mrmlScene.Clear(False)
    assert listeners() == once


def test_an_effect_that_goes_away_follows_nothing(editor, effect):
    before = listeners()
    other = editor.effect(slicer.qSlicerSegmentEditorEffectFactory.instance().registeredEffects()[-1])
    editor.activate(other)
    editor.activate(None)
    other.self().cleanup()
    editor._effects.remove(other)
    other._frame.deleteLater()
    del other
    after = listeners()
    assert {name: count for name, count in after.items() if count > before.get(name, 0)} == {}
