"""Thin-plate spline through landmarks, as a displacement field.

Domain: fixed space (LPS mm). Codomain: fixed space again; the linear map that follows takes it to the moving space.

Source: F. L. Bookstein, "Principal warps: thin-plate splines and the decomposition of deformations", IEEE PAMI 11
(1989); the spline itself is :class:`scipy.interpolate.RBFInterpolator`. The displacement is whole over the image and the
landmarks, and fades to zero around them, so that far away only the linear map is left.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from MedDeepRegSegLib.jobs.progress import CancelToken, Progress
from MedDeepRegSegLib.registration.canonical import Grid, grid_around
from MedDeepRegSegLib.registration.fading import fade_length, fade_weights
from MedDeepRegSegLib.registration.fields import sample_field, smallest_determinant

_GRID_MM = 3.0
_VOXELS = 600_000  # a larger image gets a coarser grid, so that time stays bounded
_RIM_MM = 8.0
_SMALLEST_DETERMINANT = 0.1
_PASSES = 4
_SMOOTHING = (0.0, 1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0)  # tried in this order until nothing folds


@dataclass(frozen=True)
class ThinPlate:
    """Displacement (3, Z, Y, X), mm along l, p, s, on a grid of the fixed space.

    ``smoothing`` is 0 where the landmarks are met; more where meeting them would fold. ``left_mm`` is the mean distance
    that is left at the landmarks.
    """

    grid: Grid
    field: NDArray[np.float64]
    smoothing: float
    left_mm: float


def spline(points: NDArray[np.float64], displacement: NDArray[np.float64], smoothing: float = 0.0):
    """Return the thin-plate spline: a function of points (N, 3) with the displacements (N, 3) at ``points``.

    Lengths are divided by the spread of the points, so that ``smoothing`` means the same for a head and a finger.
    """
    from scipy.interpolate import RBFInterpolator

    center, scale = points.mean(axis=0), float(np.sqrt(((points - points.mean(axis=0)) ** 2).sum(axis=1).mean()))
    inner = RBFInterpolator((points - center) / scale, displacement, kernel="thin_plate_spline", smoothing=smoothing)
    return lambda places: inner((places - center) / scale)


def fit_thin_plate(
    points: NDArray[np.float64],
    displacement: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    *,
    progress: Progress,
    cancel: CancelToken | None,
) -> ThinPlate:
    """Return a field that does not fold and moves each point by its displacement, or as nearly as folding allows.

    Parameters
    ----------
    points, displacement : ndarray, shape (N, 3)
        Landmarks in fixed space and how far each is to be moved, mm. No two at one place, not all in a plane.
    low, high : ndarray, shape (3,)
        Corners of the image, LPS mm.
    """
    low, high = np.minimum(low, points.min(axis=0)) - _RIM_MM, np.maximum(high, points.max(axis=0)) + _RIM_MM
    for number, smoothing in enumerate(_SMOOTHING):
        progress(number / len(_SMOOTHING), "Bending to the landmarks")
        wanted = spline(points, displacement, smoothing)
        longest = float(np.linalg.norm(wanted(_on_surface(low, high)), axis=1).max())
        fade = fade_length(longest)
        volume = float(np.prod(high - low + 2 * fade))
        grid = grid_around(low, high, max(_GRID_MM, float(np.cbrt(volume / _VOXELS))), fade)
        if not smoothing:
            wanted = _exact_on(grid, points, displacement, wanted)
        field = _sampled(wanted, grid, (low, high), fade, cancel)
        if smallest_determinant(field, grid.spacing) >= _SMALLEST_DETERMINANT:
            left = np.linalg.norm(_at(field, grid, points) - displacement, axis=1).mean()
            return ThinPlate(grid, field, smoothing, float(left))
    return ThinPlate(grid, np.zeros_like(field), np.inf, float(np.linalg.norm(displacement, axis=1).mean()))


def _exact_on(grid: Grid, points, displacement, wanted):
    """Return the spline corrected so that the field, linear between voxels, and not only the spline meets the points."""
    cell = np.floor((points - grid.origin) / grid.spacing)
    steps = np.array([(i, j, k) for i in (0, 1) for j in (0, 1) for k in (0, 1)], dtype=float)
    share = (points - grid.origin) / grid.spacing - cell
    weights = np.prod(np.where(steps == 1, share[:, None], 1 - share[:, None]), axis=2)  # (N, 8)
    nodes = ((cell[:, None] + steps) * grid.spacing + grid.origin).reshape(-1, 3)
    target = displacement
    for _ in range(_PASSES):
        met = (weights[..., None] * wanted(nodes).reshape(-1, 8, 3)).sum(axis=1)
        target = target + displacement - met
        wanted = spline(points, target)
    return wanted


def _sampled(wanted, grid: Grid, box, fade: float, cancel: CancelToken | None) -> NDArray[np.float64]:
    """Return the spline at the voxels of the grid, faded outside of the box."""
    axes = [origin + np.arange(size) * grid.spacing for origin, size in zip(grid.origin, grid.size, strict=True)]
    weights = [fade_weights(np.maximum(a - place, place - b), fade) for place, a, b in zip(axes, *box, strict=True)]
    x, y = np.meshgrid(axes[0], axes[1], indexing="xy")
    field = np.empty((3, *grid.shape))
    for number, z in enumerate(axes[2]):
        if cancel is not None:
            cancel.raise_if_canceled()
        places = np.stack([x.ravel(), y.ravel(), np.full(x.size, z)], axis=1)
        field[:, number] = wanted(places).T.reshape(3, *x.shape)
    z_weight, y_weight, x_weight = weights[2][:, None, None], weights[1][:, None], weights[0]
    return field * z_weight * y_weight * x_weight


def _on_surface(low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return points all over the surface of a box."""
    steps = np.stack(np.meshgrid(*[np.linspace(0, 1, 5)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    return low + steps[((steps == 0) | (steps == 1)).any(axis=1)] * (high - low)


def _at(field: NDArray[np.float64], grid: Grid, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the field at points (N, 3)."""
    return sample_field(field, ((points - grid.origin) / grid.spacing).T).T
