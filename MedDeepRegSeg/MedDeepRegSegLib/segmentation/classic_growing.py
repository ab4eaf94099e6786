"""Grow a structure from seed points: a classic that needs no model.

Around the seeds, regions of like intensity are grown with bands of several widths, cut at necks of several radii,
and the region with the clearest border is taken (:mod:`.classic_growing_region`). Negative seeds compete: by intensity, and
by the time that a front needs from them, which is slow on edges. Seeds are hard constraints.
"""

from dataclasses import replace

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, part_of
from MedDeepRegSegLib.segmentation.classic_growing_model import Side
from MedDeepRegSegLib.segmentation.classic_growing_refine import (
    Crop,
    Region,
    coarse_problem,
    cut_previous,
    refined_mask,
)
from MedDeepRegSegLib.segmentation.classic_growing_region import Growth, Problem, best_growth
from MedDeepRegSegLib.segmentation.growing_seeds import Seeds
from MedDeepRegSegLib.segmentation.growing_settings import GrowingSettings
from MedDeepRegSegLib.segmentation.morphology import dilate
from MedDeepRegSegLib.volumes.modality import Modality, guess_modality

_BONE_HU = 150.0
_LUNG_HU = -500.0
_GRID = 52  # voxels along an axis of the grid on which regions are compared
_FIRST_REACH_MM = 30.0
_ZOOM = 2.0
_CORRECTION = 1.5


def grow_classic(
    image: sitk.Image,
    seeds: Seeds,
    *,
    settings: GrowingSettings,
    progress: Progress,
    cancel: CancelToken,
) -> np.ndarray:
    """Return the mask (k, j, i), bool, grown from checked seeds.

    Raises
    ------
    InputError
        If nothing grows within the limits.
    Canceled
        If ``cancel`` was set.
    """
    inside, outside, earlier = seeds.inside, seeds.outside, seeds.previous
    allowed, limits = seeds.allowed, seeds.box
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
    return result


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
