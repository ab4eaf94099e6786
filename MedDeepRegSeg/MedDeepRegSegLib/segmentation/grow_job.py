"""The job that grows a structure in an image file from points."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.outputs import atomic_path
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of
from MedDeepRegSegLib.segmentation.growing import GrowingSettings, grow_in_detail
from MedDeepRegSegLib.segmentation.growing_seeds import seed_indices
from MedDeepRegSegLib.segmentation.segmentation_file import read_segmentation, write_segmentation
from MedDeepRegSegLib.segmentation.segments import Segment, free_value, named_segment
from MedDeepRegSegLib.volumes.geometry import check_same_geometry

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Request:
    """What to grow."""

    image: Path
    """Image file, or folder of one DICOM series."""
    out: Path
    """Segmentation to write, ``.seg.nrrd``."""
    positive: tuple[Point, ...] = ()
    """Points inside the structure, LPS mm."""
    negative: tuple[Point, ...] = ()
    """Points outside of it, LPS mm."""
    box: tuple[float, float, float, float, float, float] | None = None
    """Two opposite corners of a box that holds the structure, LPS mm."""
    foreground: Path | None = None
    """Mask to stay in: all segments of this file."""
    previous: Path | None = None
    """Segmentation to go on from. Its segments stay; the one named ``name`` is extended or cut, else one is added."""
    name: str = "Structure"
    """Name of the segment."""
    settings: GrowingSettings = field(default_factory=GrowingSettings)
    """How to grow."""
    uncertainty: Path | None = None
    """Image file to write: how unsure the answer is, 0 (sure) to 1 (could be either). None is written without."""
    model: Path | None = None
    """Folder of a growing network of one's own; the one that ships without."""
    device: str = "cpu"
    """``auto``, ``cpu`` or ``cuda``."""


@dataclass(frozen=True)
class Suggestion:
    """Where the next point would tell most."""

    ras_mm: Point
    """RAS mm, as the command takes points."""
    inside: bool
    """Whether the structure is thought to be there."""


@dataclass(frozen=True)
class Result:
    """What was grown."""

    segmentation: Path
    """The segmentation that was written."""
    segment: str
    """Name of the segment that was grown."""
    value: int
    """Its label value."""
    volume_ml: float
    """Its volume, ml."""
    uncertainty: Path | None = None
    """The image of the uncertainty, where one was asked for."""
    suggestion: Suggestion | None = None
    """Where the next point would tell most; None where all is clear, and from the classic method."""
    adapted: bool = False
    """Whether the network has learned from points that said that it was wrong."""
    notes: tuple[str, ...] = ()
    """What the user should know."""


def run(request: Request, *, progress: Progress = no_progress, cancel: CancelToken | None = None) -> Result:
    """Grow the structure and write it, together with the segments of ``previous``.

    Voxels of other segments of ``previous`` are left to them.

    Raises
    ------
    InputError
        If a file or point cannot be used, or nothing grows.
    Canceled
        If ``cancel`` was set. Nothing was written then.
    """
    from MedDeepRegSegLib.volumes.reading import read_volume, write_image

    if not request.out.name.lower().endswith(".seg.nrrd"):
        msg = f"{request.out.name} is not the name of a segmentation file, expected one that ends in .seg.nrrd"
        raise InputError(msg)
    if request.uncertainty is not None:
        _check_uncertainty(request.uncertainty, request.out)
    progress(0.0, "Reading")
    image = read_volume(request.image, progress=part_of(progress, 0.0, 0.1), cancel=cancel)
    labels, segments = _previous(request, image, progress, cancel)
    own = next((segment for segment in segments if segment.name == request.name), None)
    segment = named_segment(free_value(segments), request.name) if own is None else own
    array = np.zeros(image.GetSize()[::-1], np.uint16) if labels is None else sitk.GetArrayFromImage(labels)
    _check_free(request, image, array, segments, segment)
    found = grow_in_detail(
        image,
        request.positive,
        request.negative,
        box=None if request.box is None else (request.box[:3], request.box[3:]),
        foreground=_allowed(request, image, array, segment, progress, cancel),
        previous=None if own is None else _mask(array == own.value, image),
        settings=request.settings,
        uncertainty=request.uncertainty is not None,
        model=request.model,
        device=request.device,
        progress=part_of(progress, 0.1, 0.95),
        cancel=cancel,
    )
    array = array.astype(np.uint16)
    array[array == segment.value] = 0
    array[sitk.GetArrayViewFromImage(found.mask) > 0] = segment.value
    grown = sitk.GetImageFromArray(array)
    grown.CopyInformation(image)
    if cancel is not None:
        cancel.raise_if_canceled()
    with ExitStack() as outputs:  # both appear, or none
        if request.uncertainty is not None and found.uncertainty is not None:
            temporary = outputs.enter_context(atomic_path(request.uncertainty))
            write_image(found.uncertainty, temporary)
        write_segmentation(grown, segments if own is not None else (*segments, segment), request.out)
    volume = float((array == segment.value).sum() * np.prod(image.GetSpacing()) / 1000)
    progress(1.0, f"Grown {segment.name}")
    return Result(
        request.out,
        segment.name,
        segment.value,
        volume,
        uncertainty=request.uncertainty,
        suggestion=None if found.suggestion is None else _suggestion(*found.suggestion),
        adapted=found.adapted,
        notes=found.notes,
    )


def _suggestion(lps: Point, inside: bool) -> Suggestion:
    # 0.0 - x instead of -x, so that no negative zero appears in messages.
    return Suggestion((round(0.0 - lps[0], 2), round(0.0 - lps[1], 2), round(lps[2], 2)), inside)


def _check_uncertainty(path: Path, segmentation: Path) -> None:
    """Refuse a name that the image of the uncertainty cannot have, before anything is computed."""
    from MedDeepRegSegLib.volumes.reading import WRITABLE_SUFFIXES

    name = path.name.lower()
    if not name.endswith(WRITABLE_SUFFIXES) or name.endswith(".seg.nrrd"):
        msg = f"{path.name} is not the name of an image file, expected for example uncertainty.nrrd"
        raise InputError(msg)
    if path.resolve() == segmentation.resolve():
        msg = f"the uncertainty and the segmentation have one name, {path.name}: choose another one for the uncertainty"
        raise InputError(msg)


def _check_free(
    request: Request, image: sitk.Image, array: np.ndarray, segments: tuple[Segment, ...], segment: Segment
) -> None:
    """Refuse positive points in another segment: segments do not overlap."""
    for k, j, i in seed_indices(image, request.positive, "positive"):
        value = int(array[k, j, i])
        if value not in (0, segment.value):
            name = next(other.name for other in segments if other.value == value)
            msg = (
                f"a positive point lies in segment {name!r} of the previous segmentation, expected a place that is free: "
                f"name that segment to extend it, or remove it first"
            )
            raise InputError(msg)


def _previous(
    request: Request, image: sitk.Image, progress: Progress, cancel: CancelToken | None
) -> tuple[sitk.Image | None, tuple[Segment, ...]]:
    if request.previous is None:
        return None, ()
    labels, segments = read_segmentation(
        request.previous, grid=image, progress=part_of(progress, 0.1, 0.1), cancel=cancel
    )
    check_same_geometry(image, labels, "image", "previous segmentation")
    return labels, segments


def _allowed(  # noqa: PLR0917 - parts of one job
    request: Request,
    image: sitk.Image,
    array: np.ndarray,
    segment: Segment,
    progress: Progress,
    cancel: CancelToken | None,
) -> sitk.Image | None:
    """Return where the structure may grow: in the foreground, and not in other segments."""
    others = (array != 0) & (array != segment.value)
    if request.foreground is None:
        return _mask(~others, image) if others.any() else None
    foreground, _ = read_segmentation(
        request.foreground, grid=image, progress=part_of(progress, 0.1, 0.1), cancel=cancel
    )
    check_same_geometry(image, foreground, "image", "foreground mask")
    return _mask((sitk.GetArrayViewFromImage(foreground) > 0) & ~others, image)


def _mask(array: np.ndarray, image: sitk.Image) -> sitk.Image:
    mask = sitk.GetImageFromArray(array.astype(np.uint8))
    mask.CopyInformation(image)
    return mask
