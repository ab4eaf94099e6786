"""The canvas: labels, boxes, coordinates."""

import pytest
import torch

from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.synthesis.shapes.canvas import MOST_LABELS, Canvas, radial


def test_a_blank_canvas():
    canvas = Canvas.blank((16, 24, 32), Randomness(1))
    assert canvas.size == (16, 24, 32)
    assert canvas.labels.dtype == torch.int16
    assert not canvas.labels.any()
    assert canvas.half_sides.tolist() == [0.5, 0.75, 1.0]
    # Bent by some tenths at most, -1 to 1 along the longest side.
    for axis, half in enumerate((0.5, 0.75, 1.0)):
        ends = canvas.place[axis].mean(dim=[i for i in range(3) if i != axis])
        assert ends[0] == pytest.approx(-half, abs=0.35)
        assert ends[-1] == pytest.approx(half, abs=0.35)


def test_labels_are_new_until_there_are_enough(straight):
    canvas = straight()
    labels = [canvas.new_label() for _ in range(MOST_LABELS + 20)]
    assert labels[:3] == [2, 3, 4]
    assert max(labels) == MOST_LABELS
    assert len(set(labels)) == MOST_LABELS - 1


def test_alike_labels_are_noted(straight):
    canvas = straight()
    first = canvas.new_label()
    second = canvas.new_label(alike=first)
    assert canvas.alike == {second: first}


def test_painting_in_a_box(straight):
    canvas = straight()
    box = (slice(2, 4), slice(0, 3), slice(5, 6))
    canvas.paint(torch.ones(2, 3, 1, dtype=torch.bool), 9, box)
    assert (canvas.labels == 9).sum() == 6
    assert (canvas.labels[box] == 9).all()


@pytest.mark.parametrize("seed", range(4))
def test_a_box_holds_all_that_is_near(seed):
    random = Randomness(seed)
    canvas = Canvas.blank((20, 24, 32), random)
    for _ in range(8):
        center, reach = 2 * random.rand(3) - 1, random.uniform(0.05, 0.6)
        near = ((canvas.place - center.view(3, 1, 1, 1)).abs() <= reach).all(dim=0)
        box = canvas.box(center, reach)
        assert near[box].sum() == near.sum()


def test_boxes_are_small_and_may_be_empty(straight):
    canvas = straight()
    box = canvas.box(torch.zeros(3), 0.25)
    assert all(part.stop - part.start == 8 for part in box)
    assert canvas.labels[canvas.box(torch.full((3,), 5.0), 0.25)].numel() == 0


@pytest.mark.parametrize("power", [1.5, 2.0, 2.5, 3.0, 4.0, 2.2])
def test_radial_distances(power):
    place = Randomness(1).normal(3, 50)
    expected = place.double().abs().pow(power).sum(dim=0).pow(1 / power)
    assert torch.allclose(radial(place, power).double(), expected, rtol=1e-5)
    assert torch.equal(radial(torch.zeros(3, 2), power), torch.zeros(2))
