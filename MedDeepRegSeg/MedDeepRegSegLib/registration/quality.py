"""How good a registration is: numbers, and one light with its reasons in words."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import SimpleITK as sitk
from numpy.typing import ArrayLike, NDArray

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.registration.landmarks import check_pairs
from MedDeepRegSegLib.registration.transforms import jacobian_determinant, transform_points

Light = Literal["good", "check", "failed"]


@dataclass(frozen=True)
class StageCurve:
    """Values of one stage after each iteration; ``measure`` is "similarity" (more is better) or "cost" (less is)."""

    name: str
    measure: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class LabelOverlap:
    """Dice coefficient (0 none, 1 full overlap) of one label before and after the registration."""

    label: int
    before: float
    after: float


@dataclass(frozen=True)
class LocalMatch:
    """How well edges of both images match in the body, without and with the deformation.

    Attributes
    ----------
    linear, deformed : float
        Mean agreement of edges, 0 to 1, with the linear map alone and with the deformation.
    worse_fraction : float
        Fraction of the body in which the deformation made it worse.
    bend_mm : float
        Mean displacement by the deformation in the body.
    """

    linear: float
    deformed: float
    worse_fraction: float
    bend_mm: float

    @property
    def gain(self) -> float:
        """How much better the deformation made it: 0.1 is 10 %; below 0 it got worse."""
        return self.deformed / max(self.linear, 1e-6) - 1.0


@dataclass(frozen=True)
class Quality:
    """Quality of a registration.

    Attributes
    ----------
    light : {"good", "check", "failed"}
    reasons : tuple of str
        Why, one sentence each.
    mutual_information_before, mutual_information_after : float
        In nats, inside the fixed foreground. 0 where the images do not overlap.
    overlap : float
        Fraction of the fixed foreground inside of the moving field of view, 0 to 1.
    folding_fraction : float
        Fraction of the fixed foreground where det J <= 0.
    sd_log_jacobian : float
        Standard deviation of log det J there: how uneven the deformation is.
    inverse_mean_mm, inverse_p95_mm : float
        Distance between a point and where transform and inverse return it.
    landmark_errors_mm : tuple of float
        Distance of each landmark pair after the registration; empty without landmarks.
    landmark_errors_before_mm : tuple of float
        The same without any transform.
    labels : tuple of LabelOverlap
    curves : tuple of StageCurve
    score : float
        1 without any remark; less with each, see :func:`MedDeepRegSegLib.registration.verdict.score_of`.
    moving_overlap : float
        Fraction of the moving body inside of the fixed field of view, 0 to 1.
    body_overlap : float
        Dice coefficient of both bodies where both images see.
    shown_fraction : float
        Fraction of the fixed body, as far as it lies inside the moving field of view, where the moving image shows body.
    local_match : LocalMatch or None
        None where nothing bends.
    """

    light: Light
    reasons: tuple[str, ...]
    mutual_information_before: float
    mutual_information_after: float
    overlap: float
    folding_fraction: float
    sd_log_jacobian: float
    inverse_mean_mm: float
    inverse_p95_mm: float
    landmark_errors_mm: tuple[float, ...] = ()
    landmark_errors_before_mm: tuple[float, ...] = ()
    labels: tuple[LabelOverlap, ...] = ()
    curves: tuple[StageCurve, ...] = ()
    score: float = 1.0
    moving_overlap: float = 1.0
    body_overlap: float = 1.0
    shown_fraction: float = 1.0
    local_match: LocalMatch | None = None


def target_registration_error(
    transform: sitk.Transform, fixed_points: ArrayLike, moving_points: ArrayLike
) -> NDArray[np.float64]:
    """Return the distance (N,), mm, of each mapped fixed point from its moving partner.

    Parameters
    ----------
    transform : SimpleITK.Transform
        Fixed to moving points.
    fixed_points, moving_points : array_like, shape (N, 3)
        Pairs, LPS mm.
    """
    fixed, moving = check_pairs(fixed_points, moving_points)
    return np.linalg.norm(transform_points(transform, fixed) - moving, axis=1)


def consistency_error(
    transform: sitk.Transform, transform_of_moved: sitk.Transform, known: sitk.Transform, points: ArrayLike
) -> NDArray[np.float64]:
    """Return how far two registrations disagree, mm, through a known transform.

    Parameters
    ----------
    transform : SimpleITK.Transform
        Fixed points to points of the moving image.
    transform_of_moved : SimpleITK.Transform
        Fixed points to points of the moved copy of the moving image.
    known : SimpleITK.Transform
        Points of the moved copy to points of the moving image (the copy was resampled through it).
    points : array_like, shape (N, 3)
        Fixed points, LPS mm.

    Returns
    -------
    ndarray, shape (N,)
        ``|known(transform_of_moved(p)) - transform(p)|``: how repeatable the registration is, not how true.
    """
    fixed = np.asarray(points, dtype=np.float64)
    again = transform_points(known, transform_points(transform_of_moved, fixed))
    return np.linalg.norm(again - transform_points(transform, fixed), axis=1)


def folding_fraction(transform: sitk.Transform, reference: sitk.Image, mask: sitk.Image | None = None) -> float:
    """Return the fraction of voxels (of ``mask``, on the grid of ``reference``) with det J <= 0."""
    return float((_determinants(transform, reference, mask) <= 0).mean())


def deformation_unevenness(transform: sitk.Transform, reference: sitk.Image, mask: sitk.Image | None = None) -> float:
    """Return the standard deviation of log det J; determinants below 0.001 count as 0.001."""
    return float(np.std(np.log(np.maximum(_determinants(transform, reference, mask), 1e-3))))


def _determinants(transform: sitk.Transform, reference: sitk.Image, mask: sitk.Image | None) -> NDArray[np.float32]:
    values = sitk.GetArrayFromImage(jacobian_determinant(transform, reference))
    if mask is None:
        return values.ravel()
    chosen = values[sitk.GetArrayViewFromImage(mask) != 0]
    if not chosen.size:
        msg = "the mask for the Jacobian is empty: give a mask that covers the body"
        raise InputError(msg)
    return chosen


def inverse_consistency(transform: sitk.Transform, inverse: sitk.Transform, points: ArrayLike) -> NDArray[np.float64]:
    """Return the distance (N,), mm, between fixed points and where transform and inverse return them."""
    fixed = np.asarray(points, dtype=np.float64)
    back = transform_points(inverse, transform_points(transform, fixed))
    return np.linalg.norm(back - fixed, axis=1)


def mutual_information(
    fixed: sitk.Image, moving: sitk.Image, mask: sitk.Image | None = None, *, bins: int = 32
) -> float:
    """Return the mutual information, nats, of two images on one grid, by their joint histogram.

    Parameters
    ----------
    fixed, moving : SimpleITK.Image
        Same grid. Values are clamped to their 0.5th to 99.5th percentile.
    mask : SimpleITK.Image, optional
        Where to look.
    bins : int
        Bins of each image.
    """
    a, b = sitk.GetArrayViewFromImage(fixed), sitk.GetArrayViewFromImage(moving)
    if a.shape != b.shape:
        msg = (
            f"images have sizes {fixed.GetSize()} and {moving.GetSize()}, expected one grid: resample one to the other"
        )
        raise InputError(msg)
    if mask is not None:
        inside = sitk.GetArrayViewFromImage(mask) != 0
        a, b = a[inside], b[inside]
    return mutual_information_of(a.ravel(), b.ravel(), bins=bins)


def mutual_information_of(a: NDArray, b: NDArray, *, bins: int = 32) -> float:
    """Return the mutual information, nats, of two lists of values; 0 with fewer than two."""
    if a.size < 2:
        return 0.0
    limits = [np.percentile(values, [0.5, 99.5]) for values in (a, b)]
    if any(high <= low for low, high in limits):
        return 0.0
    indices = [
        np.clip(((values - low) / (high - low) * bins).astype(np.int64), 0, bins - 1)
        for values, (low, high) in zip((a, b), limits, strict=True)
    ]
    joint = np.bincount(indices[0] * bins + indices[1], minlength=bins * bins).reshape(bins, bins) / a.size
    product = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    filled = joint > 0
    return max(0.0, float((joint[filled] * np.log(joint[filled] / product[filled])).sum()))


def dice(a: sitk.Image, b: sitk.Image, label: int = 1) -> float:
    """Return the Dice coefficient of one label of two label maps on one grid; 1 where both lack it."""
    if a.GetSize() != b.GetSize():
        msg = f"label maps have sizes {a.GetSize()} and {b.GetSize()}, expected one grid: resample one to the other"
        raise InputError(msg)
    first = sitk.GetArrayViewFromImage(a) == label
    second = sitk.GetArrayViewFromImage(b) == label
    total = int(first.sum()) + int(second.sum())
    return 1.0 if not total else 2.0 * float((first & second).sum()) / total
