"""Blur: keeps sums, smears a point by about the width that the documentation names."""

import pytest
import torch

from MedDeepRegSegLib.synthesis.effects.point_spread import point_spread
from MedDeepRegSegLib.synthesis.randomness import Randomness


def test_a_point_is_smeared_by_some_voxels():
    image = torch.zeros(33, 33, 33)
    image[16, 16, 16] = 1.0
    away = torch.arange(33.0) - 16
    widths = []
    for seed in range(40):
        result = point_spread(image, Randomness(seed))
        assert result.sum() == pytest.approx(1, abs=1e-4)
        profiles = result.sum(dim=(1, 2)), result.sum(dim=(0, 2)), result.sum(dim=(0, 1))
        widths.append([(profile * away**2).sum().sqrt() for profile in profiles])
    widths = torch.tensor(widths)
    assert widths.max() < 2.5
    assert (widths < 1.3).float().mean() > 0.6
    assert (widths > 1.3).any()
    # Not the same along every axis.
    assert ((widths.max(dim=1).values / widths.min(dim=1).values) > 1.1).float().mean() > 0.5


def test_flat_images_stay(random):
    assert torch.allclose(point_spread(torch.full((16, 16, 16), 0.4), random), torch.tensor(0.4), atol=1e-6)
