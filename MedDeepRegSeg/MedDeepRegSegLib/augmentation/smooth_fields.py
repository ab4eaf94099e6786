"""Smooth random fields on a lattice in mm: uniform cubic B-splines, as deformations, shading and local gamma need them.

The lattice is centered on the window and its spacing is in mm, so a field is the same structure at every voxel size.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from MedDeepRegSegLib.augmentation.draws import normal_noise

if TYPE_CHECKING:
    from torch import Tensor

Nodes = tuple[int, int, int]

# The squares of a cubic B-spline's weights sum to 151/315 on average along each axis (its autocorrelation at 0).
UNIT = (151 / 315) ** -1.5


def lattice_nodes(extent_mm: Sequence[float], spacing_mm: float) -> Nodes:
    """Return the nodes along x, y, z that a window of this extent (x, y, z) needs for a field without an end in it."""
    x, y, z = (math.ceil(side / spacing_mm) + 4 for side in extent_mm)
    return x, y, z


def coefficients(seed: int, channels: int, nodes: Nodes) -> "Tensor":
    """Return random coefficients of unit deviation, (channels, z, y, x)."""
    return normal_noise(seed, (channels, *nodes[::-1]))


def field_of(lattice: "Tensor", spacing_mm: float, voxel_mm: Sequence[float], size: Sequence[int]) -> "Tensor":
    """Return the field at every voxel of a window, (channels, z, y, x).

    Parameters
    ----------
    lattice : Tensor, shape (channels, nodes z, y, x)
        Coefficients, centered on the window.
    spacing_mm : float
        Distance of nodes.
    voxel_mm : sequence of float
        Size of a voxel along x, y, z.
    size : sequence of int
        Voxels along z, y, x.
    """
    import torch

    bases = []
    for side, voxel, nodes in zip(size, voxel_mm[::-1], lattice.shape[1:], strict=True):
        places = (np.arange(side) - (side - 1) / 2) * voxel
        bases.append(torch.from_numpy(spline_weights(places, spacing_mm, nodes).astype(np.float32)))
    # One axis after the other, as products of matrices.
    field = lattice @ bases[2].T
    field = bases[1] @ field
    count = lattice.shape[0]
    return (bases[0] @ field.reshape(count, lattice.shape[1], -1)).reshape(count, *size)


def spline_weights(places_mm: np.ndarray, spacing_mm: float, nodes: int) -> np.ndarray:
    """Return the weights of nodes at places from the center, (places, nodes)."""
    offset = np.asarray(places_mm, float)[:, None] / spacing_mm + (nodes - 1) / 2 - np.arange(nodes, dtype=float)
    away = np.abs(offset)
    near, far = 2 / 3 - away**2 + away**3 / 2, np.maximum(2 - away, 0) ** 3 / 6
    return np.where(away < 1, near, far)
