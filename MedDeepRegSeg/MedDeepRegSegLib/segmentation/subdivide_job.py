"""The job that divides a structure of an image file into its parts."""

from dataclasses import dataclass
from pathlib import Path

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of
from MedDeepRegSegLib.segmentation.segmentation_file import read_segmentation, write_segmentation


@dataclass(frozen=True)
class Request:
    """What to divide."""

    image: Path
    """Image file, or folder of one DICOM series."""
    out: Path
    """Segmentation to write, ``.seg.nrrd``."""
    model: str = "brain"
    """Name of a model that ships, or folder of a model."""
    segmentation: Path | None = None
    """Segmentation with the structure, on the grid of the image: parts are found only inside it."""
    segment: str = ""
    """Name of the structure among its segments; all of them together where empty."""
    device: str = "auto"
    """``auto``, ``cpu`` or ``cuda``."""


@dataclass(frozen=True)
class Result:
    """What was found."""

    segmentation: Path
    """The segmentation that was written."""
    segments: tuple[str, ...]
    """Names of the parts."""
    volumes_ml: tuple[float, ...]
    """Their volumes, ml."""
    model: str
    """Name and version of the model."""


def run(request: Request, *, progress: Progress = no_progress, cancel: CancelToken | None = None) -> Result:
    """Find the parts and write them.

    Raises
    ------
    InputError
        If a file or the model cannot be used, or no part is found.
    MissingPackageError
        If PyTorch is not installed.
    Canceled
        If ``cancel`` was set. Nothing was written then.
    """
    import numpy as np
    import SimpleITK as sitk

    from MedDeepRegSegLib.models.subdivision_loader import load_subdivision
    from MedDeepRegSegLib.segmentation.subdivision import subdivide
    from MedDeepRegSegLib.volumes.reading import read_volume

    cancel = CancelToken() if cancel is None else cancel
    if not request.out.name.lower().endswith(".seg.nrrd"):
        msg = f"{request.out.name} is not the name of a segmentation file, expected one that ends in .seg.nrrd"
        raise InputError(msg)
    if request.segment and request.segmentation is None:
        msg = f"segment {request.segment!r} is named without a segmentation: give the file that holds it"
        raise InputError(msg)
    progress(0.0, "Reading")
    loaded = load_subdivision(request.model, request.device)
    image = read_volume(request.image, progress=part_of(progress, 0.0, 0.05), cancel=cancel)
    structure = _structure(request, image, cancel)
    labels, segments = subdivide(
        image, loaded, structure=structure, progress=part_of(progress, 0.05, 0.95), cancel=cancel
    )
    cancel.raise_if_canceled()
    write_segmentation(labels, segments, request.out)
    counts = np.bincount(sitk.GetArrayViewFromImage(labels).ravel())
    volumes = tuple(float(counts[segment.value] * np.prod(image.GetSpacing()) / 1000) for segment in segments)
    progress(1.0, f"Found {len(segments)} parts")
    description = loaded.description
    return Result(
        request.out,
        tuple(segment.name for segment in segments),
        volumes,
        f"{description.name} {description.version}",
    )


def _structure(request: Request, image, cancel: CancelToken):
    """Return the mask of the structure, or None."""
    if request.segmentation is None:
        return None
    labels, segments = read_segmentation(request.segmentation, grid=image, cancel=cancel)
    if not request.segment:
        return labels != 0
    wanted = request.segment.strip().lower()
    for segment in segments:
        if segment.name.strip().lower() == wanted:
            return labels == segment.value
    names = ", ".join(repr(segment.name) for segment in segments[:8]) or "none"
    msg = f"{request.segmentation.name} has no segment {request.segment!r}, expected one of its segments ({names})"
    raise InputError(msg)
