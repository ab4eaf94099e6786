"""The job that makes a foreground mask of an image file."""

from dataclasses import dataclass
from pathlib import Path

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of
from MedDeepRegSegLib.segmentation.foreground import Structure, foreground_mask, foreground_segments
from MedDeepRegSegLib.segmentation.segmentation_file import write_segmentation


@dataclass(frozen=True)
class Request:
    """What to find."""

    image: Path
    """Image file, or folder of one DICOM series."""
    out: Path
    """Segmentation to write, ``.seg.nrrd``."""
    what: Structure = "body"
    """Which structure."""


@dataclass(frozen=True)
class Result:
    """What was found."""

    segmentation: Path
    """The segmentation that was written."""
    segments: tuple[str, ...]
    """Names of its segments."""
    volumes_ml: tuple[float, ...]
    """Their volumes, ml."""


def run(request: Request, *, progress: Progress = no_progress, cancel: CancelToken | None = None) -> Result:
    """Find the structure and write it.

    Raises
    ------
    InputError
        If the image cannot be used or does not show the structure.
    Canceled
        If ``cancel`` was set. Nothing was written then.
    """
    import numpy as np
    import SimpleITK as sitk

    from MedDeepRegSegLib.volumes.reading import read_volume

    if not request.out.name.lower().endswith(".seg.nrrd"):
        msg = f"{request.out.name} is not the name of a segmentation file, expected one that ends in .seg.nrrd"
        raise InputError(msg)
    progress(0.0, "Reading")
    image = read_volume(request.image, progress=part_of(progress, 0.0, 0.1), cancel=cancel)
    mask = foreground_mask(image, request.what, progress=part_of(progress, 0.1, 0.9), cancel=cancel)
    segments = foreground_segments(request.what)
    if cancel is not None:
        cancel.raise_if_canceled()
    write_segmentation(mask, segments, request.out)
    counts = np.bincount(sitk.GetArrayViewFromImage(mask).ravel(), minlength=len(segments) + 1)
    volumes = tuple(float(counts[segment.value] * np.prod(image.GetSpacing()) / 1000) for segment in segments)
    progress(1.0, f"Found the {request.what}")
    return Result(request.out, tuple(segment.name for segment in segments), volumes)
