"""Streaks: rays through one point, in a few slices, as strong as asked."""

import torch

from MedDeepRegSegLib.synthesis.effects.streaks import streaks
from MedDeepRegSegLib.synthesis.randomness import Randomness


def test_they_are_rays_in_a_few_slices():
    axes = set()
    for seed in range(20):
        rays = streaks(torch.zeros(32, 32, 32), Randomness(seed), 0.4)
        assert rays.abs().max() < 1.5 * 0.4
        energy = [rays.square().sum(dim=others) for others in ((1, 2), (0, 2), (0, 1))]
        # Across the slices the energy is that of a Gaussian of .08 of the side: almost none at the far border.
        axis = max(range(3), key=lambda i: (energy[i].max() / energy[i].sum()).item())
        axes.add(axis)
        assert energy[axis].min() < 1e-3 * energy[axis].max()
        # Every slice shows the same rays, fainter.
        middle = int(energy[axis].argmax())
        one, other = rays.select(axis, middle), rays.select(axis, middle + (1 if middle < 31 else -1))
        assert torch.corrcoef(torch.stack((one.flatten(), other.flatten())))[0, 1] > 0.999
    assert axes == {0, 1, 2}


def test_strength_scales_them():
    weak, strong = (streaks(torch.zeros(24, 24, 24), Randomness(3), strength) for strength in (0.1, 0.3))
    assert torch.allclose(3 * weak, strong, atol=1e-6)
