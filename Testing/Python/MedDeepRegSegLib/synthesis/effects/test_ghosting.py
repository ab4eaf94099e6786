"""Ghosts: copies of the image, shifted along one axis."""

import torch

from MedDeepRegSegLib.synthesis.effects.ghosting import ghosting
from MedDeepRegSegLib.synthesis.randomness import Randomness


def test_a_point_has_faint_copies_along_one_axis():
    axes = set()
    for seed in range(20):
        image = torch.zeros(24, 24, 24)
        image[5, 6, 7] = 1.0
        ghosts = torch.nonzero((ghosting(image, Randomness(seed), 0.1) - image).abs() > 1e-5)
        ghosts = ghosts[(ghosts != torch.tensor([5, 6, 7])).any(dim=1)]
        assert 1 <= len(ghosts) <= 3
        moved = (ghosts != torch.tensor([5, 6, 7])).any(dim=0)
        assert moved.sum() == 1
        axes.add(moved.float().argmax().item())
    assert axes == {0, 1, 2}


def test_the_mean_stays_and_ghosts_are_as_faint_as_asked(block):
    for seed in range(10):
        result = ghosting(block, Randomness(seed), 0.1)
        assert torch.allclose(result.mean(), block.mean(), atol=1e-5)
        assert (result - block).abs().max() <= 3 * 0.1 * 0.6 + 1e-6
