"""Ghosts of MR: motion during phase encoding repeats the image along one axis."""

import torch
from torch import Tensor

from MedDeepRegSegLib.synthesis.randomness import Randomness


def ghosting(image: Tensor, random: Randomness, strength: float = 0.1) -> Tensor:
    """Return the image with one to three shifted faint copies of itself, wrapping around as in k-space."""
    axis, copies = random.integer(0, 2), random.integer(2, 4)
    result = image
    for number in range(1, copies):
        shifted = torch.roll(image, shifts=round(image.shape[axis] * number / copies), dims=axis)
        result = result + strength * random.uniform(-1, 1) * (shifted - image)
    return result
