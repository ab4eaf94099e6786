"""Thick slices: the mean stays, nothing moves, detail across the slices goes."""

import pytest
import torch

from MedDeepRegSegLib.synthesis.effects.thick_slices import _through, low_resolution, thick_slices
from MedDeepRegSegLib.synthesis.randomness import Randomness


@pytest.mark.parametrize("effect", [thick_slices, low_resolution])
def test_the_mean_and_flat_images_stay(effect, block):
    for seed in range(10):
        assert effect(block, Randomness(seed)).mean() == pytest.approx(block.mean().item(), abs=0.01)
        assert torch.allclose(effect(torch.full((16, 20, 24), 0.3), Randomness(seed)), torch.tensor(0.3), atol=1e-6)


def test_detail_goes_along_one_axis_only():
    axes = set()
    noise = Randomness(0).normal(32, 32, 32)
    for seed in range(15):
        result = thick_slices(noise, Randomness(seed))
        rough = torch.stack([result.diff(dim=axis).std() / noise.diff(dim=axis).std() for axis in range(3)])
        axis = int(rough.argmin())
        axes.add(axis)
        assert rough[axis] < 0.8 * rough.sort().values[1]
    assert axes == {0, 1, 2}


def test_low_resolution_takes_detail_along_all_axes():
    noise = Randomness(0).normal(32, 32, 32)
    result = low_resolution(noise, Randomness(1))
    rough = torch.stack([result.diff(dim=axis).std() / noise.diff(dim=axis).std() for axis in range(3)])
    assert rough.max() < 0.6
    assert rough.max() / rough.min() < 1.3


@pytest.mark.parametrize("linear", [True, False])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("count", [6, 10, 16])
def test_nothing_moves(linear, axis, count):
    """A ramp stays a ramp, and the center of a wide bump stays where it is."""
    place = torch.arange(32.0)
    shape = [1, 1, 1]
    shape[axis] = 32
    ramp = place.view(shape).expand(32, 32, 32)
    result = _through(ramp, axis, count, linear=linear)
    inner = result.narrow(axis, 6, 20) - ramp.narrow(axis, 6, 20)
    assert inner.abs().max() < (0.05 if linear else 0.51 * 32 / count)
    bump = torch.exp(-((ramp - 15.5) ** 2) / 32)
    profile = _through(bump, axis, count, linear=linear).movedim(axis, 0)[:, 3, 4]
    assert (profile * place).sum() / profile.sum() == pytest.approx(15.5, abs=0.01)


def test_slices_of_whole_voxels_are_their_means():
    image = Randomness(1).rand(8, 6, 4)
    result = _through(image, 0, 2, linear=False)
    assert torch.allclose(result[:4], image[:4].mean(dim=0).expand(4, 6, 4), atol=1e-6)
    assert torch.allclose(result[4:], image[4:].mean(dim=0).expand(4, 6, 4), atol=1e-6)
