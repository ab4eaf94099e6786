"""Displacement fields as arrays: determinants of their Jacobian, interpolation, and inversion.

A field u (3, Z, Y, X) holds displacements in mm along the world's l, p, s at the voxels of a grid; it stands for the
map x -> x + u(x) from the grid's space to itself.
"""

from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from MedDeepRegSegLib.jobs.progress import CancelToken


def sample_field(field: NDArray[np.floating], index: NDArray[np.float64]) -> NDArray[np.float64]:
    """Interpolate linearly as ITK's displacement field transform does.

    Parameters
    ----------
    field : ndarray, shape (3, Z, Y, X)
    index : ndarray, shape (3, N)
        Continuous index x, y, z.

    Returns
    -------
    ndarray, shape (3, N)
        0 farther than half a voxel outside of the grid.
    """
    size = np.array(field.shape[:0:-1])[:, None]
    inside = np.all((index >= -0.5) & (index < size - 0.5), axis=0)
    order = index[::-1]
    values = np.stack([ndimage.map_coordinates(part, order, order=1, mode="nearest") for part in field])
    return values * inside


def determinant(gradient: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return det(I + gradient) for a gradient of shape (3, 3, ...), [component, axis]."""
    a, b, c = gradient[0, 0] + 1, gradient[0, 1], gradient[0, 2]
    d, e, f = gradient[1, 0], gradient[1, 1] + 1, gradient[1, 2]
    g, h, i = gradient[2, 0], gradient[2, 1], gradient[2, 2] + 1
    return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)


def smallest_determinant(field: NDArray[np.floating], spacing: float) -> float:
    """Return the smallest Jacobian determinant at any corner of any cell of a field on an axis-aligned grid.

    One-sided differences in all eight combinations are the derivatives of the trilinear interpolant at the corners
    of its cells, so a fold that central differences smooth away is seen. A field that is not finite counts as folded.
    """
    if not np.isfinite(field).all():
        return -np.inf
    slopes = [np.diff(field.astype(np.float32), axis=3 - axis) / spacing for axis in range(3)]
    smallest = np.inf
    for sides in product((0, 1), repeat=3):
        gradient = []
        for axis in range(3):
            part = slopes[axis]
            for other in range(3):
                if other != axis:
                    cut = slice(1, None) if sides[other] else slice(None, -1)
                    selector: list[slice] = [slice(None)] * 4
                    selector[3 - other] = cut
                    part = part[tuple(selector)]
            gradient.append(part)
        jacobian = np.stack(gradient, axis=1)
        smallest = min(smallest, float(determinant(jacobian).min()))
    return smallest


def invert_field(
    field: NDArray[np.floating],
    spacing: NDArray[np.float64],
    direction: NDArray[np.float64],
    *,
    tolerance_mm: float = 1e-2,
    cancel: CancelToken | None = None,
) -> NDArray[np.float64]:
    """Return the field v on the same grid with v(y) = -u(y + v(y)).

    Fixed-point iteration (M. Chen et al., "A simple fixed-point approach to invert a deformation field", Medical
    Physics 35 (2008)); the voxels where it does not settle are finished with Newton steps.

    Parameters
    ----------
    field : ndarray, shape (3, Z, Y, X)
        Fold-free displacement, mm.
    spacing : ndarray, shape (3,)
        Voxel size along x, y, z, mm.
    direction : ndarray, shape (3, 3)
        Columns are the world directions of the grid's axes.
    tolerance_mm : float
        Where ``|v + u(y + v)|`` is below this, a voxel is done. Between voxels, interpolation leaves more than this.
    cancel : CancelToken, optional
    """
    shape = field.shape[1:]
    to_index = (direction / spacing[None, :]).T  # world offset -> index offset; direction is orthonormal
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"))[::-1].reshape(3, -1).astype(np.float64)
    result = -field.reshape(3, -1).astype(np.float64)
    left = np.flatnonzero(np.einsum("cn,cn->n", result, result) > tolerance_mm**2)  # where nothing moves, it is done
    for _ in range(40):
        if cancel is not None:
            cancel.raise_if_canceled()
        moved = sample_field(field, grid[:, left] + to_index @ result[:, left])
        residual = np.linalg.norm(result[:, left] + moved, axis=0)
        result[:, left] = -moved
        left = left[residual > tolerance_mm]
        if not left.size:
            break
    if left.size:
        _newton(field, grid, to_index, result, left=left, tolerance_mm=tolerance_mm)
    return result.reshape(field.shape)


def _newton(field, grid, to_index, result, *, left, tolerance_mm) -> None:
    """Finish the inversion at the voxels ``left`` in place, with damped Newton steps."""
    step = 0.25
    for _ in range(30):
        here = result[:, left]
        place = grid[:, left] + to_index @ here
        residual = here + sample_field(field, place)
        norm = np.linalg.norm(residual, axis=0)
        keep = norm > tolerance_mm
        if not keep.any():
            return
        left, here, place, residual, norm = left[keep], here[:, keep], place[:, keep], residual[:, keep], norm[keep]
        columns = []
        for axis in range(3):
            offset = np.zeros((3, 1))
            offset[axis] = step
            columns.append((sample_field(field, place + offset) - sample_field(field, place - offset)) / (2 * step))
        by_index = np.stack(columns, axis=1)  # (3 component, 3 index axis, N)
        jacobian = np.einsum("cin,iw->ncw", by_index, to_index) + np.eye(3)
        move = -np.linalg.solve(jacobian, residual.T[..., None])[..., 0].T
        for damping in (1.0, 0.5, 0.25, 0.1):
            candidate = here + damping * move
            after = np.linalg.norm(candidate + sample_field(field, grid[:, left] + to_index @ candidate), axis=0)
            better = after < norm
            here[:, better], norm[better] = candidate[:, better], after[better]
        result[:, left] = here
