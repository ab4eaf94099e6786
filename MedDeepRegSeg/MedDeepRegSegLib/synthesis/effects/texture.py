"""Texture inside tissue: fine and broad, as strong as each label has it."""

from torch import Tensor

from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.synthesis.smooth import size_of, smooth_field


def texture(image: Tensor, random: Randomness, strength: Tensor) -> Tensor:
    """Return the image with texture of a standard deviation (D, H, W)."""
    size = size_of(image)
    pattern = random.normal(*size)
    if random.chance(0.7):
        pattern = 0.6 * pattern + 0.8 * smooth_field(random, 1, size, max(size) / random.choice((3, 4, 6)))[0]
    return image + strength * pattern
