"""Cubic B-splines on control points: a smooth field over a box that fades to nothing around it.

Domain: fixed space (LPS mm). Codomain: displacements or velocities there.
"""

import numpy as np
from numpy.typing import NDArray

from MedDeepRegSegLib.registration.canonical import Grid
from MedDeepRegSegLib.registration.fading import fade_weights

FADE_MM = 32.0
"""Over which distance from the border of its box a field fades."""

_BENDING_WEIGHT_MM2 = 128.0
_MEMBRANE_WEIGHT = 0.04


class ControlGrid:
    """Cubic B-splines on control points over a box, times a weight that fades at its border, at a grid's voxels.

    Parameters
    ----------
    grid : Grid
        Where the field is wanted.
    control_mm : float
        Distance of the control points, mm.
    low, high : ndarray, shape (3,)
        Corners of the box, LPS mm. The control points depend on the box alone, not on the grid.
    """

    def __init__(self, grid: Grid, control_mm: float, low: NDArray[np.float64], high: NDArray[np.float64]) -> None:
        self.control_mm = control_mm
        self._bases, self._faded = [], []
        for axis in (2, 1, 0):  # arrays are ordered s, p, l
            place = grid.origin[axis] + np.arange(grid.size[axis]) * grid.spacing - low[axis]
            extent = float(high[axis] - low[axis])
            basis = _basis(place, extent, control_mm)
            self._bases.append(basis)
            self._faded.append((basis * _fade(place, extent)[:, None]).astype(np.float32))
        self.shape = (3, *(basis.shape[1] for basis in self._bases))

    def field(self, coefficients: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return the displacement (3, Z, Y, X), mm, of coefficients (3, z, y, x)."""
        z, y, x = self._faded
        slab = np.matmul(y, np.matmul(coefficients.astype(np.float32), x.T))  # (3, z, Y, X)
        three, nodes, *plane = slab.shape
        return np.matmul(z, slab.reshape(three, nodes, -1)).reshape(three, z.shape[0], *plane)

    def adjoint(self, derivative: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the derivative by the coefficients from the derivative by the field (3, Z, Y, X)."""
        z, y, x = self._faded
        slab = np.matmul(z.T, derivative.reshape(3, derivative.shape[1], -1))
        slab = slab.reshape(3, z.shape[1], *derivative.shape[2:])
        return np.matmul(np.matmul(y.T, slab), x).astype(np.float64)

    @property
    def weights(self) -> tuple[NDArray[np.float32], ...]:
        """Faded splines (voxels, nodes) along z, y and x: the field is their product with the coefficients."""
        return tuple(self._faded)

    def nearest(self, field: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the coefficients of the splines that are nearest to a field (3, Z, Y, X), but for its fading."""
        result = np.asarray(field, dtype=np.float64)
        for axis, own in enumerate(self._bases):
            # A little is added, because nodes at the border reach hardly any voxel.
            solve = np.linalg.solve(own.T @ own + 1e-3 * np.eye(own.shape[1]), own.T)
            result = np.moveaxis(np.tensordot(result, solve, axes=([axis + 1], [1])), 3, axis + 1)
        return result

    def fit(self, coefficients: NDArray[np.float64], coarser: "ControlGrid") -> NDArray[np.float64]:
        """Return the coefficients here of a field of a coarser control grid (exact where distances halve)."""
        result = coefficients
        for axis, (own, other) in enumerate(zip(self._bases, coarser._bases, strict=True)):
            convert = np.linalg.lstsq(own, other, rcond=1e-10)[0]
            result = np.moveaxis(np.tensordot(result, convert, axes=([axis + 1], [1])), 3, axis + 1)
        return result

    def bending(self, coefficients: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Return the energy of bending and stretching and its derivative by the coefficients."""
        energy = 0.0
        derivative = np.zeros_like(coefficients)
        nodes = coefficients[0].size
        for first in range(1, 4):
            slope = np.diff(coefficients, axis=first)
            weight = _MEMBRANE_WEIGHT / (self.control_mm**2 * nodes)
            energy += weight * float((slope**2).sum())
            derivative += 2 * weight * _diff_adjoint(slope, first)
            for second in range(first, 4):
                curve = np.diff(slope, axis=second)
                weight = _BENDING_WEIGHT_MM2 * (1 if first == second else 2) / (self.control_mm**4 * nodes)
                energy += weight * float((curve**2).sum())
                derivative += 2 * weight * _diff_adjoint(_diff_adjoint(curve, second), first)
        return energy, derivative


def _diff_adjoint(array: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Return the transpose of ``np.diff`` along ``axis``."""
    pad = [(0, 0)] * array.ndim
    pad[axis] = (1, 1)
    return -np.diff(np.pad(array, pad), axis=axis)


def _basis(place: NDArray[np.float64], extent: float, control_mm: float) -> NDArray[np.float64]:
    """Return the cubic B-splines (voxels, nodes) at places 0 to extent, mm; node k lies at (k - 1) distances."""
    nodes = int(np.ceil(extent / control_mm)) + 3
    away = np.abs(place[:, None] / control_mm + 1 - np.arange(nodes)[None, :])
    return np.where(away < 1, 2 / 3 - away**2 + away**3 / 2, np.where(away < 2, (2 - away) ** 3 / 6, 0.0))


def _fade(place: NDArray[np.float64], extent: float) -> NDArray[np.float64]:
    """Return weights (voxels,) that are 1 inside and fall smoothly to 0 at both ends over the fade distance."""
    return fade_weights(FADE_MM - np.minimum(place, extent - place), FADE_MM)
