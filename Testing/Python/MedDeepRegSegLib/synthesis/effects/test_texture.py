"""Texture: of the deviation that each voxel is given, at times smooth."""

import pytest
import torch

from MedDeepRegSegLib.synthesis.effects.texture import texture
from MedDeepRegSegLib.synthesis.randomness import Randomness


def test_each_tissue_has_its_own_strength():
    strength = torch.zeros(32, 32, 32)
    strength[:, 10:20], strength[:, 20:] = 0.02, 0.1
    image = torch.full((32, 32, 32), 0.5)
    results = torch.stack([texture(image, Randomness(seed), strength) for seed in range(6)])
    assert torch.equal(results[:, :, :10], torch.full_like(results[:, :, :10], 0.5))
    assert results[:, :, 10:20].std() == pytest.approx(0.02, rel=0.1)
    assert results[:, :, 20:].std() == pytest.approx(0.1, rel=0.1)
    assert results.mean() == pytest.approx(0.5, abs=0.01)


def test_it_is_broad_more_often_than_not():
    related = []
    for seed in range(30):
        result = texture(torch.zeros(24, 24, 24), Randomness(seed), torch.ones(24, 24, 24))
        pair = torch.stack((result[1:].flatten(), result[:-1].flatten()))
        related.append(torch.corrcoef(pair)[0, 1])
    broad = (torch.stack(related) > 0.3).float().mean()
    assert 0.5 < broad < 0.9
