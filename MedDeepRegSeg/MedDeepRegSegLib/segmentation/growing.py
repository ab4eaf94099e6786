"""Grow a structure from seed points: a classic that needs no model.

Around the seeds, regions of like intensity are grown with bands of several widths, cut at necks of several radii,
and the region with the clearest border is taken (:mod:`.growing_region`). Negative seeds compete: by intensity, and
by the time that a front needs from them, which is slow on edges. Seeds are hard constraints.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of
from MedDeepRegSegLib.segmentation.foreground import foreground_mask
from MedDeepRegSegLib.segmentation.growing_model import Side
from MedDeepRegSegLib.segmentation.growing_refine import Crop, Region, coarse_problem, cut_previous, refined_mask
from MedDeepRegSegLib.segmentation.growing_region import Growth, Problem, best_growth
from MedDeepRegSegLib.segmentation.growing_seeds import (
    check_apart,
    check_foreground,
    checked_box,
    ras_text,
    seed_indices,
)
from MedDeepRegSegLib.segmentation.morphology import dilate
from MedDeepRegSegLib.volumes.geometry import check_label_map, check_same_geometry, check_volume
from MedDeepRegSegLib.volumes.modality import Modality, guess_modality

_BONE_HU = 150.0
_LUNG_HU = -500.0
_GRID = 52  # voxels along an axis of the grid on which regions are compared
_FIRST_REACH_MM = 30.0
_ZOOM = 2.0
_CORRECTION = 1.5


@dataclass(frozen=True)
class GrowingSettings:
    """How a structure is grown."""

    smoothness_mm: float = 1.0
    """Scale of the smoothing of image and border, mm; 0 is none. Details smaller than this are lost."""
    band_width: float | None = None
    """Width of the intensity band in standard deviations around the seeds; chosen by the image if None."""
    neck_radius_mm: float | None = None
    """Connections narrower than this radius are cut, mm; chosen by the image if None, 0 cuts none."""
    max_volume_ml: float = 4000.0
    """Largest volume of the structure, ml."""
    max_extent_mm: float = 250.0
    """Largest distance of the structure from a seed along an axis of the image, mm."""


def grow(
    image: sitk.Image,
    positive: np.ndarray | Sequence[Sequence[float]],
    negative: np.ndarray | Sequence[Sequence[float]] = (),
    *,
    box: np.ndarray | Sequence[Sequence[float]] | None = None,
    foreground: sitk.Image | None = None,
    previous: sitk.Image | None = None,
    settings: GrowingSettings | None = None,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> sitk.Image:
    """Grow a structure from seed points.

    Parameters
    ----------
    image:
        3-D scalar volume, CT or MR.
    positive:
        Points inside the structure, (N, 3) LPS mm, N >= 1 (or 0 with ``previous`` and a negative point).
    negative:
        Points outside of it, (M, 3) LPS mm.
    box:
        Two opposite corners of a box around the structure, (2, 3) LPS mm. Nothing grows out of it.
    foreground:
        Mask on the grid of ``image``; nothing grows where it is 0.
    previous:
        Mask on the grid of ``image`` from before. It is kept; positive points outside of it add to it, negative
        points inside of it cut from it.
    settings:
        See :class:`GrowingSettings`.

    Returns
    -------
    SimpleITK.Image
        uint8 mask on the grid of ``image``. Every positive seed voxel is 1 and every negative one 0.

    Raises
    ------
    InputError
        If a point lies outside the image, in the air around the patient, outside ``box`` or ``foreground``, if a
        point is both positive and negative, or if nothing grows within the limits.
    Canceled
        If ``cancel`` was set.
    """
    settings = GrowingSettings() if settings is None else settings
    cancel = CancelToken() if cancel is None else cancel
    cancel.raise_if_canceled()
    _check_settings(settings)
    check_volume(image)
    inside = seed_indices(image, positive, "positive")
    outside = seed_indices(image, negative, "negative")
    check_apart(inside, outside)
    earlier = _mask_array(image, previous, "previous segment")
    if len(inside) == 0 and not (earlier is not None and earlier.any() and len(outside)):
        msg = "no positive point was given, expected at least one inside the structure: place one"
        raise InputError(msg)
    allowed = _mask_array(image, foreground, "foreground mask")
    limits = checked_box(image, box, inside)
    check_foreground(inside, allowed)
    _check_air(image, inside, allowed, cancel)
    progress(0.05, "Growing")
    shape = image.GetSize()[::-1]
    result = np.zeros(shape, bool) if earlier is None else earlier.copy()
    fresh = inside if earlier is None else inside[~earlier[tuple(inside.T)]]
    # One after the other: what a later click adds does not change what an earlier one found.
    for number, seed in enumerate(fresh):
        if not result[tuple(seed)]:
            # A click that corrects means less than what was found already, or about as much.
            cell_ml = float(np.prod(image.GetSpacing())) / 1000
            found_ml = float(result.sum()) * cell_ml
            largest = (
                min(settings.max_volume_ml, _CORRECTION * found_ml + 1.0) if result.any() else settings.max_volume_ml
            )
            piece = _held_back(
                image,
                seed[None],
                outside,
                allowed=allowed,
                limits=limits,
                settings=replace(settings, max_volume_ml=largest),
                progress=part_of(progress, number / len(fresh), (number + 1) / len(fresh)),
                cancel=cancel,
            )
            if piece is not None:
                result |= piece
            elif not result.any():
                msg = (
                    f"nothing grew within {settings.max_volume_ml:g} ml: the structure has no border against its "
                    "surroundings; add negative points, give a box, or choose a narrower band"
                )
                raise InputError(msg)
    if earlier is not None and len(outside) and result[tuple(outside.T)].any():
        cancel.raise_if_canceled()
        result = cut_previous(image, result, inside, outside)
    result[tuple(outside.T)] = False
    result[tuple(inside.T)] = True
    if not result.any():
        msg = "nothing is left of the segment: the negative points cut all of it, place a positive point inside of it"
        raise InputError(msg)
    mask = sitk.GetImageFromArray(result.astype(np.uint8))
    mask.CopyInformation(image)
    cancel.raise_if_canceled()
    progress(1.0, "Grown")
    return mask


def _check_settings(settings: GrowingSettings) -> None:
    for name, lowest in (("smoothness_mm", 0.0), ("band_width", 0.1), ("neck_radius_mm", 0.0)):
        value = getattr(settings, name)
        if value is not None and not (np.isfinite(value) and value >= lowest):
            msg = f"{name} is {value}, expected a number of at least {lowest:g}"
            raise InputError(msg)
    for name in ("max_volume_ml", "max_extent_mm"):
        value = getattr(settings, name)
        if not (np.isfinite(value) and value > 0):
            msg = f"{name} is {value}, expected a positive number"
            raise InputError(msg)


def _mask_array(image: sitk.Image, mask: sitk.Image | None, what: str) -> np.ndarray | None:
    if mask is None:
        return None
    check_label_map(mask, what)
    check_same_geometry(image, mask, "image", what)
    return sitk.GetArrayViewFromImage(mask) != 0


def _check_air(image: sitk.Image, seeds: np.ndarray, allowed: np.ndarray | None, cancel: CancelToken) -> None:
    """Refuse seeds in the air around the patient. Air inside (lung, bowel) can be grown."""
    if allowed is not None or len(seeds) == 0:
        return
    values = sitk.GetArrayViewFromImage(image)
    modality = guess_modality(image)
    dark = float(np.percentile(values[::3, ::3, ::3], 99)) * 0.1 if modality is not Modality.CT else -700.0
    suspects = [
        seed for seed in seeds if values[tuple(slice(max(part - 1, 0), part + 2) for part in seed)].mean() < dark
    ]
    if not suspects:
        return
    cancel.raise_if_canceled()
    try:
        body = sitk.GetArrayFromImage(foreground_mask(image, "body", cancel=cancel))
    except InputError:
        return  # too small a field of view to tell; the seed may be fine
    for seed in suspects:
        if not body[tuple(seed)]:
            point = image.TransformIndexToPhysicalPoint([int(part) for part in seed[::-1]])
            msg = (
                f"positive point {ras_text(point)} lies in the air outside the patient, expected a point inside the "
                "structure: move it"
            )
            raise InputError(msg)


def _held_back(
    image: sitk.Image,
    inside: np.ndarray,
    outside: np.ndarray,
    *,
    allowed: np.ndarray | None,
    limits: Region | None,
    settings: GrowingSettings,
    progress: Progress,
    cancel: CancelToken,
) -> np.ndarray | None:
    """Return the mask grown from the seeds, in which each negative seed only ever takes something away.

    None if nothing grows within the limits.
    """
    grown = _grown(
        image,
        inside,
        outside[:0],
        allowed=allowed,
        limits=limits,
        settings=settings,
        progress=part_of(progress, 0.0, 0.6),
        cancel=cancel,
    )
    if grown is None:
        return None
    mask = grown
    steps = image.GetSpacing()[::-1]
    for number in range(len(outside)):
        if not mask[tuple(outside[number])]:
            continue
        # A rim beyond the mask lets the border be found again.
        within = dilate(mask, (steps[0], steps[1], steps[2]), 1.01 * max(steps))
        smaller = _grown(
            image,
            inside,
            outside[: number + 1],
            allowed=within if allowed is None else within & allowed,
            limits=limits,
            settings=settings,
            progress=part_of(progress, 0.6 + 0.4 * number / len(outside), 0.6 + 0.4 * (number + 1) / len(outside)),
            cancel=cancel,
        )
        mask = cut_previous(image, mask, inside, outside[: number + 1]) if smaller is None else within & smaller
    return mask


def _grown(
    image: sitk.Image,
    inside: np.ndarray,
    outside: np.ndarray,
    *,
    allowed: np.ndarray | None,
    limits: Region | None,
    settings: GrowingSettings,
    progress: Progress,
    cancel: CancelToken,
) -> np.ndarray | None:
    """Return the mask grown from the seeds, (k, j, i) on the image; None if nothing grows within the limits."""
    reach = _FIRST_REACH_MM
    if limits is not None:
        reach = settings.max_extent_mm
    while True:
        region = _region(image, inside, limits, min(reach, settings.max_extent_mm))
        crop = Crop(image, region, _factors(image, region), allowed, limits, settings.smoothness_mm)
        problem = coarse_problem(crop, inside, outside)
        growth = best_growth(
            problem,
            sides=_sides(image, problem),
            width=settings.band_width,
            neck_mm=settings.neck_radius_mm,
            max_voxels=settings.max_volume_ml * 1000 / float(np.prod(problem.spacing)),
            cancel=cancel,
        )
        progress(0.05 + 0.8 * min(reach / settings.max_extent_mm, 1.0), "Growing")
        if reach >= settings.max_extent_mm or (growth is not None and not _cut_off(growth, problem)):
            break
        reach *= _ZOOM
    if growth is None:
        return None
    cancel.raise_if_canceled()
    result = np.zeros(image.GetSize()[::-1], bool)
    result[region] = refined_mask(crop, problem, growth)
    return result


def _cut_off(growth: Growth, problem: Problem) -> bool:
    """Return whether the crop cuts the region: a larger one is needed."""
    touching = int((growth.mask & problem.open_border).sum())
    return touching > 0.005 * float(growth.mask.sum()) ** (2 / 3) * 6 + 1


def _sides(image: sitk.Image, problem: Problem) -> tuple[Side, ...]:
    """Return which bands to try: bone has no upper limit in CT, lung and air no lower one."""
    if guess_modality(image) is not Modality.CT:
        return ("both",)
    means = [float(problem.values[tuple(seed)]) for seed in problem.positive]
    if min(means) > _BONE_HU:
        return ("both", "above")
    return ("both", "below") if max(means) < _LUNG_HU else ("both",)


def _region(image: sitk.Image, seeds: np.ndarray, limits: Region | None, reach_mm: float) -> Region:
    """Return the part of the image, (k, j, i), within ``reach_mm`` of the seeds and some way around the box."""
    spacing = image.GetSpacing()[::-1]
    bounds = []
    for axis, size in enumerate(image.GetSize()[::-1]):
        margin = int(np.ceil(reach_mm / spacing[axis]))
        start, stop = int(seeds[:, axis].min()) - margin, int(seeds[:, axis].max()) + 1 + margin
        if limits is not None:
            around = int(np.ceil(6.0 / spacing[axis])) + 1
            start, stop = max(start, limits[axis].start - around), min(stop, limits[axis].stop + around)
        bounds.append(slice(max(start, 0), min(stop, size)))
    return bounds[0], bounds[1], bounds[2]


def _factors(image: sitk.Image, region: Region) -> tuple[int, int, int]:
    """Return how many voxels to average, (k, j, i), for a grid of at most about 52 voxels along an axis."""
    spacing = np.array(image.GetSpacing()[::-1])
    extent = np.array([part.stop - part.start for part in region])
    step = max(float(np.max(extent * spacing)) / _GRID, float(spacing.min()))
    factors = np.maximum(np.minimum(np.round(step / spacing), extent // 4), 1).astype(int)
    return int(factors[0]), int(factors[1]), int(factors[2])
