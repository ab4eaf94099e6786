"""Bias fields: a smooth factor of the strength that is asked for."""

import pytest
import torch

from MedDeepRegSegLib.synthesis.effects.bias_field import bias_field
from MedDeepRegSegLib.synthesis.randomness import Randomness


def test_it_is_a_smooth_factor():
    image = Randomness(0).rand(32, 32, 32) + 0.5
    field = (bias_field(image, Randomness(2), 0.3) / image).log()
    assert field.std() > 0.05
    for axis in range(3):
        assert field.diff(dim=axis).abs().max() < 0.15
    flat = (bias_field(torch.ones(32, 32, 32), Randomness(2), 0.3)).log()
    assert torch.allclose(flat, field, atol=1e-5)


def test_its_logarithm_has_the_strength():
    fields = torch.stack([bias_field(torch.ones(16, 16, 16), Randomness(seed), 0.3).log() for seed in range(60)])
    assert fields.std() == pytest.approx(0.3, abs=0.05)


def test_no_strength_does_nothing(random, block):
    assert torch.equal(bias_field(block, random, 0.0), block)
