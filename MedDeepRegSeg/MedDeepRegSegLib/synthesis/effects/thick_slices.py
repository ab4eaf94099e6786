"""Thick slices and low resolution: averaged along one axis or all, then interpolated back."""

import torch.nn.functional as F
from torch import Tensor

from MedDeepRegSegLib.synthesis.randomness import Randomness


def thick_slices(image: Tensor, random: Randomness) -> Tensor:
    """Return the image as slices of 1.5 to 5 voxels would show it, along a random axis."""
    sides = list(image.shape)
    axis = random.integer(0, 2)
    sides[axis] = max(4, int(sides[axis] / random.uniform(1.5, 5)))
    return _through(image, sides, "trilinear" if random.chance(0.8) else "nearest")


def low_resolution(image: Tensor, random: Randomness) -> Tensor:
    """Return the image as voxels of 1.3 to 2.2 times the edge would show it."""
    factor = random.uniform(1.3, 2.2)
    return _through(image, [max(4, int(side / factor)) for side in image.shape], "trilinear")


def _through(image: Tensor, sides: list[int], mode: str) -> Tensor:
    coarse = F.adaptive_avg_pool3d(image[None, None], sides)
    options = {"align_corners": False} if mode == "trilinear" else {}
    return F.interpolate(coarse, size=tuple(image.shape), mode=mode, **options)[0, 0]
