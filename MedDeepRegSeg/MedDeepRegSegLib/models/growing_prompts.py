"""What the growing network sees of clicks, strokes, a box and an earlier mask: six channels on the grid of the image.

0, 1
    A Gaussian of 2 voxels around each point inside, and outside.
2, 3
    How near each voxel's intensity is to that of the most alike point inside, and outside, by its local noise.
4
    What was grown before, 0 to 1.
5
    1 in the box, -1 outside of it, 0 everywhere without a box.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

CHANNELS = 6
CLICKS = 2
"""The first channels hold clicks."""
PREVIOUS, BOX = 4, 5

_WIDTH = 2.0
_TOLERANCE = 1.5
_LEAST_NOISE = 0.008

Index = tuple[int, int, int]
Block = tuple[slice, slice, slice]


@dataclass(frozen=True, eq=False)
class Intensity:
    """A volume (D, H, W) smoothed for comparing intensities, and its local noise, both as part of its range."""

    smooth: Tensor
    noise: Tensor


def intensity(standardized: Tensor) -> Intensity:
    """Return the intensities to compare of a standardized volume, shape (2, D, H, W)."""
    unit = (standardized[:1] + 1) / 2
    wide = _box(unit, 5)
    noise = (_box(unit * unit, 5) - wide * wide).clamp_min(0).sqrt() + _LEAST_NOISE
    return Intensity(_box(unit, 3)[0], noise[0])


def blank(size: Sequence[int], device: torch.device | str = "cpu") -> Tensor:
    """Return prompts (6, D, H, W) that say nothing."""
    return torch.zeros(CHANNELS, *size, device=device)


def add_point(prompts: Tensor, volume: Intensity, point: Index, *, positive: bool) -> None:
    """Add a clicked voxel to prompts (6, D, H, W), in place."""
    size = prompts.shape[1:]
    reach = int(4 * _WIDTH)
    near: Block = tuple(  # type: ignore[assignment]
        slice(max(at - reach, 0), min(at + reach + 1, side)) for at, side in zip(point, size, strict=True)
    )
    along = [
        torch.exp(-0.5 * ((torch.arange(part.start, part.stop, device=prompts.device) - at) / _WIDTH) ** 2)
        for part, at in zip(near, point, strict=True)
    ]
    bump = along[0][:, None, None] * along[1][None, :, None] * along[2][None, None]
    channel = 0 if positive else 1
    prompts[channel][near] = torch.maximum(prompts[channel][near], bump)
    away = (volume.smooth - volume.smooth[point]) / (_TOLERANCE * volume.noise[point])
    prompts[2 + channel] = torch.maximum(prompts[2 + channel], torch.exp(-0.5 * away * away))


def set_box(prompts: Tensor, block: Block | None) -> None:
    """Set the box of prompts (6, D, H, W), in place; None is no box."""
    if block is None:
        prompts[BOX] = 0.0
        return
    prompts[BOX] = -1.0
    prompts[BOX][block] = 1.0


def _box(volume: Tensor, side: int) -> Tensor:
    """Return the mean over cubes of this many voxels, (1, D, H, W)."""
    result = volume[None]
    for axis in range(3):
        kernel, padding = [1, 1, 1], [0] * 6
        kernel[axis] = side
        padding[4 - 2 * axis] = padding[5 - 2 * axis] = side // 2
        result = F.avg_pool3d(F.pad(result, padding, mode="replicate"), tuple(kernel), stride=1)
    return result[0]
