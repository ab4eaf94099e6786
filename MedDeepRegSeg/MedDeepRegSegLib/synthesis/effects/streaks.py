"""Streaks of CT from metal: rays from a point, strongest in a few slices."""

import torch
from torch import Tensor

from MedDeepRegSegLib.synthesis.randomness import Randomness


def streaks(image: Tensor, random: Randomness, strength: float = 0.3) -> Tensor:
    """Return the image with rays around a random point."""
    size = tuple(image.shape)
    axis = random.integer(0, 2)
    away = [torch.arange(side, device=image.device) - random.uniform(0.2, 0.8) * side for side in size]
    # Rays in the plane of the slices, times how strong each slice has them.
    across = away.pop(axis)
    first, second = torch.meshgrid(*away, indexing="ij")
    angle, radius = torch.atan2(first, second), torch.hypot(first, second)
    rays = torch.zeros_like(angle)
    for _ in range(3):
        rays += torch.sin(random.integer(3, 15) * angle + random.uniform(0, 6.28))
    rays *= strength / 2 * torch.exp(-radius / (max(size) / 4))
    slices = torch.exp(-(across**2) / (2 * (0.08 * max(size)) ** 2))
    return image + rays.unsqueeze(axis) * slices.view([-1 if i == axis else 1 for i in range(3)])
