"""Thick slices and low resolution: averaged along one axis or all, then interpolated back."""

import torch
from torch import Tensor

from MedDeepRegSegLib.synthesis.randomness import Randomness


def thick_slices(image: Tensor, random: Randomness) -> Tensor:
    """Return the image as slices of 1.5 to 5 voxels would show it, along a random axis."""
    axis = random.integer(0, 2)
    count = max(4, int(image.shape[axis] / random.uniform(1.5, 5)))
    return _through(image, axis, count, linear=random.chance(0.8))


def low_resolution(image: Tensor, random: Randomness) -> Tensor:
    """Return the image as voxels of 1.3 to 2.2 times the edge would show it."""
    factor = random.uniform(1.3, 2.2)
    for axis, side in enumerate(image.shape):
        image = _through(image, axis, max(4, int(side / factor)), linear=True)
    return image


def _through(image: Tensor, axis: int, count: int, *, linear: bool) -> Tensor:
    """Return the image seen through ``count`` slices along an axis.

    Slices average exactly what they cover, also parts of voxels, so that nothing moves by a part of a voxel.
    """
    side = image.shape[axis]
    thickness = side / count
    voxels = torch.arange(side, device=image.device, dtype=torch.float32)
    slices = torch.arange(count, device=image.device, dtype=torch.float32)[:, None]
    covered = (voxels + 1).minimum((slices + 1) * thickness) - voxels.maximum(slices * thickness)
    average = covered.clamp_min(0) / thickness
    place = ((voxels + 0.5) / thickness - 0.5)[:, None]
    if linear:
        back = (1 - (place.clamp(0, count - 1) - slices.T).abs()).clamp_min(0)
    else:
        back = (place.round().clamp(0, count - 1) == slices.T).float()
    return torch.tensordot(back @ average, image, dims=([1], [axis])).movedim(0, axis).contiguous()
