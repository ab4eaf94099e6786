"""What all shapes have in common: they paint new labels only, keep type and place, and can be repeated."""

import pytest
import torch

from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.synthesis.shapes.bands import paint_bands
from MedDeepRegSegLib.synthesis.shapes.body import paint_body
from MedDeepRegSegLib.synthesis.shapes.canvas import Canvas
from MedDeepRegSegLib.synthesis.shapes.chains import paint_chain
from MedDeepRegSegLib.synthesis.shapes.ellipsoids import paint_ellipsoids
from MedDeepRegSegLib.synthesis.shapes.lesions import paint_lesions
from MedDeepRegSegLib.synthesis.shapes.regions import paint_regions
from MedDeepRegSegLib.synthesis.shapes.tubes import paint_tubes

SHAPES = [paint_bands, paint_body, paint_chain, paint_ellipsoids, paint_lesions, paint_regions, paint_tubes]
each_shape = pytest.mark.parametrize("paint", SHAPES)


def painted(paint, seed, size=(24, 28, 32)):
    """Return labels before and after, and the canvas."""
    canvas = Canvas.blank(size, Randomness(seed))
    paint_regions(canvas)
    before, last = canvas.labels.clone(), canvas._next
    paint(canvas)
    return before, last, canvas


@each_shape
def test_only_new_labels_are_painted(paint):
    changed = 0
    for seed in range(6):
        before, last, canvas = painted(paint, seed)
        new = canvas.labels != before
        added = set(canvas.labels[new].unique().tolist())
        allowed = set(range(last, canvas._next)) | ({0} if paint is paint_body else set())
        assert added <= allowed
        assert canvas.labels.dtype == torch.int16
        assert canvas.labels.shape == (24, 28, 32)
        changed += bool(new.any())
    assert changed >= 4


@each_shape
def test_it_can_be_repeated(paint):
    _, _, canvas = painted(paint, 1)
    _, _, same = painted(paint, 1)
    assert torch.equal(canvas.labels, same.labels)
    assert (canvas.alike, canvas.bone, canvas.organs) == (same.alike, same.bone, same.organs)


@each_shape
def test_the_place_is_left_alone(paint):
    canvas = Canvas.blank((16, 16, 16), Randomness(2))
    place = canvas.place.clone()
    paint_regions(canvas)
    paint(canvas)
    assert torch.equal(canvas.place, place)


@each_shape
def test_flat_volumes(paint):
    _, _, canvas = painted(paint, 3, (6, 32, 32))
    assert canvas.labels.shape == (6, 32, 32)


@pytest.mark.parametrize("paint", [paint_chain, paint_ellipsoids, paint_tubes])
def test_organs_are_of_new_labels_and_no_label_is_in_two(paint):
    named = 0
    for seed in range(8):
        _, last, canvas = painted(paint, seed)
        labels = [label for organ in canvas.organs for label in organ]
        assert set(labels) <= set(range(last, canvas._next))
        assert len(set(labels)) == len(labels)
        named += len(labels)
    assert named
