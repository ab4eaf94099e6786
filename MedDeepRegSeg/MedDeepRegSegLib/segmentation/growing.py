"""Grow a structure from seed points, by the growing network or by the classic method. Seeds are hard constraints."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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
from MedDeepRegSegLib.segmentation.growing_step import GrowingStep, Point
from MedDeepRegSegLib.volumes.geometry import check_volume

__all__ = ["GrowingSettings", "Grown", "grow", "grow_in_detail"]


@dataclass(frozen=True, eq=False)
class Grown:
    """What has grown, and what is known about it.

    Attributes
    ----------
    mask : SimpleITK.Image
        uint8 on the grid of the image.
    uncertainty : SimpleITK.Image, or None
        How unsure the network is, 0 (sure) to 1 (could be either), float32 on the grid of the image; None where it was
        not asked for.
    suggestion : tuple, or None
        Where the next click would tell most, (LPS mm, whether the structure is thought to be there); None where all is
        clear, and from the classic method.
    adapted : bool
        Whether the network has learned from the corrections.
    notes : tuple of str
        What the user should know.
    """

    mask: sitk.Image
    uncertainty: sitk.Image | None = None
    suggestion: tuple[Point, bool] | None = None
    adapted: bool = False
    notes: tuple[str, ...] = ()


def grow(
    image: sitk.Image,
    positive: np.ndarray | Sequence[Sequence[float]],
    negative: np.ndarray | Sequence[Sequence[float]] = (),
    *,
    box: np.ndarray | Sequence[Sequence[float]] | None = None,
    foreground: sitk.Image | None = None,
    previous: sitk.Image | None = None,
    settings: GrowingSettings | None = None,
    model: Path | None = None,
    device: str = "cpu",
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> sitk.Image:
    """Grow a structure from seed points; :func:`grow_in_detail` says more about it.

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
    model:
        Folder of a growing network of one's own; the one that ships without.
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
    return grow_in_detail(
        image,
        positive,
        negative,
        box=box,
        foreground=foreground,
        previous=previous,
        settings=settings,
        model=model,
        device=device,
        progress=progress,
        cancel=cancel,
    ).mask


def grow_in_detail(
    image: sitk.Image,
    positive: np.ndarray | Sequence[Sequence[float]],
    negative: np.ndarray | Sequence[Sequence[float]] = (),
    *,
    box: np.ndarray | Sequence[Sequence[float]] | None = None,
    foreground: sitk.Image | None = None,
    previous: sitk.Image | None = None,
    settings: GrowingSettings | None = None,
    uncertainty: bool = False,
    model: Path | None = None,
    device: str = "cpu",
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> Grown:
    """Grow a structure as :func:`grow` does, and tell where the next click would help.

    Parameters
    ----------
    uncertainty:
        Tell, too, how unsure the network is, as an image. The other parameters are those of :func:`grow`.

    Raises
    ------
    InputError
        As :func:`grow`, and if the uncertainty of the classic method is asked for.
    """
    settings = GrowingSettings() if settings is None else settings
    cancel = CancelToken() if cancel is None else cancel
    cancel.raise_if_canceled()
    check_settings(settings)
    if model is not None and settings.method == "classic":
        msg = (
            "a model is given with the method classic, expected the network: leave the model out, or choose the network"
        )
        raise InputError(msg)
    if uncertainty and settings.method == "classic":
        msg = "the uncertainty is asked for with the method classic, expected the network: only it knows where it is unsure"
        raise InputError(msg)
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
        array = grow_classic(image, seeds, settings=settings, progress=progress, cancel=cancel)
        grown = Grown(_as_mask(array, image))
    else:
        grown = _grown_by_network(
            image,
            seeds,
            settings=settings,
            uncertainty=uncertainty,
            model=model,
            device=device,
            progress=progress,
            cancel=cancel,
        )
    if not sitk.GetArrayViewFromImage(grown.mask).any():
        msg = "nothing is left of the segment: the negative points cut all of it, place a positive point inside of it"
        raise InputError(msg)
    cancel.raise_if_canceled()
    progress(1.0, "Grown")
    return grown


def _as_mask(array: np.ndarray, image: sitk.Image) -> sitk.Image:
    mask = sitk.GetImageFromArray(array.astype(np.uint8))
    mask.CopyInformation(image)
    return mask


def _grown_by_network(
    image: sitk.Image,
    seeds: Seeds,
    *,
    settings: GrowingSettings,
    uncertainty: bool,
    model: Path | None,
    device: str,
    progress: Progress,
    cancel: CancelToken,
) -> Grown:
    """Return what has grown from checked seeds at once: the points inside first, then those outside."""
    from MedDeepRegSegLib.segmentation.growing_session import GrowingSession

    session = GrowingSession(image, settings=settings, model=model, device=device)
    session.accept(seeds)
    step: GrowingStep | None = None
    for inside, outside in ((seeds.inside, seeds.outside[:0]), (seeds.inside[:0], seeds.outside)):
        if len(inside) or len(outside):
            step = session.click_voxels(inside, outside, progress=progress, cancel=cancel, began=time.perf_counter())
    assert step is not None
    unsure = session.uncertainty() if uncertainty else None
    return Grown(session.mask, unsure, step.suggestion, step.adapted, step.notes)
