"""Noise: of the deviation that is asked for; Rician noise has the bias that theory gives it."""

import math

import pytest
import torch
from scipy import special

from MedDeepRegSegLib.synthesis.effects.noise import gaussian_noise, rician_noise, salt_and_pepper
from MedDeepRegSegLib.synthesis.randomness import Randomness

SIZE = (32, 32, 32)


@pytest.mark.parametrize("correlated", [False, True])
def test_gaussian_noise_has_its_deviation_also_at_borders(correlated):
    noise = torch.stack(
        [gaussian_noise(torch.ones(SIZE), Randomness(i), 0.05, correlated=correlated) - 1 for i in range(4)]
    )
    assert noise.std() == pytest.approx(0.05, rel=0.03)
    for side in (noise[:, 0], noise[:, :, -1], noise[..., 0]):
        assert side.std() == pytest.approx(0.05, rel=0.12)
    assert noise.mean().abs() < 0.002


@pytest.mark.parametrize(("correlated", "expected"), [(False, 0.0), (True, 2 / 3)])
def test_neighbors_are_related_only_in_correlated_noise(correlated, expected):
    noise = gaussian_noise(torch.zeros(SIZE), Randomness(1), 1.0, correlated=correlated)
    for axis in range(3):
        one, other = noise.narrow(axis, 0, 31).flatten(), noise.narrow(axis, 1, 31).flatten()
        assert torch.corrcoef(torch.stack((one, other)))[0, 1] == pytest.approx(expected, abs=0.04)
        one, other = noise.narrow(axis, 0, 29).flatten(), noise.narrow(axis, 3, 29).flatten()
        assert torch.corrcoef(torch.stack((one, other)))[0, 1].abs() < 0.04


@pytest.mark.parametrize("signal", [0.0, 0.05, 0.1, 0.3, 1.0])
def test_rician_noise_has_its_bias(signal):
    """Mean of the Rice distribution: sigma sqrt(pi/2) L_1/2(-A^2 / 2 sigma^2), Gudbjartsson and Patz (1995)."""
    sigma = 0.1
    noisy = rician_noise(torch.full((64, 64, 32), signal), Randomness(1), sigma)
    expected = sigma * math.sqrt(math.pi / 2) * special.eval_genlaguerre(0.5, 0, -((signal / sigma) ** 2) / 2)
    assert noisy.min() >= 0
    assert noisy.mean() == pytest.approx(expected, abs=0.001)
    assert noisy.square().mean() == pytest.approx(signal**2 + 2 * sigma**2, rel=0.02)


@pytest.mark.parametrize("fraction", [0.01, 0.2])
def test_salt_and_pepper_breaks_a_fraction(fraction):
    image = 0.3 + 0.4 * Randomness(0).rand(*SIZE)
    result = salt_and_pepper(image, Randomness(1), fraction)
    low, high = result == image.min(), result == image.max()
    assert low.float().mean() == pytest.approx(fraction / 2, rel=0.25)
    assert high.float().mean() == pytest.approx(fraction / 2, rel=0.25)
    rest = ~(low | high)
    assert torch.equal(result[rest], image[rest])
