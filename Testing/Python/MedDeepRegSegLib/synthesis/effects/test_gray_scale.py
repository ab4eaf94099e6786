"""The gray scale: quantiles, windows and gamma, order of gray levels kept."""

import pytest
import torch

from MedDeepRegSegLib.synthesis.effects.gray_scale import gamma, robust_range, window
from MedDeepRegSegLib.synthesis.randomness import Randomness


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.02, 0.99), (0.1, 0.9)])
def test_quantiles_go_to_0_and_1(low, high):
    image = 50 * Randomness(1).normal(40, 40, 40) - 300
    result = robust_range(image, low, high)
    assert result.min() == 0
    assert result.max() == 1
    assert (result == 0).float().mean() == pytest.approx(low, abs=0.01)
    assert (result == 1).float().mean() == pytest.approx(1 - high, abs=0.01)
    kept = (result > 0) & (result < 1)
    line = (image[kept] - image[kept].min()) / (image[kept].max() - image[kept].min())
    assert torch.allclose(
        (result[kept] - result[kept].min()) / (result[kept].max() - result[kept].min()), line, atol=1e-4
    )


def test_a_range_of_nothing_stays_finite():
    assert robust_range(torch.full((8, 8, 8), 7.0)).abs().max() <= 1


def test_the_range_of_few_voxels():
    assert robust_range(torch.arange(8.0).view(2, 2, 2), 0, 1).flatten().tolist() == pytest.approx(
        [i / 7 for i in range(8)]
    )


def test_window():
    image = torch.tensor([-1.0, 0.3, 0.4, 0.5, 0.6, 2.0]).view(1, 1, 6)
    assert window(image, 0.4, 0.2).flatten().tolist() == pytest.approx([0, 0, 0.5, 1, 1, 1], abs=1e-6)


def test_gamma_keeps_ends_and_order():
    image = torch.linspace(0, 1, 64).view(4, 4, 4)
    powers = []
    for seed in range(40):
        result = gamma(image, Randomness(seed)).flatten()
        assert result[0] == 0
        assert result[-1] == 1
        assert (result.diff() > 0).all()
        powers.append(result[32].log() / image.flatten()[32].log())
    powers = torch.stack(powers).log()
    assert powers.mean().abs() < 0.15
    assert powers.std() == pytest.approx(0.35, abs=0.12)


def test_gamma_cuts_what_is_out_of_range(random):
    result = gamma(torch.tensor([-0.5, 1.5]).view(1, 1, 2), random)
    assert result.flatten().tolist() == [0, 1]
