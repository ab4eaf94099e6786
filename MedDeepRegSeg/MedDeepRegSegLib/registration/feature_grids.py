"""Sampling, pooling and scaling of dense features and displacement fields as tensors.

Positions are z, y, x in voxels of a grid: position p is the center of voxel p, whatever the size of the grid.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from MedDeepRegSegLib.errors import InputError


def scaled(fixed: Tensor, moving: Tensor, fixed_mask: Tensor, moving_mask: Tensor) -> tuple[Tensor, Tensor]:
    """Return both features times one number, so that places drawn at random differ by 1 on average.

    It gives features of any kind and number of channels the same weight against the smoothness of the field, and
    makes shares of two kinds (``share ** .5`` times one beside ``(1 - share) ** .5`` times the other) mean what they say.

    Parameters
    ----------
    fixed, moving : Tensor, shape (1, C, D, H, W)
    fixed_mask, moving_mask : Tensor, shape (D, H, W)
        Where places are drawn: > .5.

    Raises
    ------
    InputError
        When a mask is empty.
    """
    for name, mask in (("fixed", fixed_mask), ("moving", moving_mask)):
        if not bool((mask > 0.5).any()):
            msg = f"{name} mask is empty, expected places above .5: give a mask that covers the body"
            raise InputError(msg)
    one, two = fixed[0][:, fixed_mask > 0.5], moving[0][:, moving_mask > 0.5]
    # E|a - b|^2 of independent a and b, without drawing any.
    apart = one.square().sum(0).mean() + two.square().sum(0).mean() - 2 * (one.mean(1) * two.mean(1)).sum()
    factor = apart.clamp_min(1e-12).rsqrt()
    return fixed * factor, moving * factor


def voxels(shape: tuple[int, ...] | torch.Size, device: torch.device | str = "cpu") -> Tensor:
    """Return the positions z, y, x of all voxels, (1, 3, D, H, W)."""
    axes = [torch.arange(size, device=device, dtype=torch.float32) for size in shape]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"))[None]


def sample(volume: Tensor, positions: Tensor, *, outside: str = "border") -> Tensor:
    """Interpolate linearly; a whole number is the center of a voxel.

    Parameters
    ----------
    volume : Tensor, shape (1, C, D, H, W)
    positions : Tensor, shape (1, 3, d, h, w)
        z, y, x in voxels.
    outside : {"border", "zeros"}
        Value beyond the grid: that of the nearest voxel, or 0.

    Returns
    -------
    Tensor, shape (1, C, d, h, w)
    """
    size = torch.tensor(volume.shape[2:], device=positions.device, dtype=torch.float32).view(1, 3, 1, 1, 1)
    # With align_corners=False, -1 and 1 are the outer faces of the grid: voxel p has its center at (2 p + 1) / N - 1.
    grid = ((2 * positions + 1) / size - 1).permute(0, 2, 3, 4, 1).flip(-1)
    return F.grid_sample(volume, grid, mode="bilinear", padding_mode=outside, align_corners=False)


def pooled(features: Tensor, weight: Tensor, factor: int) -> tuple[Tensor, Tensor]:
    """Return the weighted mean of features over blocks, and the mean weight; block k lies at factor k + (factor - 1) / 2.

    Parameters
    ----------
    features : Tensor, shape (1, C, D, H, W)
    weight : Tensor, shape (1, 1, D, H, W)
    factor : int
    """
    if factor == 1:
        return features, weight
    missing = [part for size in reversed(features.shape[2:]) for part in (0, -size % factor)]
    total = F.avg_pool3d(F.pad(features * weight, missing), factor)
    mean_weight = F.avg_pool3d(F.pad(weight, missing), factor)
    return total / mean_weight.clamp_min(1e-6), mean_weight


def smoothed(field: Tensor, passes: int) -> Tensor:
    """Return a field averaged ``passes`` times over 3^3 voxels, at the border over those inside."""
    for _ in range(passes):
        field = F.avg_pool3d(field, 3, stride=1, padding=1, count_include_pad=False)
    return field


def consistent(forth: Tensor, back: Tensor, iterations: int) -> tuple[Tensor, Tensor]:
    """Return two fields (1, 3, D, H, W), voxels, brought closer to being inverse to each other."""
    home = voxels(forth.shape[2:], forth.device)
    for _ in range(iterations):
        one, two = forth, back
        forth = 0.5 * (one - sample(two, home + one))
        back = 0.5 * (two - sample(one, home + two))
    return forth, back
