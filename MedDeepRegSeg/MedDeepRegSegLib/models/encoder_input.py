"""What the encoder sees of a volume: one channel of global, one of local contrast.

Intensities of MR have no scale and those of CT span more than tissue needs, so the first channel is the volume between
robust percentiles. Shading, and windows that leave tissue little contrast, are undone by the second: the volume less
its local mean, by its local standard deviation. The same code prepares synthetic and real volumes.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

CHANNELS = 2

_LOW, _HIGH = 0.005, 0.995
_SAMPLES = 60_000
_WINDOW = 9  # voxels of the halved volume: 18 voxels
_NOISE = 0.015  # standard deviation, as part of the range, below which contrast is taken for noise
_CLIP = 3.0


def standardize(volume: Tensor) -> Tensor:
    """Return the two channels of volumes.

    Parameters
    ----------
    volume : Tensor, shape (B, 1, D, H, W)
        Any units; finite; each side at least 2.

    Returns
    -------
    Tensor, shape (B, 2, D, H, W)
        Global contrast in [-1, 1] between the .5th and the 99.5th percentile, and local contrast in [-1.5, 1.5].
    """
    low, high = _range(volume)
    # Relative, so that units do not matter: diffusion coefficients are about 1e-9.
    smallest = 1e-6 * torch.maximum(low.abs(), high.abs()) + 1e-30
    unit = ((volume - low) / torch.maximum(high - low, smallest)).clamp(0, 1)
    half = F.avg_pool3d(unit, 2, ceil_mode=True, count_include_pad=False)
    mean = _box(half)
    deviation = (_box(half * half) - mean * mean).clamp_min(0).sqrt()
    size = unit.shape[2:]
    mean, deviation = (
        F.interpolate(part, size=size, mode="trilinear", align_corners=False) for part in (mean, deviation)
    )
    local = ((unit - mean) / (deviation + _NOISE)).clamp(-_CLIP, _CLIP) * 0.5
    return torch.cat([2 * unit - 1, local], dim=1)


def _range(volume: Tensor) -> tuple[Tensor, Tensor]:
    """Return the robust lowest and highest value of each volume, (B, 1, 1, 1, 1)."""
    flat = volume.reshape(volume.shape[0], -1)
    step = max(1, flat.shape[1] // _SAMPLES) | 1  # odd, so that rows of even length are not sampled at one column
    ordered = flat[:, ::step].float().sort(dim=1).values
    count = ordered.shape[1] - 1
    low, high = ordered[:, round(_LOW * count)], ordered[:, round(_HIGH * count)]
    return low.view(-1, 1, 1, 1, 1), high.view(-1, 1, 1, 1, 1)


def _box(volume: Tensor) -> Tensor:
    """Return the mean over a cube, axis by axis, of what lies inside the volume."""
    for axis in range(3):
        kernel, padding = [1, 1, 1], [0] * 6
        kernel[axis] = _WINDOW
        padding[4 - 2 * axis] = padding[5 - 2 * axis] = _WINDOW // 2  # by hand: sides may be shorter than the window
        inside = volume.new_ones([1, 1, *(n if k == axis else 1 for k, n in enumerate(volume.shape[2:]))])
        total, share = (F.avg_pool3d(F.pad(part, padding), kernel, stride=1) for part in (volume, inside))
        volume = total / share
    return volume
