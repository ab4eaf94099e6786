"""Deformable registration: a free-form deformation by cubic B-splines, coarse to fine.

Domain: fixed space (LPS mm). Codomain: fixed space again; the linear map that follows takes it to the moving space.

Source: D. Rueckert et al., "Nonrigid registration using free-form deformations", IEEE TMI 18 (1999), with the bending
energy as regularization. Normalized mutual information alone bends the images where that makes the histogram sharper
rather than where the anatomy asks for it; the descriptors of :mod:`~MedDeepRegSegLib.registration.neighborhood` alone
leave more error too. Their sum is what is minimized. The displacement fades to zero around the selected part, so that outside of it the whole is
the linear map.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, part_of
from MedDeepRegSegLib.registration.canonical import CanonicalImage, Grid, grid_around
from MedDeepRegSegLib.registration.control_grid import FADE_MM, ControlGrid
from MedDeepRegSegLib.registration.deformation import Deformation, Level
from MedDeepRegSegLib.registration.descent import descend
from MedDeepRegSegLib.registration.fields import smallest_determinant
from MedDeepRegSegLib.registration.linear import Linear
from MedDeepRegSegLib.registration.neighborhood import DescriptorDifference, descriptors
from MedDeepRegSegLib.registration.settings import RegistrationSettings
from MedDeepRegSegLib.registration.similarity import NormalizedMutualInformation, draw_samples, sampling_weights

_RIM_MM = 8.0
_LOCAL_WEIGHT = 1.0
_SMALLEST_DETERMINANT = 0.1
_SAMPLES = 250_000
_OUTPUT_MM = 3.0
_TOLERANCE = 1e-5
_ATTEMPTS = 3


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
    low, high = fixed.low - _RIM_MM - FADE_MM, fixed.high + _RIM_MM + FADE_MM
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
    fixed_level = fixed.at(spacing, margin_mm=_RIM_MM + FADE_MM)
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
