"""Intensities move the border of what the network grew to where they change, and nothing else."""

import numpy as np
import pytest
import torch

from MedDeepRegSegLib.segmentation.growing_intensities import weighed, weighed_in_image
from MedDeepRegSegLib.segmentation.growing_window import Window, resized

SIDE, RADIUS = 40, 10
GRID = (1.0, 1.0, 1.0), 2.0


def ball(radius):
    squares = np.square(np.arange(SIDE) - SIDE / 2)
    return squares[:, None, None] + squares[:, None] + squares < radius**2


def chance_of(radius, slope=1.2):
    """Return a network's answer: sure away from the border of a ball, unsure at it."""
    squares = np.square(np.arange(SIDE) - SIDE / 2)
    away = np.sqrt(squares[:, None, None] + squares[:, None] + squares) - radius
    return torch.from_numpy(1 / (1 + np.exp(slope * away))).float()


def moved(chance, values, grid=GRID):
    """Return where the weighed chances of what was grown are above one half."""
    after, within = weighed(chance, values, chance > 0.5, *grid)
    return ((after > 0.5) & within).numpy()


def dice(a, b):
    return 2 * np.sum(a & b) / (a.sum() + b.sum())


@pytest.fixture
def noise():
    return np.random.default_rng(4).normal(0, 10, (SIDE,) * 3)


@pytest.mark.parametrize("off", [-1.2, 1.2])
def test_a_border_that_is_off_is_moved_to_where_intensities_change(noise, off):
    truth = ball(RADIUS)
    values = torch.from_numpy(100 + 60 * truth + noise).float()
    chance = chance_of(RADIUS + off)
    before = (chance > 0.5).numpy()
    assert dice(before, truth) < 0.9
    assert dice(moved(chance, values), truth) > 0.97


def test_where_intensities_tell_nothing_the_network_is_right(noise):
    chance = chance_of(RADIUS)
    after = moved(chance, torch.from_numpy(100 + noise).float())
    assert dice(after, (chance > 0.5).numpy()) > 0.97


def test_only_the_border_changes(noise):
    truth = ball(RADIUS)
    chance = chance_of(RADIUS)
    after, within = weighed(chance, torch.from_numpy(100 + 60 * truth + noise).float(), chance > 0.5, *GRID)
    far = ball(RADIUS - 6) | ~ball(RADIUS + 6)
    np.testing.assert_array_equal(after.numpy()[far], chance.numpy()[far])
    np.testing.assert_array_equal(within.numpy()[far], truth[far])
    assert not torch.equal(after, chance)
    assert after.dtype == torch.float32
    assert float(after.min()) >= 0
    assert float(after.max()) <= 1


@pytest.mark.parametrize("mask", [np.zeros((SIDE,) * 3, bool), ball(1.5), np.ones((SIDE,) * 3, bool)])
def test_without_a_histogram_nothing_changes(noise, mask):
    chance = chance_of(RADIUS)
    assert weighed(chance, torch.from_numpy(noise).float(), torch.from_numpy(mask), *GRID) is None


def test_a_network_that_looks_coarsely_may_be_off_by_more(noise):
    truth = ball(RADIUS)
    values = torch.from_numpy(100 + 60 * truth + noise).float()
    chance = chance_of(RADIUS + 5, slope=0.4)
    fine, coarse = (moved(chance, values, ((1.0,) * 3, detail)) for detail in (1.0, 3.0))
    assert dice(fine, truth) < 0.9
    assert dice(coarse, truth) > 0.95


def test_in_thick_slices_the_border_moves_within_the_slices(noise):
    truth = ball(RADIUS)[10:31:5]
    values = torch.from_numpy(100 + 60 * truth + noise[10:31:5]).float()
    chance = chance_of(RADIUS + 1.2)[10:31:5]
    assert dice(moved(chance, values, ((5.0, 1.0, 1.0), 1.0)), truth) > 0.97


def test_one_slice_is_enough(noise):
    truth = ball(RADIUS)[SIDE // 2][None]
    values = torch.from_numpy(100 + 60 * truth + noise[:1]).float()
    chance = chance_of(RADIUS + 1.2)[SIDE // 2][None]
    assert dice(moved(chance, values), truth) > 0.97


def test_an_image_of_one_value_does_no_harm():
    chance = chance_of(RADIUS)
    assert weighed(chance, torch.full((SIDE,) * 3, 7.0), chance > 0.5, *GRID) is None


@pytest.mark.parametrize("factor", [1e-9, 1e9])
def test_the_unit_of_the_image_does_not_count(noise, factor):
    truth = ball(RADIUS)
    values = torch.from_numpy(factor * (100 + 60 * truth + noise)).float()
    assert dice(moved(chance_of(RADIUS + 1.2), values), truth) > 0.97


def test_a_neighbor_that_was_left_out_stays_out(noise):
    squares = np.square(np.arange(SIDE) - SIDE / 2)
    flat = squares[:, None, None] + squares[:, None]
    at = np.arange(SIDE)
    one, other = (flat + np.square(at - middle) < 64 for middle in (10, 28))
    bridge = (flat < 9) & (at > 15) & (at < 23)
    chance = torch.from_numpy(np.where(one | other, 0.9, np.where(bridge, 0.3, 0.02))).float()
    values = torch.from_numpy(100 + 60 * (one | other | bridge) + noise).float()
    after, within = weighed(chance, values, torch.from_numpy(one), *GRID)
    found = ((after > 0.5) & within).numpy()
    assert found[bridge].any()
    assert np.count_nonzero(found & other) < 0.05 * np.count_nonzero(other)


def test_only_the_change_goes_back_to_working_voxels(noise):
    truth = ball(RADIUS)
    image = (100 + 60 * truth + noise).astype(np.float32)
    window = Window((slice(5, 35), slice(5, 35), slice(5, 35)), (60, 60, 60))
    working = resized(chance_of(RADIUS)[window.block], window.size)
    found = weighed_in_image(image, window, None, (1.0,) * 3, chance=working, mask=truth[window.block])
    assert found.grid.size == window.shape
    assert dice(((found.image_chance > 0.5) & found.within).numpy(), truth[window.block]) > 0.99
    far = resized(
        torch.from_numpy((ball(RADIUS - 6) | ~ball(RADIUS + 6))[window.block].astype(np.float32)), window.size
    )
    assert torch.equal(found.working_chance[far == 1], working[far == 1])
    assert float((found.working_chance - working).abs().max()) > 0.1
