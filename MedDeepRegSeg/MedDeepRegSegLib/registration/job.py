"""The job "register": files in, a folder with transform, inverse, registered image and quality out."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.jobs.outputs import atomic_folder, write_json
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of
from MedDeepRegSegLib.jobs.schema import to_json
from MedDeepRegSegLib.registration.quality import Quality
from MedDeepRegSegLib.registration.registration import register
from MedDeepRegSegLib.registration.settings import RegistrationSettings
from MedDeepRegSegLib.registration.transforms import read_transform, write_transform
from MedDeepRegSegLib.volumes.reading import read_label_map, read_volume, write_image
from MedDeepRegSegLib.volumes.resampling import resample_to

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Request:
    """What to register.

    Attributes
    ----------
    fixed, moving : Path
        Files, or folders of one DICOM series.
    out : Path
        Folder for the results.
    settings : RegistrationSettings
    fixed_mask, moving_mask : Path, optional
        Label maps: compare only where they are not 0.
    fixed_points, moving_points : tuple of (l, p, s)
        Landmark pairs, LPS mm.
    initial : Path, optional
        Transform to start from, fixed to moving points.
    fixed_labels, moving_labels : Path, optional
        Label maps. The moving one is carried along; with both, their overlap is measured.
    """

    fixed: Path
    moving: Path
    out: Path
    settings: RegistrationSettings = field(default_factory=RegistrationSettings)
    fixed_mask: Path | None = None
    moving_mask: Path | None = None
    fixed_points: tuple[Point, ...] = ()
    moving_points: tuple[Point, ...] = ()
    initial: Path | None = None
    fixed_labels: Path | None = None
    moving_labels: Path | None = None


@dataclass(frozen=True)
class Result:
    """Files that were written, and the quality.

    Attributes
    ----------
    transform : Path
        transform.h5: fixed to moving points, LPS.
    inverse : Path
        inverse.h5: moving to fixed points, LPS.
    registered : Path
        registered.nii.gz: moving intensities on the fixed grid.
    quality_file : Path
        quality.json.
    quality : Quality
    registered_labels : Path or None
        registered_labels.nii.gz: the moving label map on the fixed grid.
    """

    transform: Path
    inverse: Path
    registered: Path
    quality_file: Path
    quality: Quality
    registered_labels: Path | None = None


def run(request: Request, *, progress: Progress = no_progress, cancel: CancelToken | None = None) -> Result:
    """Register and write; nothing is written unless everything is complete."""
    progress(0.0, "Reading")
    fixed = read_volume(request.fixed, "fixed image", progress=part_of(progress, 0.0, 0.02), cancel=cancel)
    moving = read_volume(request.moving, "moving image", progress=part_of(progress, 0.02, 0.04), cancel=cancel)

    def optional(path: Path | None, what: str) -> sitk.Image | None:
        told = part_of(progress, 0.04, 0.04)
        return None if path is None else read_label_map(path, what, progress=told, cancel=cancel)

    fixed_mask = optional(request.fixed_mask, "fixed mask")
    moving_mask = optional(request.moving_mask, "moving mask")
    fixed_labels = optional(request.fixed_labels, "fixed label map")
    moving_labels = optional(request.moving_labels, "moving label map")
    initial = None if request.initial is None else read_transform(request.initial)
    both = fixed_labels is not None and moving_labels is not None
    result = register(
        fixed,
        moving,
        request.settings,
        fixed_mask=fixed_mask,
        moving_mask=moving_mask,
        initial=initial,
        fixed_points=_array(request.fixed_points),
        moving_points=_array(request.moving_points),
        fixed_labels=fixed_labels if both else None,
        moving_labels=moving_labels if both else None,
        progress=part_of(progress, 0.05, 0.93),
        cancel=cancel,
    )
    progress(0.93, "Writing")
    out = request.out
    names = {"transform": "transform.h5", "inverse": "inverse.h5", "registered": "registered.nii.gz"}
    labels_name = "registered_labels.nii.gz"
    with atomic_folder(out) as folder:
        write_transform(result.transform, folder / names["transform"])
        write_transform(result.inverse, folder / names["inverse"])
        write_image(result.registered, folder / names["registered"])
        if moving_labels is not None:
            carried = resample_to(moving_labels, fixed, result.transform, interpolation="nearest", outside=0)
            write_image(carried, folder / labels_name)
        write_json(folder / "quality.json", to_json(result.quality))
        if cancel is not None:
            cancel.raise_if_canceled()
    progress(1.0, "Written")
    return Result(
        transform=out / names["transform"],
        inverse=out / names["inverse"],
        registered=out / names["registered"],
        quality_file=out / "quality.json",
        quality=result.quality,
        registered_labels=out / labels_name if moving_labels is not None else None,
    )


def _array(points: tuple[Point, ...]) -> np.ndarray | None:
    """Return points as (N, 3), None without any."""
    return np.array(points, dtype=np.float64) if points else None
