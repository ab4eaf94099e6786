"""Blur: keeps sums, smears a point by about the width that is asked for."""

import pytest
import torch

from MedDeepRegSegLib.synthesis.effects.point_spread import point_spread
from MedDeepRegSegLib.synthesis.randomness import Randomness


def widths(sigma, side=25):
    """Return the standard deviations (seeds, 3) to which a point is smeared, voxels."""
    image = torch.zeros(side, side, side)
    image[side // 2, side // 2, side // 2] = 1.0
    away = torch.arange(float(side)) - side // 2
    found = []
    for seed in range(20):
        result = point_spread(image, Randomness(seed), sigma)
        assert result.sum() == pytest.approx(1, abs=1e-4)
        profiles = result.sum(dim=(1, 2)), result.sum(dim=(0, 2)), result.sum(dim=(0, 1))
        found.append([(profile * away**2).sum().sqrt() for profile in profiles])
    return torch.tensor(found)


@pytest.mark.parametrize("sigma", [0.6, 1.2, 2.0])
def test_a_point_is_smeared_by_about_what_is_asked_for(sigma):
    found = widths(sigma) / sigma
    # Kernels of whole voxels are wider or narrower than the Gaussian they stand for, by less than a tenth.
    assert 0.72 < found.min() < 0.9
    assert 1.15 < found.max() < 1.3
    assert found.mean() == pytest.approx(1.02, abs=0.05)
    # Not the same along every axis.
    assert ((found.max(dim=1).values / found.min(dim=1).values) > 1.1).float().mean() > 0.8


def test_a_small_spread_nearly_keeps_a_point():
    assert widths(0.3).max() < 0.3


def test_flat_images_stay(random):
    assert torch.allclose(point_spread(torch.full((16, 16, 16), 0.4), random), torch.tensor(0.4), atol=1e-6)
