"""Chains: bones in a row that look alike, each whole, each with its shell around what fills it."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.synthesis.shapes.bones import Rib, Vertebra
from MedDeepRegSegLib.synthesis.shapes.chains import paint_chain


def test_bones_look_alike_and_most_are_bone(straight):
    marked = 0
    for seed in range(20):
        canvas = straight(seed)
        paint_chain(canvas)
        assert 2 <= len(canvas.organs) <= 7
        first, *others = canvas.organs
        for organ in others:
            assert [canvas.alike[label] for label in organ] == list(first)
        assert set(canvas.bone) <= {label for organ in canvas.organs for label in organ}
        assert not canvas.bone or {organ[0] for organ in canvas.organs} <= set(canvas.bone)
        marked += bool(canvas.bone)
    assert 8 <= marked <= 19


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


@pytest.mark.parametrize("kind", [Vertebra, Rib])
def test_no_part_of_a_bone_is_beyond_its_reach(kind):
    axis = torch.linspace(-2.5, 2.5, 81)
    place = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"))
    for seed in range(20):
        bone = kind.draw(Randomness(seed))
        inside = bone.depth(place) > 0
        assert inside.any()
        assert place[:, inside].norm(dim=0).max() <= bone.reach + 1e-5


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
