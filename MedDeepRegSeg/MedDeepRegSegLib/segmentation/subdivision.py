"""The parts of a structure: every voxel gets the part that the subdivision network finds most likely there.

Chances are interpolated to the grid of the image, not labels, so that borders run between voxels of the working grid.
Islands far smaller than their part are given to what is around them, and the side is decided over a neighborhood.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of
from MedDeepRegSegLib.segmentation.segments import Segment, named_segment
from MedDeepRegSegLib.segmentation.subdivision_chances import Chances, part_chances
from MedDeepRegSegLib.volumes.geometry import check_same_geometry, check_volume

if TYPE_CHECKING:
    from MedDeepRegSegLib.models.subdivision_loader import LoadedSubdivision

_SMALLEST_ISLAND = 0.03  # of the largest piece of a part
_SMALLEST_BODY = 0.2  # of the largest piece of all parts together
_SIDE_MM = 3.0  # standard deviation of the neighborhood that decides the side
_MARGIN_MM = 40.0  # around a structure that is given: what the network looks at beside it
_MARGIN_VOXELS = 16  # at least, of the working size
_LEAST_ML = 1.0


@dataclass(frozen=True)
class _Label:
    """A segment, and the class and side that make it."""

    segment: Segment
    number: int
    side: str


def subdivide(
    image: sitk.Image,
    model: "str | Path | LoadedSubdivision" = "brain",
    *,
    structure: sitk.Image | None = None,
    device: str = "cpu",
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> tuple[sitk.Image, tuple[Segment, ...]]:
    """Return the parts of a structure as a label map on the grid of the image, and what its labels are.

    Parameters
    ----------
    image : SimpleITK.Image
        3-D, scalar, finite; any spacing and orientation. The orientation in its header must be right: it tells left
        from right.
    model : str, Path or LoadedSubdivision
        The name of a model that ships (``"brain"``), the folder of a model, or a model that was loaded.
    structure : SimpleITK.Image, optional
        Mask on the grid of the image; voxels outside of it (0) get no part.
    device : {"auto", "cpu", "cuda"}
    progress, cancel
        As everywhere.

    Returns
    -------
    labels : SimpleITK.Image
        uint8 or uint16, 0 where there is no part.
    segments : tuple of Segment
        Those that have voxels. The value of a part is the same for all images.

    Raises
    ------
    InputError
        If the image, mask or model cannot be used, or no part is found.
    MissingPackageError
        If torch is not installed.
    Canceled
        If ``cancel`` was set.
    """
    from MedDeepRegSegLib.models.subdivision_loader import LoadedSubdivision, load_subdivision

    cancel = CancelToken() if cancel is None else cancel
    check_volume(image)
    loaded = model if isinstance(model, LoadedSubdivision) else load_subdivision(model, device)
    region = _region(image, structure, max(_MARGIN_MM, _MARGIN_VOXELS * loaded.description.spacing_mm.recommended))
    cropped = sitk.RegionOfInterest(image, *region)
    check_volume(cropped, "image around the structure")
    chances = part_chances(cropped, loaded, progress=part_of(progress, 0.0, 0.6), cancel=cancel)
    labels = _labels(loaded)
    settings = loaded.network.settings
    shown = np.array(settings.shown, bool)
    progress(0.6, "Removing islands")
    _drop_islands(chances, shown)
    left = _smooth_side(chances, np.array(settings.sided, bool))
    cancel.raise_if_canceled()
    part, is_left = _interpolated(chances, left, cropped, part_of(progress, 0.65, 0.98), cancel)
    values = np.zeros((len(shown), 2), np.uint16)
    for label in labels:
        sides = {"": (0, 1), "left": (1,), "right": (0,)}[label.side]
        values[label.number, list(sides)] = label.segment.value
    array = np.zeros(image.GetSize()[::-1], np.uint16 if len(labels) > 255 else np.uint8)
    where = tuple(slice(start, start + side) for start, side in zip(region[1][::-1], region[0][::-1], strict=True))
    array[where] = values[part, is_left.astype(np.uint8)]
    if structure is not None:
        array[sitk.GetArrayViewFromImage(structure) == 0] = 0
    present = set(np.unique(array).tolist())
    if (array > 0).sum() * float(np.prod(image.GetSpacing())) < 1000 * _LEAST_ML:
        names = ", ".join(name for name, is_shown in zip(loaded.description.labels, shown[1:], strict=True) if is_shown)
        inside = " inside the structure" if structure is not None else ""
        msg = f"none of the parts was found{inside} ({names}): pick an image that shows them, or another model"
        raise InputError(msg)
    result = sitk.GetImageFromArray(array)
    result.CopyInformation(image)
    progress(1.0, "Parts found")
    return result, tuple(label.segment for label in labels if label.segment.value in present)


def part_segments(loaded: "LoadedSubdivision") -> tuple[Segment, ...]:
    """Return all segments that a model can make."""
    return tuple(label.segment for label in _labels(loaded))


def _labels(loaded: "LoadedSubdivision") -> tuple[_Label, ...]:
    settings = loaded.network.settings
    found: list[_Label] = []
    for number, name in enumerate(loaded.description.labels, start=1):
        if not settings.shown[number]:
            continue
        for side in ("left", "right") if settings.sided[number] else ("",):
            full = f"{side} {name}".strip()
            segment = named_segment(len(found) + 1, full[0].upper() + full[1:])
            found.append(_Label(segment, number, side))
    return tuple(found)


def _region(image: sitk.Image, structure: sitk.Image | None, margin_mm: float) -> tuple[list[int], list[int]]:
    """Return size and start (x, y, z) of what is looked at: all, or the structure with a margin."""
    size = np.array(image.GetSize())
    if structure is None:
        return size.tolist(), [0, 0, 0]
    check_same_geometry(image, structure, "image", "structure")
    mask = sitk.GetArrayViewFromImage(structure) != 0
    if not mask.any():
        msg = "the structure has no voxels, expected a segment that is not empty: draw it, or leave it out"
        raise InputError(msg)
    along = [np.flatnonzero(mask.any(axis=axes)) for axes in ((0, 1), (0, 2), (1, 2))]
    margin = np.ceil(margin_mm / np.array(image.GetSpacing())).astype(int)
    low = np.maximum([part[0] for part in along] - margin, 0)
    high = np.minimum(np.maximum([part[-1] for part in along] + margin, low + 2 * margin), size - 1)
    low = np.maximum(np.minimum(low, high - 2 * margin), 0)  # a structure at the border is looked at from one side
    return (high - low + 1).tolist(), low.tolist()


def _drop_islands(chances: Chances, shown: np.ndarray) -> None:
    """Give pieces far smaller than the largest one of their part, or away from the body of all parts, to their neighbors."""
    from scipy import ndimage

    best = chances.parts.argmax(axis=0)
    body = _large_pieces(shown[best], _SMALLEST_BODY)
    dropped = shown[best] & ~body
    for number in np.flatnonzero(shown):
        own = (best == number) & body
        dropped |= own & ~_large_pieces(own, _SMALLEST_ISLAND)
    if dropped.any() and not dropped.all():
        nearest = ndimage.distance_transform_edt(dropped, return_distances=False, return_indices=True)
        chances.parts[:, dropped] = chances.parts[:, *nearest[:, dropped]]


def _large_pieces(mask: np.ndarray, fraction: float) -> np.ndarray:
    """Return the pieces (26 neighbors) of at least this fraction of the largest one."""
    from scipy import ndimage

    pieces, count = ndimage.label(mask, np.ones((3, 3, 3)))
    if count < 2:
        return mask
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return (sizes >= fraction * sizes.max())[pieces] & mask


def _smooth_side(chances: Chances, sided: np.ndarray) -> np.ndarray:
    """Return the logit of the left side as the mean over a neighborhood of what has sides."""
    from scipy import ndimage

    sigma = _SIDE_MM / chances.grid.GetSpacing()[0]
    weight = chances.parts[sided].sum(axis=0) + 1e-4
    return ndimage.gaussian_filter(weight * np.clip(chances.left, -8, 8), sigma) / ndimage.gaussian_filter(
        weight, sigma
    )


def _interpolated(
    chances: Chances, left: np.ndarray, image: sitk.Image, progress: Progress, cancel: CancelToken
) -> tuple[np.ndarray, np.ndarray]:
    """Return the most likely class at every voxel of an image, and whether it lies on the left."""

    def resampled(array: np.ndarray, outside: float) -> np.ndarray:
        volume = sitk.GetImageFromArray(np.ascontiguousarray(array, np.float32))
        volume.CopyInformation(chances.grid)
        grid = sitk.Resample(volume, image, sitk.Transform(), sitk.sitkLinear, outside, sitk.sitkFloat32, True)
        return sitk.GetArrayFromImage(grid)

    highest = resampled(chances.parts[0], 1.0)
    part = np.zeros(highest.shape, np.uint8)
    for number in range(1, len(chances.parts)):
        cancel.raise_if_canceled()
        progress(number / len(chances.parts), "Bringing the parts to the grid of the image")
        if chances.parts[number].max() < 0.05:
            continue
        own = resampled(chances.parts[number], 0.0)
        better = own > highest
        part[better] = number
        np.copyto(highest, own, where=better)
    return part, resampled(left, 0.0) > 0
