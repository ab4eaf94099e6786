"""Noise: Gaussian (at times correlated), Rician (magnitude MR), and single broken voxels."""

import torch
from torch import Tensor

from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.synthesis.smooth import box


def gaussian_noise(image: Tensor, random: Randomness, sigma: float, *, correlated: bool = False) -> Tensor:
    """Return the image with noise of a standard deviation, smoothed over neighbors where ``correlated``."""
    noise = random.normal(*image.shape)
    if correlated:
        noise = 4.0 * box(noise[None, None], 3)[0, 0]
    return image + sigma * noise


def rician_noise(image: Tensor, random: Randomness, sigma: float) -> Tensor:
    """Return the magnitude of the image with noise in both of its complex parts (Gudbjartsson and Patz, 1995)."""
    real, imaginary = (sigma * random.normal(*image.shape) for _ in range(2))
    return ((image + real) ** 2 + imaginary**2).sqrt()


def salt_and_pepper(image: Tensor, random: Randomness, fraction: float = 0.002) -> Tensor:
    """Return the image with a fraction of its voxels set to its lowest or highest value."""
    draw = random.rand(*image.shape)
    image = torch.where(draw < fraction / 2, image.min(), image)
    return torch.where(draw > 1 - fraction / 2, image.max(), image)
