"""What all effects have in common: they change the image, keep what it is, and can be repeated."""

import pytest
import torch

from MedDeepRegSegLib.synthesis.effects.bias_field import bias_field
from MedDeepRegSegLib.synthesis.effects.field_of_view import cut_field_of_view
from MedDeepRegSegLib.synthesis.effects.ghosting import ghosting
from MedDeepRegSegLib.synthesis.effects.gray_scale import gamma, robust_range, window
from MedDeepRegSegLib.synthesis.effects.noise import gaussian_noise, rician_noise, salt_and_pepper
from MedDeepRegSegLib.synthesis.effects.point_spread import point_spread
from MedDeepRegSegLib.synthesis.effects.streaks import streaks
from MedDeepRegSegLib.synthesis.effects.texture import texture
from MedDeepRegSegLib.synthesis.effects.thick_slices import low_resolution, thick_slices
from MedDeepRegSegLib.synthesis.randomness import Randomness

EFFECTS = {
    "bias_field": bias_field,
    "cut_field_of_view": lambda image, random: cut_field_of_view(image, random)[0],
    "gamma": gamma,
    "gaussian_noise": lambda image, random: gaussian_noise(image, random, 0.1),
    "correlated_noise": lambda image, random: gaussian_noise(image, random, 0.1, correlated=True),
    "ghosting": ghosting,
    "low_resolution": low_resolution,
    "point_spread": point_spread,
    "rician_noise": lambda image, random: rician_noise(image, random, 0.1),
    "robust_range": lambda image, random: robust_range(image, 0.0, random.uniform(0.5, 1.0)),
    "salt_and_pepper": lambda image, random: salt_and_pepper(image, random, 0.02),
    "streaks": streaks,
    "texture": lambda image, random: texture(image, random, torch.full_like(image, 0.1)),
    "thick_slices": thick_slices,
    "window": lambda image, random: window(image, 0.5, random.uniform(0.1, 0.5)),
}
each_effect = pytest.mark.parametrize("effect", EFFECTS.values(), ids=list(EFFECTS))


@each_effect
def test_it_changes_the_image_and_keeps_what_it_is(effect, block):
    before = block.clone()
    for seed in range(5):
        result = effect(block, Randomness(seed))
        assert result.shape == block.shape
        assert result.dtype == block.dtype
        assert result.device == block.device
        assert torch.isfinite(result).all()
        assert (result - block).abs().max() > 0.005
    assert torch.equal(block, before)  # the input is left alone


@each_effect
def test_it_can_be_repeated(effect):
    image = Randomness(0).rand(20, 24, 16)
    first, same, other = (effect(image, Randomness(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


@each_effect
@pytest.mark.parametrize("size", [(16, 16, 16), (16, 5, 33)])
def test_it_takes_any_size_and_an_image_of_nothing(effect, size):
    for image in (torch.zeros(size), torch.ones(size)):
        result = effect(image, Randomness(3))
        assert result.shape == size
        assert torch.isfinite(result).all()
