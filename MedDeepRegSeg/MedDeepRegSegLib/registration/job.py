"""The job "register": files in; a folder with transforms, registered image, pictures and quality out."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.outputs import atomic_folder, write_json
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of
from MedDeepRegSegLib.jobs.schema import to_json
from MedDeepRegSegLib.registration.quality import Quality
from MedDeepRegSegLib.registration.registration import register
from MedDeepRegSegLib.registration.result import RegistrationResult
from MedDeepRegSegLib.registration.settings import RegistrationSettings
from MedDeepRegSegLib.registration.transforms import (
    jacobian_determinant,
    linear_and_field,
    read_transform,
    transform_points,
    write_transform,
)
from MedDeepRegSegLib.volumes.point_files import read_points, write_points
from MedDeepRegSegLib.volumes.point_pairs import ListedPoint
from MedDeepRegSegLib.volumes.reading import read_label_map, read_volume, write_image
from MedDeepRegSegLib.volumes.resampling import Interpolation, resample_to

Point = tuple[float, float, float]

_INTERPOLATIONS = ("linear", "nearest", "bspline", "lanczos")
_NAMES = {
    "transform": "transform.h5",
    "inverse": "inverse.h5",
    "registered": "registered.nii.gz",
    "quality_file": "quality.json",
    "linear": "linear.tfm",
    "deformation": "deformation.nii.gz",
    "jacobian": "jacobian.nii.gz",
    "checkerboard": "checkerboard.png",
    "edges": "edges.png",
    "curve": "curve.png",
    "displacement": "displacement.nii.gz",
    "registered_labels": "registered_labels.nii.gz",
    "registered_points": "registered_points.mrk.json",
}


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
    interpolation : {"linear", "nearest", "bspline", "lanczos"}
        Of the registered image. Outside of the moving image it has the value of air in CT, else its lowest value.
    displacement : bool
        Whether to write the whole displacement on the fixed grid, too.
    carry_points : Path, optional
        Points of the moving image (.mrk.json or .fcsv) to carry to the fixed one.
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
    interpolation: Interpolation = "linear"
    displacement: bool = False
    carry_points: Path | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be used before the work starts."""
        if self.fixed_labels is not None and self.moving_labels is None:
            msg = "a label map of the fixed image only, expected both or that of the moving one: add it, or leave this one out"
            raise InputError(msg)
        if self.interpolation not in _INTERPOLATIONS:
            msg = f"interpolation is {self.interpolation!r}, expected one of {', '.join(_INTERPOLATIONS)}: choose one"
            raise InputError(msg)


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
    linear : Path
        linear.tfm: the linear map alone.
    deformation : Path or None
        deformation.nii.gz: the field alone (mm, LPS), which bends the fixed space before the linear map; only of a
        deformable registration, as ``jacobian``.
    jacobian : Path or None
        jacobian.nii.gz: det of the derivative of the whole transform on the fixed grid; 1 keeps volume.
    checkerboard, edges : Path
        checkerboard.png, edges.png: both images in one picture.
    curve : Path or None
        curve.png: progress of the iterations; None without matplotlib, or without iterations.
    displacement : Path or None
        displacement.nii.gz: displacement (mm, LPS) of the whole transform on the fixed grid.
    registered_labels : Path or None
        registered_labels.nii.gz: the moving label map on the fixed grid.
    registered_points : Path or None
        registered_points.mrk.json: the points of the moving image, where they lie in the fixed one.
    """

    transform: Path
    inverse: Path
    registered: Path
    quality_file: Path
    quality: Quality
    linear: Path
    deformation: Path | None
    jacobian: Path | None
    checkerboard: Path
    edges: Path
    curve: Path | None = None
    displacement: Path | None = None
    registered_labels: Path | None = None
    registered_points: Path | None = None


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
    points = None if request.carry_points is None else read_points(request.carry_points)
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
        interpolation=request.interpolation,
        progress=part_of(progress, 0.05, 0.9),
        cancel=cancel,
    )
    progress(0.9, "Writing")
    with atomic_folder(request.out) as folder:
        _write_transforms(result, fixed, folder, displacement=request.displacement)
        write_image(result.registered, folder / _NAMES["registered"])
        write_json(folder / _NAMES["quality_file"], to_json(result.quality))
        progress(0.95, "Drawing pictures")
        if cancel is not None:
            cancel.raise_if_canceled()
        _write_pictures(result, fixed, fixed_mask, folder, cancel)
        progress(0.98, "Carrying labels and points")
        if moving_labels is not None:
            carried = resample_to(moving_labels, fixed, result.transform, interpolation="nearest", outside=0)
            write_image(carried, folder / _NAMES["registered_labels"])
        if points is not None:
            write_points(_carried(points, result.inverse), folder / _NAMES["registered_points"])
        written = {key: request.out / name for key, name in _NAMES.items() if (folder / name).is_file()}
        if cancel is not None:
            cancel.raise_if_canceled()
    _remove_old(request.out, written)
    progress(1.0, "Written")
    return Result(
        transform=written["transform"],
        inverse=written["inverse"],
        registered=written["registered"],
        quality_file=written["quality_file"],
        quality=result.quality,
        linear=written["linear"],
        deformation=written.get("deformation"),
        jacobian=written.get("jacobian"),
        checkerboard=written["checkerboard"],
        edges=written["edges"],
        curve=written.get("curve"),
        displacement=written.get("displacement"),
        registered_labels=written.get("registered_labels"),
        registered_points=written.get("registered_points"),
    )


def _write_transforms(result: RegistrationResult, fixed: sitk.Image, folder: Path, *, displacement: bool) -> None:
    """Write the composite, its inverse, and its stages apart."""
    write_transform(result.transform, folder / _NAMES["transform"])
    write_transform(result.inverse, folder / _NAMES["inverse"])
    linear, bent = linear_and_field(result.transform)
    write_transform(linear, folder / _NAMES["linear"])
    if bent is not None:
        write_transform(bent, folder / _NAMES["deformation"])
        write_image(jacobian_determinant(result.transform, fixed), folder / _NAMES["jacobian"])
    if displacement:
        write_transform(result.transform, folder / _NAMES["displacement"], reference=fixed)


def _write_pictures(
    result: RegistrationResult, fixed: sitk.Image, mask: sitk.Image | None, folder: Path, cancel: CancelToken | None
) -> None:
    """Draw the pictures through the middle of the mask, or of the body."""
    from MedDeepRegSegLib.registration.pictures import write_checkerboard, write_curve, write_edges
    from MedDeepRegSegLib.segmentation.foreground import foreground_mask

    body = foreground_mask(fixed, "body", cancel=cancel) if mask is None else mask
    write_checkerboard(fixed, result.registered, folder / _NAMES["checkerboard"], mask=body)
    write_edges(fixed, result.registered, folder / _NAMES["edges"], mask=body)
    write_curve(result.quality.curves, folder / _NAMES["curve"])


def _carried(points: tuple[ListedPoint, ...], inverse: sitk.Transform) -> list[ListedPoint]:
    """Return points of the moving image where they lie in the fixed one; those that are not placed stay so."""
    placed = np.array([position for _, position in points if position is not None])
    moved = iter(transform_points(inverse, placed).tolist())
    return [(name, None if position is None else tuple(next(moved))) for name, position in points]


def _remove_old(out: Path, written: dict[str, Path]) -> None:
    """Remove what an earlier run left that this one has not: a field beside a rigid result would mislead."""
    for key, name in _NAMES.items():
        if key not in written:
            (out / name).unlink(missing_ok=True)


def _array(points: tuple[Point, ...]) -> np.ndarray | None:
    """Return points as (N, 3), None without any."""
    return np.array(points, dtype=np.float64) if points else None
