"""Streaks of CT from metal: rays from a point, strongest in a few slices."""

import torch
from torch import Tensor

from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.synthesis.smooth import voxel_grid


def streaks(image: Tensor, random: Randomness, strength: float = 0.3) -> Tensor:
    """Return the image with rays around a random point."""
    size = tuple(image.shape)
    axis = random.integer(0, 2)
    place = voxel_grid(size, image.device)
    away = [place[i] - random.uniform(0.2, 0.8) * size[i] for i in range(3)]
    first, second = (away[i] for i in range(3) if i != axis)
    angle, radius = torch.atan2(first, second), (first**2 + second**2).sqrt()
    rays = sum(torch.sin(random.integer(3, 15) * angle + random.uniform(0, 6.28)) for _ in range(3))
    assert isinstance(rays, Tensor)
    reach, slices = max(size) / 4, max(size) * 0.08
    return image + strength / 2 * rays * torch.exp(-radius / reach - away[axis] ** 2 / (2 * slices**2))
