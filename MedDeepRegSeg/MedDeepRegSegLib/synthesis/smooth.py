"""Smooth random fields, blurring and sampling: what shapes and effects are made of. Volumes are (D, H, W) tensors."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from MedDeepRegSegLib.synthesis.randomness import Randomness

Size = tuple[int, int, int]

# The squares of a cubic B-spline's weights sum to 151/315 on average along each axis (its autocorrelation at 0).
_UNIT = (151 / 315) ** -1.5


def size_of(volume: Tensor) -> Size:
    """Return the size of a volume (D, H, W)."""
    depth, height, width = volume.shape
    return depth, height, width


def smooth_field(random: Randomness, channels: int, size: Size, cells: float) -> Tensor:
    """Return smooth noise of about zero mean and unit deviation: cubic B-splines with random coefficients.

    Parameters
    ----------
    random : Randomness
    channels : int
    size : tuple of int
    cells : float
        About how many independent values lie along the longest side: few make broad, many make fine structure.

    Returns
    -------
    Tensor, shape (channels, D, H, W)
    """
    cell = max(size) / max(cells, 1.0)
    bases = [_spline_basis(side, cell, random.device) for side in size]
    field = random.normal(channels, *(basis.shape[1] for basis in bases))
    # One axis after the other, as products of matrices.
    field = field @ bases[2].T
    field = bases[1] @ field
    field = (bases[0] @ field.reshape(channels, bases[0].shape[1], -1)).reshape(channels, *size)
    return field * _UNIT


def largest_of_fields(random: Randomness, count: int, size: Size, cells: float) -> Tensor:
    """Return which of ``count`` smooth fields is the largest at each voxel, (D, H, W), int16."""
    best = smooth_field(random, 1, size, cells)[0]
    winner = torch.zeros(size, dtype=torch.int16, device=random.device)
    for number in range(1, count):
        rival = smooth_field(random, 1, size, cells)[0]
        winner.masked_fill_(rival > best, number)
        best = torch.maximum(best, rival)
    return winner


def _spline_basis(side: int, cell: float, device: torch.device) -> Tensor:
    """Return the weights (side, nodes) of nodes one cell apart at every voxel."""
    nodes = math.ceil(side / cell) + 3
    place = torch.arange(side, device=device, dtype=torch.float32)[:, None] / cell + 1
    away = (place - torch.arange(nodes, device=device, dtype=torch.float32)).abs()
    near, far = 2 / 3 - away**2 + away**3 / 2, (2 - away).clamp_min(0) ** 3 / 6
    return torch.where(away < 1, near, far)


def gaussian(volume: Tensor, sigmas: tuple[float, float, float]) -> Tensor:
    """Return a volume (D, H, W) smoothed by a Gaussian of these standard deviations, voxels, along D, H, W."""
    result = volume[None, None]
    for axis, sigma in enumerate(sigmas):
        if sigma < 0.2:
            continue
        radius = min(max(1, math.ceil(2.5 * sigma)), volume.shape[axis] - 1)
        place = torch.arange(-radius, radius + 1, device=volume.device, dtype=torch.float32)
        weights = torch.exp(-0.5 * (place / sigma) ** 2)
        kernel = [1, 1, 1, 1, 1]
        kernel[2 + axis] = 2 * radius + 1
        padding = [0] * 6
        padding[4 - 2 * axis] = padding[5 - 2 * axis] = radius
        padded = F.pad(result, padding, mode="replicate")
        result = F.conv3d(padded, (weights / weights.sum()).view(kernel))
    return result[0, 0]


def voxel_grid(size: Size, device: torch.device | str) -> Tensor:
    """Return the index of every voxel, (3, D, H, W), float32."""
    axes = [torch.arange(side, device=device, dtype=torch.float32) for side in size]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"))


def apply(matrix: Tensor, place: Tensor) -> Tensor:
    """Return a matrix (3, 3) times every place (3, ...)."""
    return (matrix @ place.reshape(3, -1)).reshape(place.shape)


def sample(volume: Tensor, place: Tensor) -> Tensor:
    """Return channels (C, D, H, W) interpolated linearly at voxel places (3, ...); the border goes on outside."""
    size = torch.tensor(volume.shape[1:], device=volume.device, dtype=torch.float32)
    flat = place.reshape(3, -1).T
    # Voxel k lies at (2 k + 1) / size - 1: the centers of the outermost voxels are not at -1 and 1.
    unit = ((2 * flat + 1) / size - 1).flip(-1)
    values = F.grid_sample(
        volume[None], unit[None, :, None, None], mode="bilinear", padding_mode="border", align_corners=False
    )
    return values[0, :, :, 0, 0].reshape(volume.shape[0], *place.shape[1:])


def nearest(labels: Tensor, place: Tensor) -> tuple[Tensor, Tensor]:
    """Return the labels (D, H, W) at the voxels nearest to places (3, ...), and where those lie inside the volume."""
    index = place.round().long()
    inside = torch.ones(place.shape[1:], dtype=torch.bool, device=labels.device)
    flat = torch.zeros(place.shape[1:], dtype=torch.long, device=labels.device)
    for axis, side in enumerate(labels.shape):
        inside &= (index[axis] >= 0) & (index[axis] < side)
        flat = flat * side + index[axis].clamp(0, side - 1)
    return labels.reshape(-1)[flat] * inside, inside
