"""Organs: of the size that is asked for, within their reach, neighbors that touch and look alike."""

import pytest
import torch
from scipy import ndimage

from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.synthesis.shapes.canvas import Canvas
from MedDeepRegSegLib.synthesis.shapes.ellipsoids import (
    Ellipsoid,
    _paint_neighbor,
    _paint_rim,
    _Surface,
    paint_ellipsoids,
)
from MedDeepRegSegLib.synthesis.smooth import smooth_field, voxel_grid

SMOOTH = _Surface(None, 1.0)


@pytest.mark.parametrize("seed", range(8))
def test_a_shape_ends_within_its_reach(seed):
    shape = Ellipsoid.draw(Randomness(seed), 0.4)
    place = voxel_grid((40, 40, 40), "cpu") / 20 - 0.975
    distance, own = shape.distance(place)
    away = place.norm(dim=0)
    assert own.shape == place.shape
    assert away[distance < 1].max() <= shape.reach + 1e-5
    assert away[distance < 1].max() > 0.3 * shape.reach
    # Twice as far is twice the distance.
    assert torch.allclose(shape.distance(2 * place)[0], 2 * distance, rtol=1e-4)


def test_shapes_are_of_about_the_radius():
    sizes = []
    place = voxel_grid((40, 40, 40), "cpu") / 20 - 0.975
    for seed in range(40):
        inside = Ellipsoid.draw(Randomness(seed), 0.4, spread=0.25).distance(place)[0] < 1
        sizes.append((inside.sum().item() / 20**3 * 3 / 4 / 3.14159) ** (1 / 3))
    assert 0.3 < min(sizes) < max(sizes) < 0.62
    assert sum(sizes) / len(sizes) == pytest.approx(0.4, abs=0.05)


def touching(first, second):
    """Return whether two masks share a face."""
    return bool((ndimage.binary_dilation(first) & second).any())


@pytest.mark.parametrize("rippled", [False, True])
def test_neighbors_touch_and_are_alike(straight, rippled):
    for seed in range(25):
        canvas = straight(seed)
        random = canvas.random
        ripple = 0.12 * smooth_field(random, 1, canvas.size, 8)[0] if rippled else None
        surface = _Surface(ripple, 1.0 if ripple is None else 1 - float(ripple.min()))
        shape = Ellipsoid.draw(random, 0.3)
        distance = shape.distance(canvas.place)[0]
        first = canvas.new_label()
        canvas.paint((distance if ripple is None else distance + ripple) < 1, first)
        before = (canvas.labels == first).clone()
        _paint_neighbor(canvas, shape, torch.zeros(3), first, surface)
        second = canvas.labels == first + 1
        assert canvas.alike == {first + 1: first}
        assert torch.equal(canvas.labels == first, before)  # the neighbor takes nothing away
        assert second.any()
        assert touching(before.numpy(), second.numpy())


def test_rims_lie_under_the_surface(straight):
    for seed in range(10):
        canvas = straight(seed)
        distance = canvas.place.norm(dim=0) / 0.8
        _paint_rim(canvas, distance, 0.2, (slice(None),) * 3)
        changed = canvas.labels != 1
        assert not changed[distance >= 1].any()
        assert changed[(distance < 0.99) & (distance > 0.96)].all()
        layers = [distance[canvas.labels == label].mean() for label in canvas.labels.unique() if label > 1]
        assert len(layers) >= 1


def test_boxes_cut_nothing_off(monkeypatch):
    """The same organs come out when every box is the whole canvas."""
    boxed = Canvas.blank((32, 32, 32), Randomness(3))
    paint_ellipsoids(boxed)
    monkeypatch.setattr(Canvas, "box", lambda *_: (slice(0, 32),) * 3)
    whole = Canvas.blank((32, 32, 32), Randomness(3))
    paint_ellipsoids(whole)
    assert (boxed.labels != whole.labels).float().mean() < 1e-4


def test_organs_lie_inside_of_flat_volumes():
    shown = 0
    for seed in range(6):
        canvas = Canvas.blank((8, 32, 32), Randomness(seed))
        paint_ellipsoids(canvas)
        shown += canvas.labels.unique().numel()
    assert shown > 6 * 3
