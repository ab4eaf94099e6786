"""Ellipses through points of a contour: direct least squares, refined, and robust against points that belong elsewhere."""

from dataclasses import dataclass

import numpy as np

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.segmentation.ellipse_geometry import (
    closest_angles,
    direct_ellipses,
    nearest_ellipse,
    rough_distances,
    signed_distances,
)
from MedDeepRegSegLib.segmentation.line_fitting import Vector, check_points
from MedDeepRegSegLib.segmentation.random_consensus import consensus

_FEWEST = 6
_SECTORS = 36
_FLATTEST = 0.01  # an ellipse that is flatter, or larger than its points by the inverse of this, is a line


@dataclass(frozen=True)
class EllipseFit:
    """An ellipse through points in a plane.

    Attributes
    ----------
    center:
        LPS mm.
    major_direction, minor_direction:
        Unit vectors along the long and the short axis, LPS; the largest part of each is positive.
    major_mm, minor_mm:
        Whole lengths of the long and the short axis.
    residual_mean_mm, residual_p95_mm:
        Distances to the ellipse of the points that belong to it: mean and 95th percentile.
    inlier_share:
        Share of the points that belong to the ellipse, within the tolerance.
    coverage:
        Share of the ellipse, in sectors of 10 degrees, that has such points.
    confidence:
        ``inlier_share`` times ``coverage``: 1 where all points lie on the ellipse and all around it.
    """

    center: Vector
    major_direction: Vector
    minor_direction: Vector
    major_mm: float
    minor_mm: float
    residual_mean_mm: float
    residual_p95_mm: float
    inlier_share: float
    coverage: float
    confidence: float

    def points(self, count: int = 72) -> np.ndarray:
        """Return points on the ellipse, (count, 3) LPS mm."""
        t = np.linspace(0, 2 * np.pi, count, endpoint=False)[:, None]
        along = np.cos(t) * self.major_mm / 2 * np.array(self.major_direction)
        return np.array(self.center) + along + np.sin(t) * self.minor_mm / 2 * np.array(self.minor_direction)

    def axis_ends(self, which: str = "major") -> np.ndarray:
        """Return the ends of the ``major`` or ``minor`` axis, (2, 3) LPS mm."""
        direction, length = (
            (self.major_direction, self.major_mm) if which == "major" else (self.minor_direction, self.minor_mm)
        )
        half = np.array(direction) * length / 2
        return np.array(self.center) + np.stack([-half, half])


def fit_ellipse(
    points: np.ndarray,
    *,
    normal: Vector | None = None,
    robust: bool = True,
    refine: bool = True,
    tolerance_mm: float | None = None,
    seed: int = 0,
) -> EllipseFit:
    """Fit an ellipse to points in a plane.

    Direct least squares finds the start (see :func:`~MedDeepRegSegLib.segmentation.ellipse_geometry.direct_ellipses`),
    least squares of the true distances refines it: where only a part of the contour is there, or with noise, direct least
    squares alone gives ellipses that are too small.

    Parameters
    ----------
    points:
        (N, 3) LPS mm, 6 or more. They are projected onto their plane.
    normal:
        Vector across the plane, LPS; by default that of least spread.
    robust:
        Leave out points that are farther away than the tolerance from the ellipse that most points agree on.
    refine:
        Whether to refine the direct fit.
    tolerance_mm:
        Largest distance of a point that belongs to the ellipse; by default a twentieth of the mean distance of the
        points from their center.
    seed:
        Of the random consensus.

    Raises
    ------
    InputError
        If there are too few points, or they lie on a line or on another curve that is no ellipse.
    """
    array = check_points(points, _FEWEST, "ellipse")
    origin = array.mean(axis=0)
    across, down = _plane(array - origin, normal)
    flat = (array - origin) @ np.stack([across, down], axis=1)
    spread = float(np.linalg.norm(flat, axis=1).mean())
    tolerance = 0.05 * spread if tolerance_mm is None else float(tolerance_mm)
    if not tolerance > 0:
        msg = f"tolerance of the ellipse is {tolerance} mm, expected more than 0: the points may be in one place"
        raise InputError(msg)
    kept = np.ones(len(flat), bool)
    if robust:
        found = consensus(flat, _FEWEST, _distances_to_sampled, tolerance=tolerance, seed=seed)
        kept = found if found.sum() >= _FEWEST else kept
    ellipse = _fit(flat[kept], refine, spread)
    for _ in range(4 if robust else 0):  # points that the better ellipse takes in, and those that it loses
        again = np.abs(signed_distances(ellipse, flat)[0]) <= tolerance
        if again.sum() < _FEWEST or np.array_equal(again, kept):
            break
        kept = again
        ellipse = _fit(flat[kept], refine, spread)
    distance = np.abs(signed_distances(ellipse, flat)[0])
    inside = distance <= tolerance
    angles = closest_angles(ellipse, flat[inside]) if inside.any() else np.empty(0)
    coverage = len(np.unique(np.floor((angles + np.pi) / (2 * np.pi) * _SECTORS).astype(int) % _SECTORS)) / _SECTORS
    share = float(inside.mean())
    cosine, sine = np.cos(ellipse[4]), np.sin(ellipse[4])
    return EllipseFit(
        center=_vector(origin + ellipse[0] * across + ellipse[1] * down),
        major_direction=_direction(cosine * across + sine * down),
        minor_direction=_direction(cosine * down - sine * across),
        major_mm=2 * float(ellipse[2]),
        minor_mm=2 * float(ellipse[3]),
        residual_mean_mm=float(distance[kept].mean()),
        residual_p95_mm=float(np.percentile(distance[kept], 95)),
        inlier_share=share,
        coverage=coverage,
        confidence=share * coverage,
    )


def _fit(points: np.ndarray, refine: bool, spread: float) -> np.ndarray:
    """Return the ellipse (5,) of points (N, 2)."""
    ellipse = direct_ellipses(points[None])[0]
    if np.isfinite(ellipse).all() and refine:
        ellipse = nearest_ellipse(ellipse, points)
    if not np.isfinite(ellipse).all() or ellipse[3] < _FLATTEST * ellipse[2] or ellipse[2] > spread / _FLATTEST:
        msg = "the points lie on no ellipse (all on a line?): fit a line, or take a longer contour"
        raise InputError(msg)
    return ellipse


def _distances_to_sampled(samples: np.ndarray, points: np.ndarray) -> np.ndarray:
    return rough_distances(direct_ellipses(samples), points)


def _plane(offsets: np.ndarray, normal: Vector | None) -> tuple[np.ndarray, np.ndarray]:
    """Return two perpendicular unit vectors in the plane of points."""
    if normal is None:
        axes = np.linalg.svd(offsets, full_matrices=False)[2]
        return axes[0], axes[1]
    up = np.asarray(normal, dtype=float)
    size = float(np.linalg.norm(up))
    if up.shape != (3,) or not np.isfinite(size) or not size > 0:
        msg = f"normal of the plane is {normal}, expected three finite numbers that are not all 0"
        raise InputError(msg)
    helper = np.eye(3)[int(np.abs(up).argmin())]
    across = np.cross(up / size, helper)
    across /= np.linalg.norm(across)
    return across, np.cross(up / size, across)


def _direction(values: np.ndarray) -> Vector:
    return _vector(values * np.sign(values[np.abs(values).argmax()]))


def _vector(values: np.ndarray) -> Vector:
    x, y, z = (float(value) + 0.0 for value in values)
    return (x, y, z)
