"""Noise: Gaussian (at times correlated), Rician (magnitude MR), and single broken voxels."""

import torch
from torch import Tensor

from MedDeepRegSegLib.synthesis.randomness import Randomness


def gaussian_noise(image: Tensor, random: Randomness, sigma: float, *, correlated: bool = False) -> Tensor:
    """Return the image with noise of a standard deviation, smoothed over neighbors where ``correlated``."""
    if not correlated:
        return image + sigma * random.normal(*image.shape)
    # Sums of three along each axis, of a volume one voxel larger on every side, so that borders are like the rest.
    noise = random.normal(*(side + 2 for side in image.shape))
    for axis, side in enumerate(image.shape):
        noise = sum((noise.narrow(axis, start, side) for start in (1, 2)), noise.narrow(axis, 0, side))
    return image + sigma * 27**-0.5 * noise


def rician_noise(image: Tensor, random: Randomness, sigma: float) -> Tensor:
    """Return the magnitude of the image with noise in both of its complex parts (Gudbjartsson and Patz, 1995)."""
    real, imaginary = (sigma * random.normal(*image.shape) for _ in range(2))
    return ((image + real) ** 2 + imaginary**2).sqrt()


def salt_and_pepper(image: Tensor, random: Randomness, fraction: float = 0.002) -> Tensor:
    """Return the image with a fraction of its voxels set to its lowest or highest value."""
    draw = random.rand(*image.shape)
    image = torch.where(draw < fraction / 2, image.min(), image)
    return torch.where(draw > 1 - fraction / 2, image.max(), image)
