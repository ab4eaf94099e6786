"""Shading of MR by uneven coils: a smooth factor."""

from torch import Tensor

from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.synthesis.smooth import size_of, smooth_field


def bias_field(image: Tensor, random: Randomness, strength: float = 0.3) -> Tensor:
    """Return the image times exp(strength x smooth noise)."""
    field = smooth_field(random, 1, size_of(image), random.choice((2, 3, 4)))[0]
    return image * (strength * field).exp()
