"""Grow a structure from seed points, by the growing network or by the classic method. Seeds are hard constraints."""

import time
from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress
from MedDeepRegSegLib.segmentation.classic_growing import grow_classic
from MedDeepRegSegLib.segmentation.growing_air import AirCheck
from MedDeepRegSegLib.segmentation.growing_seeds import (
    Seeds,
    check_apart,
    check_foreground,
    checked_box,
    mask_array,
    seed_indices,
)
from MedDeepRegSegLib.segmentation.growing_settings import GrowingSettings, check_settings
from MedDeepRegSegLib.volumes.geometry import check_volume

__all__ = ["GrowingSettings", "grow"]


def grow(
    image: sitk.Image,
    positive: np.ndarray | Sequence[Sequence[float]],
    negative: np.ndarray | Sequence[Sequence[float]] = (),
    *,
    box: np.ndarray | Sequence[Sequence[float]] | None = None,
    foreground: sitk.Image | None = None,
    previous: sitk.Image | None = None,
    settings: GrowingSettings | None = None,
    device: str = "cpu",
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
        Mask on the grid of ``image`` from before. Positive points outside of it add to it, negative points inside of
        it cut from it.
    settings:
        See :class:`GrowingSettings`.
    device : {"auto", "cpu", "cuda"}
        Of the network.

    Returns
    -------
    SimpleITK.Image
        uint8 mask on the grid of ``image``. Every positive seed voxel is 1 and every negative one 0.

    Raises
    ------
    InputError
        If a point lies outside the image, in the air around the patient, outside ``box`` or ``foreground``, if a
        point is both positive and negative, or if nothing grows within the limits.
    MissingPackageError
        If the network is asked for and PyTorch is absent.
    Canceled
        If ``cancel`` was set.
    """
    settings = GrowingSettings() if settings is None else settings
    cancel = CancelToken() if cancel is None else cancel
    cancel.raise_if_canceled()
    check_settings(settings)
    check_volume(image)
    inside = seed_indices(image, positive, "positive")
    outside = seed_indices(image, negative, "negative")
    check_apart(inside, outside)
    earlier = mask_array(image, previous, "previous segment")
    if len(inside) == 0 and not (earlier is not None and earlier.any() and len(outside)):
        msg = "no positive point was given, expected at least one inside the structure: place one"
        raise InputError(msg)
    allowed = mask_array(image, foreground, "foreground mask")
    seeds = Seeds(inside, outside, earlier, allowed, checked_box(image, box, inside))
    check_foreground(inside, allowed)
    AirCheck(image)(inside, allowed, cancel)
    if settings.method == "classic":
        result = grow_classic(image, seeds, settings=settings, progress=progress, cancel=cancel)
    else:
        result = _grown_by_network(image, seeds, settings=settings, device=device, progress=progress, cancel=cancel)
    if not result.any():
        msg = "nothing is left of the segment: the negative points cut all of it, place a positive point inside of it"
        raise InputError(msg)
    mask = sitk.GetImageFromArray(result.astype(np.uint8))
    mask.CopyInformation(image)
    cancel.raise_if_canceled()
    progress(1.0, "Grown")
    return mask


def _grown_by_network(
    image: sitk.Image,
    seeds: Seeds,
    *,
    settings: GrowingSettings,
    device: str,
    progress: Progress,
    cancel: CancelToken,
) -> np.ndarray:
    """Return the mask grown from checked seeds at once: the points inside first, then those outside."""
    from MedDeepRegSegLib.segmentation.growing_session import GrowingSession

    session = GrowingSession(image, settings=settings, device=device)
    session.accept(seeds)
    for inside, outside in ((seeds.inside, seeds.outside[:0]), (seeds.inside[:0], seeds.outside)):
        if len(inside) or len(outside):
            session.click_voxels(inside, outside, progress=progress, cancel=cancel, began=time.perf_counter())
    return np.asarray(sitk.GetArrayFromImage(session.mask) > 0)
