"""Deformable registration: a free-form deformation by cubic B-splines, coarse to fine.

Domain: fixed space (LPS mm). Codomain: fixed space again; the linear map that follows takes it to the moving space.

Source: D. Rueckert et al., "Nonrigid registration using free-form deformations", IEEE TMI 18 (1999), with the bending
energy as regularization. Normalized mutual information alone bends the images where that makes the histogram sharper
rather than where the anatomy asks for it; the descriptors of :mod:`~MedDeepRegSegLib.registration.neighborhood` alone
leave more error too. Their sum is what is minimized. The displacement fades to zero around the selected part, so that outside of it the whole is
the linear map.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, part_of
from MedDeepRegSegLib.registration.canonical import CanonicalImage, Grid, grid_around
from MedDeepRegSegLib.registration.descent import descend
from MedDeepRegSegLib.registration.fields import smallest_determinant
from MedDeepRegSegLib.registration.linear import Linear
from MedDeepRegSegLib.registration.neighborhood import DescriptorDifference, descriptors
from MedDeepRegSegLib.registration.settings import RegistrationSettings
from MedDeepRegSegLib.registration.similarity import NormalizedMutualInformation, draw_samples, sampling_weights

_RIM_MM = 8.0
_FADE_MM = 32.0
_BENDING_WEIGHT_MM2 = 128.0
_MEMBRANE_WEIGHT = 0.04
_LOCAL_WEIGHT = 1.0
_SMALLEST_DETERMINANT = 0.1
_SAMPLES = 250_000
_OUTPUT_MM = 3.0
_TOLERANCE = 1e-5
_ATTEMPTS = 3


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
    t = np.clip(np.minimum(place, extent - place) / _FADE_MM, 0, 1)
    return t**3 * (10 - 15 * t + 6 * t**2)


@dataclass(frozen=True)
class Level:
    """One level: distance of its control points and voxels, mm, and the cost after each iteration."""

    control_mm: float
    spacing_mm: float
    curve: tuple[float, ...]


@dataclass(frozen=True)
class Deformation:
    """Displacement (3, Z, Y, X), mm along l, p, s, on a grid of the fixed space, and how it was found."""

    grid: Grid
    field: NDArray[np.float32]
    levels: tuple[Level, ...]
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
    finest = grid_around(low, high, min(fine, _OUTPUT_MM))
    levels: list[Level] = []
    notes: list[str] = []
    control: ControlGrid | None = None
    coefficients = np.zeros((3, 0, 0, 0))
    shares = np.cumsum([0.0] + [1.0] * (len(settings.control_spacing_mm) - 1) + [2.5])
    for number, control_mm in enumerate(settings.control_spacing_mm):
        part = part_of(progress, shares[number] / shares[-1], shares[number + 1] / shares[-1])
        last = number == len(settings.control_spacing_mm) - 1
        # Coarse levels take coarser voxels.
        spacing = fine if last else min(max(fine, control_mm / 10), 2 * fine)
        part(0.0, f"Preparing control points of {control_mm:g} mm")
        likeness, local, grid = _terms(fixed, moving, linear, spacing, settings)
        finer = ControlGrid(grid, control_mm, low, high)
        start = np.zeros(finer.shape)
        if control is not None:
            start = finer.fit(coefficients, ControlGrid(grid, control.control_mm, low, high))
        control, output = finer, ControlGrid(finest, control_mm, low, high)
        stiffness = settings.stiffness
        for attempt in range(_ATTEMPTS):
            # Most levels need one attempt, so the first takes most of the level's part.
            span = (0.0, 0.8) if attempt == 0 else (0.8 + 0.1 * (attempt - 1), 0.8 + 0.1 * attempt)
            report = _reporter(part_of(part, *span), control_mm, settings.iterations)
            minimum = descend(
                _Objective(likeness, local, linear, control, stiffness),
                start.ravel(),
                iterations=settings.iterations,
                tolerance=_TOLERANCE,
                on_iteration=report,
                cancel=cancel,
            )
            coefficients = minimum.parameters.reshape(control.shape)
            levels.append(Level(control_mm, spacing, minimum.curve))
            if _safe(output.field(coefficients), finest.spacing):
                break
            if attempt + 1 < _ATTEMPTS:
                stiffness *= 4
                notes.append(f"the deformation at {control_mm:g} mm was about to fold and was made stiffer")
            else:
                coefficients, kept = _step_back(output, start, coefficients, finest.spacing)
                notes.append(f"the deformation at {control_mm:g} mm would fold; {kept:.0%} of it was kept")
    progress(1.0, "Deformation found")
    return Deformation(finest, output.field(coefficients), tuple(levels), tuple(notes))


def _reporter(progress: Progress, control_mm: float, iterations: int) -> Callable[[int, float], None]:
    """Return what tells the progress of one descent."""

    def report(step: int, value: float) -> None:
        progress(step / iterations, f"Bending, control points of {control_mm:g} mm: cost {value:.4f}")

    return report


def _terms(
    fixed: CanonicalImage, moving: CanonicalImage, linear: Linear, spacing: float, settings: RegistrationSettings
) -> tuple[NormalizedMutualInformation, DescriptorDifference, Grid]:
    """Return the two measures of a level and the grid on which it works."""
    fixed_level = fixed.at(spacing, margin_mm=_RIM_MM + _FADE_MM)
    grid = fixed_level.grid
    weights = sampling_weights(fixed_level, _RIM_MM)
    samples = draw_samples(fixed_level, count=_SAMPLES, seed=settings.seed, jitter=False, weighted=weights)
    likeness = NormalizedMutualInformation(samples, moving.at(max(0.7 * spacing, 1.5), margin_mm=40.0))
    # Descriptors know directions, so the moving image is turned into the fixed space before they are taken.
    moved, valid = moving.through(linear.matrix, linear.offset, grid)
    local = DescriptorDifference(samples, descriptors(fixed_level.values), descriptors(moved), valid, grid.spacing)
    return likeness, local, grid


def _safe(field: NDArray[np.float32], spacing: float) -> bool:
    """Whether a field stays away from folding everywhere."""
    return smallest_determinant(field, spacing) >= _SMALLEST_DETERMINANT


class _Objective:
    """Dissimilarity plus bending energy, by the flat coefficients of a control grid."""

    def __init__(
        self,
        likeness: NormalizedMutualInformation,
        local: DescriptorDifference,
        linear: Linear,
        control: ControlGrid,
        stiffness: float,
    ) -> None:
        self._likeness, self._local, self._linear = likeness, local, linear
        self._control, self._stiffness = control, stiffness
        self._index = likeness.samples.index
        self._points = np.ascontiguousarray(likeness.samples.points.T)

    def __call__(self, flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        coefficients = flat.reshape(self._control.shape)
        field = self._control.field(coefficients)
        displacement = field.reshape(3, -1)[:, self._index]
        similarity, by_likeness = self._likeness(self._linear.columns(self._points + displacement))
        assert by_likeness is not None
        difference, by_local = self._local(displacement)
        value = _LOCAL_WEIGHT * difference - similarity
        slope = _LOCAL_WEIGHT * by_local - (self._linear.matrix.T @ by_likeness).astype(np.float32)
        by_field = np.zeros((3, field[0].size), dtype=np.float32)
        by_field[:, self._index] = slope
        energy, by_energy = self._control.bending(coefficients)
        derivative = self._control.adjoint(by_field.reshape(field.shape)) + self._stiffness * by_energy
        return value + self._stiffness * energy, derivative.ravel()


def _step_back(
    control: ControlGrid, safe: NDArray[np.float64], wanted: NDArray[np.float64], spacing: float
) -> tuple[NDArray[np.float64], float]:
    """Return the mix of safe and wanted coefficients that is nearest to the wanted one without folds."""
    low, high = 0.0, 1.0
    for _ in range(6):
        middle = (low + high) / 2
        mixed = control.field(safe + middle * (wanted - safe))
        if _safe(mixed, spacing):
            low = middle
        else:
            high = middle
    return safe + low * (wanted - safe), low
