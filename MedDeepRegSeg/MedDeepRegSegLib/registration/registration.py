"""Register a moving to a fixed image: check the input, let a method find the transform, invert, resample, judge."""

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk
from numpy.typing import ArrayLike

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of
from MedDeepRegSegLib.registration.assessment import assess
from MedDeepRegSegLib.registration.engines import find_engine
from MedDeepRegSegLib.registration.landmarks import (
    Pairs,
    affine_from_landmarks,
    check_pairs,
    rigid_from_landmarks,
    similarity_from_landmarks,
)
from MedDeepRegSegLib.registration.linear import Linear, closest_rigid, closest_similarity
from MedDeepRegSegLib.registration.result import RegistrationResult
from MedDeepRegSegLib.registration.settings import RegistrationSettings
from MedDeepRegSegLib.registration.threads import one_thread
from MedDeepRegSegLib.registration.transforms import as_matrix, invert, transform_points
from MedDeepRegSegLib.volumes.geometry import (
    check_label_map,
    check_same_geometry,
    check_volume,
    volume_center,
    volume_corners,
    with_geometry_of,
)
from MedDeepRegSegLib.volumes.resampling import Interpolation, resample_to

_SMALLEST_MM, _LARGEST_MM = 5.0, 3000.0


def register(
    fixed: sitk.Image,
    moving: sitk.Image,
    settings: RegistrationSettings | None = None,
    *,
    fixed_mask: sitk.Image | None = None,
    moving_mask: sitk.Image | None = None,
    initial: sitk.Transform | None = None,
    fixed_points: ArrayLike | None = None,
    moving_points: ArrayLike | None = None,
    fixed_labels: sitk.Image | None = None,
    moving_labels: sitk.Image | None = None,
    interpolation: Interpolation = "linear",
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> RegistrationResult:
    """Register ``moving`` to ``fixed``.

    Parameters
    ----------
    fixed, moving : SimpleITK.Image
        3-D scalar images, any spacing and orientation, anywhere in the world.
    settings : RegistrationSettings, optional
    fixed_mask, moving_mask : SimpleITK.Image, optional
        Label maps on the grid of their image: only where they are not 0 are the images compared.
    initial : SimpleITK.Transform, optional
        Fixed to moving points, LPS mm. The search starts here alone. Of a deformable one, the linear part is taken.
    fixed_points, moving_points : array_like, shape (N, 3), optional
        Landmark pairs, LPS mm. They measure the result; with ``settings.points="start"`` the search starts from them.
    fixed_labels, moving_labels : SimpleITK.Image, optional
        Label maps whose overlap is measured before and after.
    interpolation : {"linear", "nearest", "bspline", "lanczos"}
        Of the registered image.
    progress, cancel
        See :mod:`MedDeepRegSegLib.jobs.progress`.

    Returns
    -------
    RegistrationResult

    Raises
    ------
    InputError
        When an input cannot be used; the message says why and what to do.
    Canceled
    """
    settings = settings or RegistrationSettings()
    _check_image(fixed, "fixed")
    _check_image(moving, "moving")
    masks = [
        _check_mask(mask, image, what)
        for mask, image, what in ((fixed_mask, fixed, "fixed"), (moving_mask, moving, "moving"))
    ]
    labels = [
        _check_labels(label_map, image, what)
        for label_map, image, what in ((fixed_labels, fixed, "fixed"), (moving_labels, moving, "moving"))
    ]
    if (fixed_labels is None) != (moving_labels is None):
        msg = "label maps of one image only, expected both or none: add the other one, or leave this one out"
        raise InputError(msg)
    pairs = None
    if fixed_points is not None or moving_points is not None:
        pairs = check_pairs(fixed_points, moving_points)
    start, notes = _start(settings, initial, pairs, fixed)
    engine = find_engine(settings.engine)
    if cancel is not None:
        cancel.raise_if_canceled()

    with one_thread():
        found = engine(
            fixed,
            moving,
            settings,
            fixed_mask=masks[0],
            moving_mask=masks[1],
            start=start,
            pairs=pairs,
            progress=part_of(progress, 0.0, 0.85),
            cancel=cancel,
        )
    progress(0.85, "Inverting the transform")
    inverse = invert(found.transform, fixed, cancel=cancel)
    progress(0.91, "Resampling the moving image")
    if cancel is not None:
        cancel.raise_if_canceled()
    registered = resample_to(moving, fixed, found.transform, interpolation=interpolation)
    progress(0.94, "Judging the result")
    quality = assess(
        fixed,
        moving,
        registered,
        found,
        inverse,
        notes=notes,
        fixed_mask=masks[0],
        pairs=pairs,
        labels=None if labels[0] is None or labels[1] is None else (labels[0], labels[1]),
        cancel=cancel,
    )
    progress(1.0, "Registered")
    return RegistrationResult(found.transform, inverse, registered, found.stages, quality)


def _check_image(image: sitk.Image, what: str) -> None:
    """Raise unless the image is a volume of plausible size."""
    check_volume(image, f"{what} image")
    extent = [size * spacing for size, spacing in zip(image.GetSize(), image.GetSpacing(), strict=True)]
    text = " x ".join(f"{value:.3g}" for value in extent)
    if max(extent) < _SMALLEST_MM:
        msg = (
            f"{what} image measures {text} mm, expected more than {_SMALLEST_MM:g} mm: "
            "its voxel size is probably in meters or centimeters; correct the spacing to mm"
        )
        raise InputError(msg)
    if max(extent) > _LARGEST_MM:
        msg = (
            f"{what} image measures {text} mm, expected at most {_LARGEST_MM:g} mm: "
            "its voxel size is probably in micrometers; correct the spacing to mm"
        )
        raise InputError(msg)


def _check_mask(mask: sitk.Image | None, image: sitk.Image, what: str) -> sitk.Image | None:
    """Return the mask on exactly its image's grid, or raise."""
    if mask is None:
        return None
    check_label_map(mask, f"{what} mask")
    check_same_geometry(image, mask, f"{what} image", f"{what} mask")
    if not np.any(sitk.GetArrayViewFromImage(mask)):
        msg = f"{what} mask is empty: paint the part that counts, or leave the mask out"
        raise InputError(msg)
    return with_geometry_of(mask, image)


def _check_labels(labels: sitk.Image | None, image: sitk.Image, what: str) -> sitk.Image | None:
    """Return the label map on exactly its image's grid, or raise."""
    if labels is None:
        return None
    check_label_map(labels, f"{what} label map")
    check_same_geometry(image, labels, f"{what} image", f"{what} label map")
    return with_geometry_of(labels, image)


def _start(
    settings: RegistrationSettings, initial: sitk.Transform | None, pairs: Pairs | None, fixed: sitk.Image
) -> tuple[Linear | None, Sequence[str]]:
    """Return where to start instead of a search, and what to say about it."""
    if settings.engine == "landmarks":  # has nothing to search
        return None, () if initial is None else ("the initial transform was not used: landmarks alone decide",)
    if settings.points == "start":
        if initial is not None:
            msg = "both an initial transform and landmarks to start from were given, expected one: leave one out"
            raise InputError(msg)
        return _start_from_landmarks(settings, pairs), ()
    return (None, ()) if initial is None else _start_from_transform(settings, initial, fixed)


def _start_from_landmarks(settings: RegistrationSettings, pairs: Pairs | None) -> Linear:
    """Return the map with the freedom that the kind and the number of landmarks allow."""
    if pairs is None:
        msg = "no landmarks to start from, expected 3 pairs or more: place them in both images"
        raise InputError(msg)
    if settings.kind == "similarity":
        return similarity_from_landmarks(*pairs)
    if settings.kind == "rigid" or len(pairs[0]) == 3:
        return rigid_from_landmarks(*pairs)
    return affine_from_landmarks(*pairs)


def _start_from_transform(
    settings: RegistrationSettings, initial: sitk.Transform, fixed: sitk.Image
) -> tuple[Linear, Sequence[str]]:
    """Return the part of a transform that the kind allows, and what was left of it."""
    linear, notes = _linear_part(initial, fixed)
    if settings.kind not in ("rigid", "similarity"):
        return linear, notes
    closest = closest_rigid(linear) if settings.kind == "rigid" else closest_similarity(linear)
    if np.abs(closest.matrix - linear.matrix).max() > 1e-4:
        more = "scales or shears" if settings.kind == "rigid" else "shears"
        notes = (*notes, f"the initial transform {more}; its {settings.kind} part was taken")
    return closest, notes


def _linear_part(initial: sitk.Transform, fixed: sitk.Image) -> tuple[Linear, tuple[str, ...]]:
    """Return the linear map nearest to ``initial`` over the fixed field of view."""
    center = volume_center(fixed)
    exact = as_matrix(initial)
    if exact is not None:
        matrix, offset = exact
        notes: tuple[str, ...] = ()
    else:
        steps = np.stack(np.meshgrid(*[np.linspace(0, 1, 9)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
        box = volume_corners(fixed)
        points = box[0] + steps @ np.stack([box[4] - box[0], box[2] - box[0], box[1] - box[0]])
        mapped = transform_points(initial, points)
        matrix = np.linalg.lstsq(points - points.mean(axis=0), mapped - mapped.mean(axis=0), rcond=None)[0].T
        offset = mapped.mean(axis=0) - matrix @ points.mean(axis=0)
        notes = ("the initial transform is deformable; its linear part was taken",)
    if not np.isfinite(matrix).all() or np.linalg.det(matrix) <= 1e-6:
        msg = "the initial transform mirrors or flattens the image: choose another one, or leave it out"
        raise InputError(msg)
    return Linear(matrix, matrix @ center + offset - center, center), notes
