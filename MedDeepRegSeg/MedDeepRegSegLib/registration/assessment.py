"""Measure a finished registration and judge it."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.registration.local_match import local_match
from MedDeepRegSegLib.registration.quality import (
    LabelOverlap,
    Quality,
    StageCurve,
    deformation_unevenness,
    dice,
    folding_fraction,
    inverse_consistency,
    mutual_information_of,
    target_registration_error,
)
from MedDeepRegSegLib.registration.result import EngineResult
from MedDeepRegSegLib.registration.transforms import as_matrix, parts, transform_points
from MedDeepRegSegLib.registration.verdict import Findings, verdict
from MedDeepRegSegLib.segmentation.foreground import foreground_mask
from MedDeepRegSegLib.volumes.resampling import isotropic_grid, resample_to

_GRID_MM = 3.0
_SHIFT_MM = 15.0
_POINTS = 20_000


def assess(
    fixed: sitk.Image,
    moving: sitk.Image,
    registered: sitk.Image,
    found: EngineResult,
    inverse: sitk.Transform,
    *,
    notes: Sequence[str] = (),
    fixed_mask: sitk.Image | None = None,
    pairs: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
    labels: tuple[sitk.Image, sitk.Image] | None = None,
    cancel: CancelToken | None = None,
) -> Quality:
    """Return the quality of a registration.

    Parameters
    ----------
    fixed, moving, registered : SimpleITK.Image
    found : EngineResult
    inverse : SimpleITK.Transform
    notes : sequence of str
        What else to tell the person.
    fixed_mask : SimpleITK.Image, optional
        Where to look; by default the body in the fixed image.
    pairs : two arrays (N, 3), optional
        Fixed and moving landmarks.
    labels : two images, optional
        Fixed and moving label map.
    cancel : CancelToken, optional
    """
    body = _body(fixed, cancel)
    mask = body if fixed_mask is None else fixed_mask
    moving_body = _body(moving, cancel)
    grid, inside, points = _body_points(fixed, mask)
    moving_points = _body_points(moving, moving_body)[2]
    if cancel is not None:
        cancel.raise_if_canceled()

    mapped = transform_points(found.transform, points)
    here = _values(fixed, points)
    seen = _values(moving_body, mapped)
    overlap = float(np.isfinite(seen).mean())
    returned = _values(body, transform_points(inverse, moving_points))
    moving_overlap = float(np.isfinite(returned).mean()) if len(returned) else 0.0
    shown, covered = (
        float((values[np.isfinite(values)] != 0).mean()) if np.isfinite(values).any() else 0.0
        for values in (seen, returned)
    )
    before, after = (_information(here, _values(moving, place)) for place in (points, mapped))
    offsets = [np.array(way) * _SHIFT_MM for way in product((-1, 0, 1), repeat=3) if np.abs(way).sum() == 1]
    shifted = tuple(
        _information(here, _values(moving, transform_points(found.transform, points + offset))) for offset in offsets
    )
    if cancel is not None:
        cancel.raise_if_canceled()
    bends = as_matrix(found.transform) is None
    folds = folding_fraction(found.transform, grid, inside)
    uneven = deformation_unevenness(found.transform, grid, inside) if bends else 0.0
    back = inverse_consistency(found.transform, inverse, points)
    errors = errors_before = ()
    if pairs is not None:
        identity = sitk.Transform(3, sitk.sitkIdentity)
        errors = tuple(target_registration_error(found.transform, *pairs).tolist())
        errors_before = tuple(target_registration_error(identity, *pairs).tolist())
    overlaps = _label_overlaps(labels, found.transform) if labels is not None else ()
    findings = Findings(
        information_before=before,
        information_after=after,
        shifted_information=shifted,
        overlap=overlap,
        folding_fraction=folds,
        sd_log_jacobian=uneven,
        inverse_p95_mm=float(np.percentile(back, 95)),
        size_change=_size_change(found.transform),
        ambiguous=found.ambiguous,
        moving_overlap=moving_overlap,
        shown_fraction=shown,
        local_match=local_match(fixed, moving, found.transform, mask, cancel=cancel) if bends else None,
        landmark_errors_mm=errors,
        labels=overlaps,
    )
    judged = verdict(findings, (*notes, *found.notes))
    return Quality(
        light=judged.light,
        reasons=judged.reasons,
        mutual_information_before=before,
        mutual_information_after=after,
        overlap=overlap,
        folding_fraction=folds,
        sd_log_jacobian=uneven,
        inverse_mean_mm=float(back.mean()),
        inverse_p95_mm=findings.inverse_p95_mm,
        landmark_errors_mm=errors,
        landmark_errors_before_mm=errors_before,
        labels=overlaps,
        curves=tuple(StageCurve(stage.name, stage.measure, stage.curve) for stage in found.stages),
        score=judged.score,
        moving_overlap=moving_overlap,
        body_overlap=2 * shown * covered / (shown + covered) if shown + covered else 0.0,
        shown_fraction=shown,
        local_match=findings.local_match,
    )


def _body(image: sitk.Image, cancel: CancelToken | None) -> sitk.Image:
    """Return the mask of the body; of the whole image where none is found, as after a registration within masks."""
    try:
        return foreground_mask(image, "body", cancel=cancel)
    except InputError:
        whole = sitk.Image(image.GetSize(), sitk.sitkUInt8) + 1
        whole.CopyInformation(image)
        return whole


def _body_points(image: sitk.Image, mask: sitk.Image) -> tuple[sitk.Image, sitk.Image, NDArray[np.float64]]:
    """Return a coarse grid, the mask on it, and points (N, 3) evenly spread in the mask, LPS mm."""
    grid = isotropic_grid(image, max(_GRID_MM, max(image.GetSpacing()) / 2))
    inside = resample_to(sitk.Cast(mask != 0, sitk.sitkUInt8), grid, interpolation="nearest", outside=0)
    index = np.argwhere(sitk.GetArrayViewFromImage(inside))[:, ::-1]
    direction = np.array(grid.GetDirection()).reshape(3, 3)
    points = (index * np.array(grid.GetSpacing())) @ direction.T + grid.GetOrigin()
    if len(points) > _POINTS:
        points = points[np.linspace(0, len(points) - 1, _POINTS).astype(int)]
    return grid, inside, points


def _values(image: sitk.Image, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the nearest voxel of each point (N, 3); NaN outside."""
    direction = np.array(image.GetDirection()).reshape(3, 3)
    index = np.linalg.solve(direction, (points - image.GetOrigin()).T) / np.array(image.GetSpacing())[:, None]
    nearest = np.rint(index).astype(np.int64)
    size = np.array(image.GetSize())[:, None]
    inside = np.all((nearest >= 0) & (nearest < size), axis=0)
    x, y, z = np.clip(nearest, 0, size - 1)
    values = sitk.GetArrayViewFromImage(image)[z, y, x].astype(np.float64)
    values[~inside] = np.nan
    return values


def _information(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Return the mutual information where both exist; 0 where hardly any points do."""
    both = np.isfinite(a) & np.isfinite(b)
    return mutual_information_of(a[both], b[both]) if both.sum() > 0.1 * a.size else 0.0


def _size_change(transform: sitk.Transform) -> float:
    """Return the cube root of the determinant of the linear parts."""
    determinant = 1.0
    for part in parts(transform):
        linear = as_matrix(part)
        if linear is not None:
            determinant *= float(np.linalg.det(linear[0]))
    return float(np.cbrt(determinant))


def _label_overlaps(labels: tuple[sitk.Image, sitk.Image], transform: sitk.Transform) -> tuple[LabelOverlap, ...]:
    """Return Dice of each label that both maps have, before and after."""
    fixed, moving = labels
    shared = set(np.unique(sitk.GetArrayViewFromImage(fixed))) & set(np.unique(sitk.GetArrayViewFromImage(moving)))
    before = resample_to(moving, fixed, interpolation="nearest", outside=0)
    after = resample_to(moving, fixed, transform, interpolation="nearest", outside=0)
    return tuple(
        LabelOverlap(int(label), dice(fixed, before, int(label)), dice(fixed, after, int(label)))
        for label in sorted(shared)
        if label != 0
    )
