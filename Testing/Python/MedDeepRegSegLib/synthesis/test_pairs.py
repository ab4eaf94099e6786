"""Pairs: the known place is the right one."""

import pytest
import torch

from MedDeepRegSegLib.synthesis import pairs
from MedDeepRegSegLib.synthesis.label_maps import LabelMap
from MedDeepRegSegLib.synthesis.pairs import PairSettings, make_pair
from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.synthesis.smooth import nearest, sample, voxel_grid

SIZE = (32, 32, 32)


@pytest.fixture(scope="module")
def pair(label_map):
    return make_pair(label_map, SIZE, Randomness(1))


@pytest.mark.parametrize("size", [SIZE, (16, 24, 32)])
def test_shapes_types_and_range(label_map, size):
    for seed in range(4):
        pair = make_pair(label_map, size, Randomness(seed))
        for image, labels, valid in (
            (pair.first, pair.first_labels, pair.first_valid),
            (pair.second, pair.second_labels, pair.second_valid),
        ):
            assert image.shape == labels.shape == valid.shape == size
            assert (image.dtype, labels.dtype, valid.dtype) == (torch.float32, torch.int16, torch.bool)
            assert image.min() >= 0
            assert image.max() <= 1
            assert image.std() > 0.01
            assert (labels < label_map.count).all()
        assert pair.place.shape == (3, *size)
        assert torch.isfinite(pair.place).all()


def test_repeatable(label_map, pair):
    same, other = make_pair(label_map, SIZE, Randomness(1)), make_pair(label_map, SIZE, Randomness(2))
    for name in ("first", "second", "first_labels", "second_labels", "place"):
        assert torch.equal(getattr(pair, name), getattr(same, name))
    assert not torch.equal(pair.first, other.first)


def inside_of_a_label(labels):
    """Return where all voxels within one voxel have the same label."""
    wide = labels.float()[None, None]
    most = torch.nn.functional.max_pool3d(wide, 3, 1, 1)
    least = -torch.nn.functional.max_pool3d(-wide, 3, 1, 1)
    return (most == least)[0, 0]


@pytest.mark.parametrize("seed", range(8))
def test_labels_agree_at_the_known_place(label_map, seed):
    pair = make_pair(label_map, SIZE, Randomness(seed))
    there, shared = nearest(pair.first_labels, pair.place)
    shared &= pair.first_valid.any() & (pair.second_labels > 0)
    deep, _ = nearest(inside_of_a_label(pair.first_labels).to(torch.int16), pair.place)
    compared = shared & (deep > 0)
    assert compared.sum() > 200
    agree = (there == pair.second_labels)[compared].float().mean()
    assert agree > 0.99
    # One voxel away is worse: the place is not merely about right.
    edges = shared & (deep == 0)
    right = (there == pair.second_labels)[edges].float().mean()
    for axis in range(3):
        shift = torch.zeros(3, 1, 1, 1)
        shift[axis] = 1.0
        for away in (pair.place + shift, pair.place - shift):
            assert (nearest(pair.first_labels, away)[0] == pair.second_labels)[edges].float().mean() < right


def test_place_is_exact_on_a_smooth_ramp(monkeypatch):
    """The interpolated bend at the places of the second view is that of the first view."""
    random = Randomness(3)
    to_map = pairs._ToMap(LabelMap(torch.zeros(40, 40, 40, dtype=torch.int16), 1), SIZE, random, PairSettings())
    grid = voxel_grid(SIZE, "cpu")
    assert torch.allclose(to_map(grid), to_map.grid(grid), atol=1e-3)
    place = pairs._between_views(grid, SIZE, random, PairSettings())
    inner = ((place > 2) & (place < 29)).all(dim=0)
    assert inner.sum() > 1000
    interpolated = sample(to_map.grid(grid), place)
    assert (interpolated - to_map(place))[:, inner].abs().max() < 0.02


def test_the_identity_gives_identical_labels(label_map, monkeypatch):
    monkeypatch.setattr(pairs, "_between_views", lambda grid, *_: grid)
    pair = make_pair(label_map, SIZE, Randomness(5))
    assert torch.equal(pair.first_labels, pair.second_labels)
    assert not torch.equal(pair.first, pair.second)


def test_views_turn_no_more_than_asked(label_map):
    settings = PairSettings(largest_rotation_degrees=8, bend_voxels=(0, 0))
    for seed in range(10):
        place = pairs._between_views(voxel_grid(SIZE, "cpu"), SIZE, Randomness(seed), settings)
        corner, steps = place[:, 0, 0, 0], torch.stack([place[:, 1, 0, 0], place[:, 0, 1, 0], place[:, 0, 0, 1]])
        matrix = (steps - corner).T
        left, stretch, right = torch.linalg.svd(matrix)
        angle = torch.rad2deg(torch.acos(((left @ right).trace() - 1) / 2).clamp_max(1))
        assert angle < 10
        assert (stretch - 1).abs().max() < 0.17


@pytest.mark.parametrize("largest", [0.0, 0.1, 0.35])
def test_views_are_shifted_as_far_as_asked_and_no_farther(largest):
    """Also those that are not turned: what tells a place in its window must not tell it in the body."""
    settings = PairSettings(largest_shift=largest, bend_voxels=(0, 0))
    size = (16, 12, 8)
    center = torch.tensor(size) / 2 - 0.5
    shifts = []
    for seed in range(40):
        place = pairs._between_views(voxel_grid(size, "cpu"), size, Randomness(seed), settings)
        shifts.append(place.flatten(1).mean(dim=1) - center)
    shifts = torch.stack(shifts).abs() / max(size)
    assert shifts.max() <= largest + 1e-5
    assert (shifts.max(dim=0).values >= 0.85 * largest).all()
    assert (shifts.max(dim=1).values >= 0.1 * largest).all()


@pytest.mark.parametrize("cells", [3, 5, 7])
def test_bends_do_not_fold(cells):
    size = (48, 48, 48)
    folded = 0.0
    for seed in range(3):
        place = voxel_grid(size, "cpu") + pairs._bend(Randomness(seed), 100.0, size, cells)
        along = [place.diff(dim=axis + 1)[:, :-1, :-1][..., :-1] for axis in range(3)]
        cut = torch.stack([part[:, :46, :46, :46] for part in along], dim=-1).permute(1, 2, 3, 0, 4)
        folded = max(folded, (torch.linalg.det(cut) <= 0).float().mean().item())
    assert folded < 2e-3


def test_small_bends_are_as_large_as_asked():
    bend = torch.stack([pairs._bend(Randomness(seed), 0.5, SIZE, 5) for seed in range(10)])
    assert bend.std() == pytest.approx(0.5, abs=0.08)


def test_what_the_map_does_not_show_is_not_valid():
    label_map = LabelMap(torch.ones((16, 16, 16), dtype=torch.int16), 2)
    pair = make_pair(label_map, SIZE, Randomness(0))
    for labels, valid in ((pair.first_labels, pair.first_valid), (pair.second_labels, pair.second_valid)):
        assert (labels == 0).any()
        assert not valid[labels == 0].any()


def test_classes_are_handed_on():
    classes = torch.tensor([-1, 4])
    label_map = LabelMap(torch.ones((32, 32, 32), dtype=torch.int16), 2, classes=classes)
    assert make_pair(label_map, SIZE, Randomness(0)).classes is classes


def test_positions_are_told_in_the_frame_of_the_map():
    side = 32
    frame = torch.tensor([[16.0, 15.0, 14.0], [10.0, 8.0, 6.0]])
    labels = torch.arange(side, dtype=torch.int16)[:, None, None].expand(side, side, side).contiguous()
    pair = make_pair(LabelMap(labels, side, frame=frame), SIZE, Randomness(2))
    for shown, position in ((pair.first_labels, pair.first_position), (pair.second_labels, pair.second_position)):
        back = position[0] * 10 + 16  # labels are the first index of their voxel
        seen = shown > 0
        assert seen.any()
        assert (back - shown)[seen].abs().max() < 0.501
    assert make_pair(LabelMap(labels, side), SIZE, Randomness(2)).first_position is None
