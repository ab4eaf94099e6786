"""Intensities move the border of what the network grew to where they change, and nothing else."""

import numpy as np
import pytest
import torch

from MedDeepRegSegLib.segmentation.growing_intensities import weighed

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
    after = (weighed(chance, values, chance > 0.5, *GRID) > 0.5).numpy()
    assert dice(before, truth) < 0.9
    assert dice(after, truth) > 0.97


def test_where_intensities_tell_nothing_the_network_is_right(noise):
    chance = chance_of(RADIUS)
    after = weighed(chance, torch.from_numpy(100 + noise).float(), chance > 0.5, *GRID)
    assert dice((after > 0.5).numpy(), (chance > 0.5).numpy()) > 0.97


def test_only_the_border_changes(noise):
    truth = ball(RADIUS)
    chance = chance_of(RADIUS)
    after = weighed(chance, torch.from_numpy(100 + 60 * truth + noise).float(), chance > 0.5, *GRID)
    far = ball(RADIUS - 6) | ~ball(RADIUS + 6)
    np.testing.assert_array_equal(after.numpy()[far], chance.numpy()[far])
    assert not torch.equal(after, chance)
    assert after.dtype == torch.float32
    assert float(after.min()) >= 0
    assert float(after.max()) <= 1


@pytest.mark.parametrize("mask", [np.zeros((SIDE,) * 3, bool), ball(1.5), np.ones((SIDE,) * 3, bool)])
def test_without_a_histogram_nothing_changes(noise, mask):
    chance = chance_of(RADIUS)
    assert torch.equal(weighed(chance, torch.from_numpy(noise).float(), torch.from_numpy(mask), *GRID), chance)


def test_a_network_that_looks_coarsely_may_be_off_by_more(noise):
    truth = ball(RADIUS)
    values = torch.from_numpy(100 + 60 * truth + noise).float()
    chance = chance_of(RADIUS + 5, slope=0.4)
    fine, coarse = ((weighed(chance, values, chance > 0.5, (1.0,) * 3, detail) > 0.5).numpy() for detail in (1.0, 3.0))
    assert dice(fine, truth) < 0.9
    assert dice(coarse, truth) > 0.95


def test_in_thick_slices_the_border_moves_within_the_slices(noise):
    truth = ball(RADIUS)[10:31:5]
    values = torch.from_numpy(100 + 60 * truth + noise[10:31:5]).float()
    chance = chance_of(RADIUS + 1.2)[10:31:5]
    after = (weighed(chance, values, chance > 0.5, (5.0, 1.0, 1.0), 1.0) > 0.5).numpy()
    assert dice(after, truth) > 0.97


def test_one_slice_is_enough(noise):
    truth = ball(RADIUS)[SIDE // 2][None]
    values = torch.from_numpy(100 + 60 * truth + noise[:1]).float()
    chance = chance_of(RADIUS + 1.2)[SIDE // 2][None]
    after = (weighed(chance, values, chance > 0.5, *GRID) > 0.5).numpy()
    assert dice(after, truth) > 0.97


def test_an_image_of_one_value_does_no_harm():
    chance = chance_of(RADIUS)
    after = weighed(chance, torch.full((SIDE,) * 3, 7.0), chance > 0.5, *GRID)
    np.testing.assert_array_equal((after > 0.5).numpy(), (chance > 0.5).numpy())
