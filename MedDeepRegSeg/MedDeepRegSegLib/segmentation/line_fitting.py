"""Straight lines through points: total least squares, and random consensus where points belong elsewhere."""

from dataclasses import dataclass

import numpy as np

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.segmentation.random_consensus import consensus

Vector = tuple[float, float, float]
_SECTIONS = 20


@dataclass(frozen=True)
class LineFit:
    """A straight line through points.

    Attributes
    ----------
    center:
        Middle of the line, LPS mm.
    direction:
        Unit vector along it, LPS; its largest part is positive.
    length_mm:
        Length that the points which belong to it span.
    residual_mean_mm, residual_p95_mm:
        Distances of the points that belong to the line: mean and 95th percentile.
    inlier_share:
        Share of the points that belong to the line, within the tolerance.
    coverage:
        Share of the sections of the line that have such points.
    confidence:
        ``inlier_share`` times ``coverage``: 1 where all points lie on the line and the line has no gap.
    """

    center: Vector
    direction: Vector
    length_mm: float
    residual_mean_mm: float
    residual_p95_mm: float
    inlier_share: float
    coverage: float
    confidence: float

    @property
    def ends(self) -> np.ndarray:
        """First and last point of the line, (2, 3) LPS mm."""
        half = np.array(self.direction) * self.length_mm / 2
        return np.array(self.center) + np.stack([-half, half])


def check_points(points: np.ndarray, fewest: int, what: str) -> np.ndarray:
    """Return points as a finite (N, 3) array of numbers.

    Raises
    ------
    InputError
        If they have another shape, are not finite, or are fewer than ``fewest``.
    """
    array = np.asarray(points, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != 3 or not np.isfinite(array).all():
        msg = f"points of the {what} have shape {array.shape}, expected (N, 3) of finite numbers: give one row l, p, s in mm for each"
        raise InputError(msg)
    if len(array) < fewest:
        msg = f"{len(array)} points are too few for the {what}, expected {fewest} or more: take a longer contour"
        raise InputError(msg)
    return array


def fit_line(points: np.ndarray, *, robust: bool = True, tolerance_mm: float | None = None, seed: int = 0) -> LineFit:
    """Fit a line to points by least squares of the distances across it.

    Source: K. Pearson, "On lines and planes of closest fit to systems of points in space", Philosophical Magazine 2 (1901).

    Parameters
    ----------
    points:
        (N, 3) LPS mm, 2 or more that differ.
    robust:
        Leave out points that are farther away than the tolerance from the line that most points agree on.
    tolerance_mm:
        Largest distance of a point that belongs to the line; by default a twentieth of the length of the points.
    seed:
        Of the random consensus.

    Raises
    ------
    InputError
        If there are too few points, or all are in one place.
    """
    array = check_points(points, 2, "line")
    extent = float(np.linalg.norm(np.ptp(array, axis=0)))
    if not extent > 0:
        msg = "all points of the line are in one place: take a longer contour"
        raise InputError(msg)
    tolerance = 0.05 * extent if tolerance_mm is None else float(tolerance_mm)
    if not tolerance > 0:
        msg = f"tolerance of the line is {tolerance} mm, expected more than 0"
        raise InputError(msg)
    kept = np.ones(len(array), bool)
    if robust and len(array) > 2:
        found = consensus(array, 2, _distances_to_sampled, tolerance=tolerance, seed=seed)
        kept = found if found.sum() >= 2 else kept
        for _ in range(3):  # points that the better line takes in, and those that it loses
            again = _distance(array, *_principal(array[kept])) <= tolerance
            if again.sum() < 2 or np.array_equal(again, kept):
                break
            kept = again
    center, direction = _principal(array[kept])
    distance = _distance(array, center, direction)
    inside = distance <= tolerance
    members = kept if robust else np.ones(len(array), bool)
    along = (array[members] - center) @ direction
    low, high = float(along.min()), float(along.max())
    sections = np.unique(((along - low) / max(high - low, 1e-12) * _SECTIONS).astype(int).clip(0, _SECTIONS - 1))
    coverage = min(1.0, len(sections) / min(_SECTIONS, max(2, int(members.sum()))))
    share = float(inside.mean())
    middle = center + direction * (low + high) / 2
    return LineFit(
        center=_vector(middle),
        direction=_vector(direction),
        length_mm=high - low,
        residual_mean_mm=float(distance[members].mean()),
        residual_p95_mm=float(np.percentile(distance[members], 95)),
        inlier_share=share,
        coverage=coverage,
        confidence=share * coverage,
    )


def _principal(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the direction of largest spread."""
    center = points.mean(axis=0)
    direction = np.linalg.svd(points - center, full_matrices=False)[2][0]
    return center, direction * np.sign(direction[np.abs(direction).argmax()])


def _distance(points: np.ndarray, center: np.ndarray, direction: np.ndarray) -> np.ndarray:
    offset = points - center
    return np.linalg.norm(offset - np.outer(offset @ direction, direction), axis=1)


def _distances_to_sampled(samples: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return the distances (S, N) to the lines through pairs of points (S, 2, 3)."""
    direction = samples[:, 1] - samples[:, 0]
    length = np.linalg.norm(direction, axis=1)
    direction = direction / np.maximum(length, 1e-12)[:, None]
    offset = points[None] - samples[:, None, 0]
    along = np.einsum("snd,sd->sn", offset, direction)
    across = np.linalg.norm(offset - along[..., None] * direction[:, None], axis=2)
    across[length < 1e-9] = np.inf
    return across


def _vector(values: np.ndarray) -> Vector:
    x, y, z = (float(value) + 0.0 for value in values)
    return (x, y, z)
