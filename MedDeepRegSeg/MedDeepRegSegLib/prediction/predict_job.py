"""The job that segments image files with a model of one's own."""

from dataclasses import dataclass
from pathlib import Path

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of


@dataclass(frozen=True)
class Request:
    """What to segment."""

    model: Path
    """Folder of a model."""
    images: tuple[Path, ...]
    """Image files or folders of one DICOM series, one for each channel of the model."""
    out: Path
    """Segmentation to write, ``.seg.nrrd``."""
    uncertainty: Path | None = None
    """Map of uncertainty to write, if any."""
    mirrored: bool = False
    """Average with the image mirrored from left to right."""
    device: str = "auto"
    """``auto``, ``cpu`` or ``cuda``."""


@dataclass(frozen=True)
class Result:
    """What was found."""

    segmentation: Path
    """The segmentation that was written."""
    segments: tuple[str, ...]
    """Names of the classes."""
    volumes_ml: tuple[float, ...]
    """Their volumes, ml; 0 where a class was not found."""
    uncertainty: Path | None
    """The map of uncertainty that was written."""
    model: str
    """Name of the model and its SHA-256."""


def run(request: Request, *, progress: Progress = no_progress, cancel: CancelToken | None = None) -> Result:
    """Segment the images and write what was found.

    Raises
    ------
    InputError
        If a file or the model cannot be used.
    MissingPackageError
        If a package is not installed.
    Canceled
        If ``cancel`` was set. Nothing was written then.
    """
    import numpy as np
    import SimpleITK as sitk

    from MedDeepRegSegLib.models.segmenter_folder import load_segmenter
    from MedDeepRegSegLib.prediction.predict import predict
    from MedDeepRegSegLib.segmentation.segmentation_file import write_segmentation
    from MedDeepRegSegLib.volumes.reading import read_volume, write_image

    cancel = CancelToken() if cancel is None else cancel
    if not request.out.name.lower().endswith(".seg.nrrd"):
        msg = f"{request.out.name} is not the name of a segmentation file, expected one that ends in .seg.nrrd"
        raise InputError(msg)
    progress(0.0, "Reading")
    loaded = load_segmenter(request.model, request.device)
    images = []
    for number, path in enumerate(request.images):
        share = [0.1 * (number + step) / len(request.images) for step in (0, 1)]
        images.append(read_volume(path, progress=part_of(progress, *share), cancel=cancel))
    found = predict(
        images,
        loaded,
        uncertainty=request.uncertainty is not None,
        mirrored=request.mirrored,
        progress=part_of(progress, 0.1, 0.95),
        cancel=cancel,
    )
    cancel.raise_if_canceled()
    if request.uncertainty is not None and found.uncertainty is not None:
        write_image(found.uncertainty, request.uncertainty)
    write_segmentation(found.labels, found.segments, request.out)
    highest = max(segment.value for segment in found.segments)
    counts = np.bincount(sitk.GetArrayViewFromImage(found.labels).ravel(), minlength=highest + 1)
    voxel_ml = float(np.prod(found.labels.GetSpacing())) / 1000
    progress(1.0, "Segmented")
    return Result(
        segmentation=request.out,
        segments=tuple(segment.name for segment in found.segments),
        volumes_ml=tuple(float(counts[segment.value]) * voxel_ml for segment in found.segments),
        uncertainty=request.uncertainty,
        model=f"{loaded.description.name} {loaded.description.weights_sha256[:12]}".strip(),
    )
