"""Chains: bones in a row that look alike, each whole, each with its shell around what fills it."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.synthesis.shapes import chains
from MedDeepRegSegLib.synthesis.shapes.bones import Rib, Vertebra
from MedDeepRegSegLib.synthesis.shapes.canvas import Canvas
from MedDeepRegSegLib.synthesis.shapes.chains import paint_chain
from MedDeepRegSegLib.synthesis.smooth import voxel_grid


def test_bones_look_alike_and_most_are_bone(straight):
    marked = filled = 0
    for seed in range(20):
        canvas = straight(seed)
        paint_chain(canvas)
        assert 2 <= len(canvas.organs) <= 7
        first, *others = canvas.organs
        for organ in others:
            assert [canvas.alike[label] for label in organ] == list(first)
        assert set(canvas.bone) <= {label for organ in canvas.organs for label in organ}
        # All shells are bone or none is, and so is what fills them.
        for part in range(len(first)):
            assert len({organ[part] in canvas.bone for organ in canvas.organs}) == 1
        assert not canvas.bone or first[0] in canvas.bone
        filled += len(first) == 2 and first[1] in canvas.bone
        marked += bool(canvas.bone)
    assert 8 <= marked <= 19
    assert 2 <= filled <= 14


def test_a_shell_is_around_what_fills_it(straight, monkeypatch):
    original = Randomness.uniform
    monkeypatch.setattr(  # two voxels
        Randomness, "uniform", lambda self, low, high: 0.13 if low == 0.02 else original(self, low, high)
    )
    looked_at = 0
    for seed in range(30):
        canvas = straight(seed)
        paint_chain(canvas)
        labels = canvas.labels.numpy()
        # The last one is not painted over.
        *shell, inside = canvas.organs[-1]
        filled = labels == inside
        if not shell or not filled.any():
            continue
        outside = ndimage.binary_dilation(filled) & ~filled
        border = np.ones_like(outside)
        border[1:-1, 1:-1, 1:-1] = False
        assert (labels[outside & ~border] == shell[0]).mean() > 0.99
        looked_at += 1
    assert looked_at > 5


def painted_whole(canvas, monkeypatch):
    """Return where each label of a chain was painted, also where it was painted over: label to mask (D, H, W)."""
    masks, original = {}, canvas.paint

    def paint(where, label, box):
        whole = torch.zeros(canvas.size, dtype=torch.bool)
        whole[box] = where
        masks[label] = masks.get(label, False) | whole.numpy()
        original(where, label, box)

    monkeypatch.setattr(canvas, "paint", paint)
    paint_chain(canvas)
    return masks


def wide_canvas(seed):
    """Return an empty canvas of 64 voxels a side that shows all of a chain."""
    place = (voxel_grid((64, 64, 64), "cpu") - 31.5) / 8
    return Canvas(torch.zeros((64, 64, 64), dtype=torch.int16), place, Randomness(seed))


def test_links_lie_in_a_row_and_not_in_one_another(monkeypatch):
    bone = Vertebra((0.3, 0.5, 0.4), 2.0, 0.0, (), 0.1)
    monkeypatch.setattr(chains, "_drawn", lambda _random: (bone, 0.8, 0.0))
    for seed in range(8):
        canvas = wide_canvas(seed)
        masks = painted_whole(canvas, monkeypatch)
        bones = [masks[organ[0]] for organ in canvas.organs]
        assert all(bone.any() for bone in bones)
        assert np.sum(bones, axis=0).max() == 1
        steps = np.diff([np.argwhere(bone).mean(axis=0) for bone in bones], axis=0)
        assert np.abs(steps - steps.mean(axis=0)).max() < 1.0
        assert np.linalg.norm(steps.mean(axis=0)) == pytest.approx(0.8 * 8, abs=0.3)


def test_a_disc_fills_the_way_from_one_body_to_the_next(monkeypatch):
    bone = Vertebra((0.3, 0.5, 0.4), 4.0, 0.0, (), 0.1)
    monkeypatch.setattr(chains, "_drawn", lambda _random: (bone, 0.9, 0.4))
    monkeypatch.setattr(Randomness, "chance", lambda *_: True)
    for seed in range(8):
        canvas = wide_canvas(seed)
        masks = painted_whole(canvas, monkeypatch)
        # Cylinders from center to center.
        size = np.pi * 0.4**2 * 0.9 * (len(canvas.organs) - 1) * 8**3
        assert masks[1].sum() == pytest.approx(size, rel=0.05)
        assert ndimage.label(masks[1])[1] == 1


def test_a_process_that_runs_through_the_body_is_within_reach():
    axis = torch.linspace(-2, 2, 121)
    place = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"))
    back = -(0.325 + 0.7)
    rod = ((0.0, 0.0, back), (0.0, 0.1, 1.2), 0.12)
    bone = Vertebra((0.3, 0.5, 0.325), 2.0, 0.35, (rod,), 0.06)
    assert place[:, bone.depth(place) > 0].norm(dim=0).max() <= bone.reach


@pytest.mark.parametrize("kind", [Vertebra, Rib])
def test_no_part_of_a_bone_is_beyond_its_reach(kind):
    axis = torch.linspace(-2.5, 2.5, 81)
    place = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"))
    for seed in range(20):
        bone = kind.draw(Randomness(seed))
        inside = bone.depth(place) > 0
        assert inside.any()
        assert 0.4 * bone.reach < place[:, inside].norm(dim=0).max() <= bone.reach + 1e-5


def test_a_vertebra_is_in_one_piece_and_has_a_canal():
    axis = torch.linspace(-1.5, 1.5, 121)
    place = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"))
    vertebra = Vertebra((0.3, 0.5, 0.4), 2.0, 0.3, (), 0.1)
    inside = (vertebra.depth(place) > 0).numpy()
    assert ndimage.label(inside)[1] == 1
    canal = ndimage.binary_fill_holes(inside[60]) & ~inside[60]
    assert abs(float(axis[np.argwhere(canal).mean(axis=0)[1].round().astype(int)]) + 0.7) < 0.06


def test_a_rib_is_thin_and_long():
    axis = torch.linspace(-1.5, 1.5, 121)
    place = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"))
    inside = (Rib(1.0, 0.08, 1.5, 1.4, 0.1).depth(place) > 0).numpy()
    assert ndimage.label(inside)[1] == 1
    assert 0.06 < ndimage.distance_transform_edt(inside).max() * 3 / 120 < 0.1
    ends = np.argwhere(inside)[:, 1]
    assert (ends.max() - ends.min()) * 3 / 120 > 1.2
