"""Deformable registration: a free-form deformation by cubic B-splines, coarse to fine.

Domain: fixed space (LPS mm). Codomain: fixed space again; the linear map that follows takes it to the moving space.

Source: D. Rueckert et al., "Nonrigid registration using free-form deformations", IEEE TMI 18 (1999), with the bending
energy as regularization. The displacement fades to zero around the selected part, so that outside of it the whole is
the linear map.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from MedDeepRegSegLib.jobs.progress import CancelToken, Progress
from MedDeepRegSegLib.registration.canonical import CanonicalImage, Grid
from MedDeepRegSegLib.registration.descent import descend
from MedDeepRegSegLib.registration.fields import smallest_determinant
from MedDeepRegSegLib.registration.linear import Linear
from MedDeepRegSegLib.registration.settings import RegistrationSettings
from MedDeepRegSegLib.registration.similarity import NormalizedMutualInformation, draw_samples, sampling_weights

_RIM_MM = 8.0
_FADE_MM = 32.0
_BENDING_WEIGHT_MM2 = 2.0
_MEMBRANE_WEIGHT = 0.01
_SMALLEST_DETERMINANT = 0.1
_SAMPLES = 250_000


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

    def __init__(
        self, grid: Grid, control_mm: float, low: NDArray[np.float64], high: NDArray[np.float64]
    ) -> None:
        self.control_mm = control_mm
        self._bases, self._fade = [], []
        for axis in (2, 1, 0):  # arrays are ordered s, p, l
            place = grid.origin[axis] + np.arange(grid.size[axis]) * grid.spacing - low[axis]
            extent = float(high[axis] - low[axis])
            self._bases.append(_basis(place, extent, control_mm))
            self._fade.append(_fade(place, extent))
        self.shape = (3, *(basis.shape[1] for basis in self._bases))

    def field(self, coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the displacement (3, Z, Y, X), mm, of coefficients (3, z, y, x)."""
        z, y, x = self._bases
        field = np.matmul(coefficients, x.T)
        field = np.matmul(y, field)
        field = np.tensordot(field, z, axes=([1], [1]))  # (3, Y, X, Z)
        return self._faded(np.moveaxis(field, 3, 1))

    def adjoint(self, derivative: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the derivative by the coefficients from the derivative by the field (3, Z, Y, X)."""
        z, y, x = self._bases
        part = np.matmul(self._faded(derivative), x)
        part = np.matmul(y.T, part)
        return np.moveaxis(np.tensordot(part, z, axes=([1], [0])), 3, 1)

    def fit(self, coefficients: NDArray[np.float64], coarser: "ControlGrid") -> NDArray[np.float64]:
        """Return the coefficients here of a field of a coarser control grid (exact where distances halve)."""
        result = coefficients
        for axis, (own, other) in enumerate(zip(self._bases, coarser._bases, strict=True)):
            convert = np.linalg.lstsq(own, other, rcond=1e-10)[0]
            result = np.moveaxis(np.tensordot(result, convert, axes=([axis + 1], [1])), 3, axis + 1)
        return result

    def _faded(self, field: NDArray[np.float64]) -> NDArray[np.float64]:
        z, y, x = self._fade
        return field * (z[:, None, None] * y[None, :, None] * x[None, None, :])

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
    t = np.clip(np.minimum(place, extent - place) / _FADE_MM, 0, 1)
    return t**3 * (10 - 15 * t + 6 * t**2)


@dataclass(frozen=True)
class Deformation:
    """Displacement (3, Z, Y, X), mm along l, p, s, on a grid of the fixed space, and how it was found."""

    grid: Grid
    field: NDArray[np.float64]
    similarity: float
    curves: tuple[tuple[float, ...], ...]
    notes: tuple[str, ...]


def fit_deformation(
    fixed: CanonicalImage,
    moving: CanonicalImage,
    linear: Linear,
    settings: RegistrationSettings,
    *,
    progress: Progress,
    cancel: CancelToken | None,
) -> Deformation:
    """Bend the fixed space so that ``linear`` after it matches the images.

    The control grid is refined level by level. A level that would fold the space is repeated stiffer, and at last
    reduced toward the level before; either is said in ``notes``.
    """
    volume = fixed.volume_mm3 * 1.3  # with the rim
    low, high = fixed.low - _RIM_MM - _FADE_MM, fixed.high + _RIM_MM + _FADE_MM
    # A larger body is worked on with coarser voxels, up to twice, so that time and memory stay bounded.
    fine = float(np.clip(np.cbrt(volume / _SAMPLES), settings.fine_spacing_mm, 2 * settings.fine_spacing_mm))
    coefficients: NDArray[np.float64] | None = None
    control: ControlGrid | None = None
    before: NDArray[np.float64] | None = None
    curves: list[tuple[float, ...]] = []
    notes: list[str] = []
    similarity = 1.0
    levels = settings.control_spacing_mm
    shares = np.cumsum([0.0, *(1.0 + 1.5 * (number == len(levels) - 1) for number in range(len(levels)))])
    grid = None
    for number, control_mm in enumerate(levels):
        last = number == len(levels) - 1
        # Coarse levels take coarse voxels; the grids differ, so each level has its own bases over the same box.
        spacing = fine if last else min(max(fine, control_mm / 10), 2 * fine)
        fixed_level = fixed.at(spacing, margin_mm=_RIM_MM + _FADE_MM)
        moving_level = moving.at(max(0.7 * spacing, 1.5), margin_mm=40.0)
        grid = fixed_level.grid
        weights = sampling_weights(fixed_level, _RIM_MM)
        samples = draw_samples(fixed_level, count=_SAMPLES, seed=settings.seed, jitter=False, weighted=weights)
        metric = NormalizedMutualInformation(samples, moving_level)
        finer = ControlGrid(grid, control_mm, low, high)
        start = np.zeros(finer.shape)
        if coefficients is not None and control is not None:
            start = finer.fit(coefficients, ControlGrid(grid, control.control_mm, low, high))
        control = finer
        stiffness = settings.stiffness
        for attempt in range(3):
            def report(step: int, value: float, attempt: int = attempt, number: int = number) -> None:
                share = (attempt + min(step / settings.iterations, 1.0)) / (attempt + 1)
                done = shares[number] + share * (shares[number + 1] - shares[number])
                progress(done / shares[-1], f"Bending at {levels[number]:g} mm: {step} iterations, cost {value:.4f}")

            objective = _Objective(metric, linear, control, stiffness)
            minimum = descend(
                objective,
                start.ravel(),
                iterations=settings.iterations,
                tolerance=1e-5,
                on_iteration=report,
                cancel=cancel,
            )
            coefficients = minimum.parameters.reshape(control.shape)
            field = control.field(coefficients)
            curves.append(tuple(-value for value in minimum.curve))
            if smallest_determinant(field, grid.spacing) >= _SMALLEST_DETERMINANT:
                break
            stiffness *= 4
            notes.append(f"the deformation at {control_mm:g} mm was about to fold and was made stiffer")
        else:
            coefficients, kept = _step_back(control, start, coefficients, grid.spacing)
            notes.append(f"the deformation at {control_mm:g} mm would fold; {kept:.0%} of it was kept")
        field = control.field(coefficients)
        before = field
        similarity = objective.similarity(coefficients)
    assert grid is not None
    assert before is not None
    progress(1.0, "Deformation found")
    return Deformation(grid, before, similarity, tuple(curves), tuple(notes))


class _Objective:
    """Negative similarity plus bending energy, by the flat coefficients of a control grid."""

    def __init__(
        self, metric: NormalizedMutualInformation, linear: Linear, control: ControlGrid, stiffness: float
    ) -> None:
        self._metric, self._linear, self._control, self._stiffness = metric, linear, control, stiffness
        self._index = metric.samples.index
        self._points = metric.samples.points

    def _mapped(self, field: NDArray[np.float64]) -> NDArray[np.float64]:
        return self._linear(self._points + field.reshape(3, -1)[:, self._index].T).T

    def similarity(self, coefficients: NDArray[np.float64]) -> float:
        """Return the similarity alone."""
        return self._metric(self._mapped(self._control.field(coefficients)), gradient=False)[0]

    def __call__(self, flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        coefficients = flat.reshape(self._control.shape)
        field = self._control.field(coefficients)
        similarity, slope = self._metric(self._mapped(field))
        assert slope is not None
        by_field = np.zeros((3, field[0].size))
        by_field[:, self._index] = -self._linear.matrix.T @ slope
        energy, by_energy = self._control.bending(coefficients)
        derivative = self._control.adjoint(by_field.reshape(field.shape)) + self._stiffness * by_energy
        return -similarity + self._stiffness * energy, derivative.ravel()


def _step_back(
    control: ControlGrid, safe: NDArray[np.float64], wanted: NDArray[np.float64], spacing: float
) -> tuple[NDArray[np.float64], float]:
    """Return the mix of safe and wanted coefficients that is nearest to the wanted one without folds."""
    low, high = 0.0, 1.0
    for _ in range(6):
        middle = (low + high) / 2
        mixed = control.field(safe + middle * (wanted - safe))
        if smallest_determinant(mixed, spacing) >= _SMALLEST_DETERMINANT:
            low = middle
        else:
            high = middle
    return safe + low * (wanted - safe), low
