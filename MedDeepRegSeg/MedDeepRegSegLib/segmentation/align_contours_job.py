"""The job "align-contours": the contours of one segmentation and the mask of another in, the matrix between them out."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.outputs import atomic_folder, write_json
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of
from MedDeepRegSegLib.registration.transforms import invert, write_transform
from MedDeepRegSegLib.segmentation.closest_surface import Freedom
from MedDeepRegSegLib.segmentation.contour_alignment import ContourAlignment, align_contours
from MedDeepRegSegLib.segmentation.contours import mask_contours
from MedDeepRegSegLib.segmentation.overlay import write_png
from MedDeepRegSegLib.segmentation.projection import DrawnLine, contour_sheet
from MedDeepRegSegLib.segmentation.segmentation_file import read_segmentation
from MedDeepRegSegLib.segmentation.segments import Segment
from MedDeepRegSegLib.segmentation.surface_points import SurfacePoints, surface_points
from MedDeepRegSegLib.volumes.geometry import check_same_geometry
from MedDeepRegSegLib.volumes.point_files import read_points
from MedDeepRegSegLib.volumes.reading import read_volume

TRANSFORM, INVERSE, ERRORS, PICTURE = "transform.h5", "inverse.h5", "alignment.json", "alignment.png"
_CONTOUR_POINTS = 8000
_LEAST_MATCHED = 0.5
_BEFORE, _AFTER, _MASK = (0.95, 0.35, 0.3), (1.0, 0.9, 0.2), (0.25, 0.6, 0.95)


@dataclass(frozen=True)
class Request:
    """What to align."""

    contours: Path
    """Moving: ``.seg.nrrd`` or label map whose outlines are taken, or points on contours (``.mrk.json``, ``.fcsv``)."""
    mask: Path
    """Fixed: ``.seg.nrrd`` or label map; all of its segments are one mask."""
    out: Path
    """Folder for the results."""
    kind: Freedom = "rigid"
    """``rigid``, ``similarity`` or ``affine``."""
    image: Path | None = None
    """Image on the grid of the mask, to draw on."""
    seed: int = 0
    """Of the choice of points."""


@dataclass(frozen=True)
class Result:
    """What was found."""

    folder: Path
    """Where the files are."""
    transform: Path
    """``transform.h5``: from points of the mask (fixed) to points of the contours (moving), LPS mm."""
    inverse: Path
    """``inverse.h5``: from moving to fixed points."""
    errors: Path
    """``alignment.json``: the numbers below and more."""
    picture: Path | None
    """``alignment.png``: the contours before and after on the mask; None for points."""
    kind: Freedom
    """What could change."""
    mean_mm: float
    """Mean distance from contour points with a counterpart to the surface of the mask."""
    p95_mm: float
    """95th percentile of it."""
    matched_share: float
    """Share of the contour points with a counterpart."""
    rotation_degrees: float
    """Angle of the rotation."""
    scale: float
    """Enlargement from contours to mask."""
    shift_mm: float
    """Movement of the center of the contours."""
    notes: tuple[str, ...] = ()
    """What a reader should know."""


def run(request: Request, *, progress: Progress = no_progress, cancel: CancelToken | None = None) -> Result:
    """Align and write; nothing is written unless everything is complete.

    Raises
    ------
    InputError
        If a file cannot be used, or the mask or the contours are empty or flat.
    Canceled
        If ``cancel`` was set. Nothing was written then.
    """
    cancel = CancelToken() if cancel is None else cancel
    if request.out.exists() and not request.out.is_dir():
        msg = f"{request.out} is a file, expected a folder to write to: choose another name or remove the file"
        raise InputError(msg)
    progress(0.0, "Reading")
    image = None if request.image is None else read_volume(request.image, cancel=cancel)
    mask = _mask(request.mask, cancel, image)
    if image is not None:
        check_same_geometry(image, mask, "image", f"mask {request.mask.name}")
    moving, points = _contours(request, cancel)
    found = align_contours(
        points, mask, kind=request.kind, seed=request.seed, progress=part_of(progress, 0.1, 0.9), cancel=cancel
    )
    notes = _notes(found)
    told = _numbers(found)
    sheet = None if moving is None else _sheet(moving, mask, image, found)
    progress(0.95, "Writing")
    out = request.out
    with atomic_folder(out) as folder:
        write_transform(found.transform, folder / TRANSFORM)
        write_transform(invert(found.transform, mask), folder / INVERSE)
        write_json(folder / ERRORS, {**told, "notes": list(notes)})
        if sheet is not None:
            write_png(sheet, folder / PICTURE)
        cancel.raise_if_canceled()
    if sheet is None:
        (out / PICTURE).unlink(missing_ok=True)
    progress(1.0, "Aligned")
    return Result(
        folder=out,
        transform=out / TRANSFORM,
        inverse=out / INVERSE,
        errors=out / ERRORS,
        picture=None if sheet is None else out / PICTURE,
        kind=found.kind,
        mean_mm=round(found.mean_mm, 4),
        p95_mm=round(found.p95_mm, 4),
        matched_share=round(found.matched_share, 4),
        rotation_degrees=round(found.rotation_degrees, 3),
        scale=round(found.scale, 5),
        shift_mm=round(found.shift_mm, 3),
        notes=notes,
    )


def _numbers(found: ContourAlignment) -> dict[str, str | float]:
    """Return what is known about an alignment, without its transform, which has files of its own."""
    return {
        name: round(value, 5) if isinstance(value, float) else value
        for name, value in vars(found).items()
        if name != "transform"
    }


def _mask(path: Path, cancel: CancelToken, grid: sitk.Image | None = None) -> sitk.Image:
    labels, _ = read_segmentation(path, grid=grid, cancel=cancel)
    if not sitk.GetArrayViewFromImage(labels).any():
        msg = f"mask {path.name} is empty: draw or grow a segment first"
        raise InputError(msg)
    return sitk.Cast(labels > 0, sitk.sitkUInt8)


def _contours(request: Request, cancel: CancelToken) -> tuple[sitk.Image | None, SurfacePoints | np.ndarray]:
    """Return the mask that the contours outline, or None for points, and the points."""
    if request.contours.name.lower().endswith((".json", ".fcsv")):
        return None, np.array([position for _, position in read_points(request.contours) if position is not None])
    moving = _mask(request.contours, cancel)
    return moving, surface_points(moving, count=_CONTOUR_POINTS, seed=request.seed, cancel=cancel)


def _notes(found: ContourAlignment) -> tuple[str, ...]:
    notes = []
    if found.matched_share < _LEAST_MATCHED:
        notes.append(
            f"only {found.matched_share:.0%} of the contours have a counterpart on the mask: look at the picture before use"
        )
    if not 0.7 < found.scale < 1.4:
        notes.append(f"the contours were scaled by {found.scale:.2f}: are both of the same structure?")
    return tuple(notes)


def _sheet(moving: sitk.Image, mask: sitk.Image, image: sitk.Image | None, found: ContourAlignment) -> np.ndarray:
    """Draw the mask with the contours before and after."""
    through = 2
    lines = [DrawnLine(c.points, c.slice_index, _MASK, c.closed) for c in mask_contours(mask, through)]
    for transform, color in ((sitk.Transform(3, sitk.sitkIdentity), _BEFORE), (found.transform, _AFTER)):
        there = sitk.Resample(moving, mask, transform, sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)
        if sitk.GetArrayViewFromImage(there).any():
            lines += [DrawnLine(c.points, c.slice_index, color, c.closed) for c in mask_contours(there, through)]
    legend = [("Mask", _MASK), ("Contours before", _BEFORE), ("Contours aligned", _AFTER)]
    segment = Segment(1, "Mask", _MASK)
    title = f"{found.kind.capitalize()} alignment: {found.mean_mm:.2f} mm mean, {found.p95_mm:.2f} mm 95th percentile"
    return contour_sheet(
        mask, through, lines, image=image, labels=mask, segments=(segment,), legend=legend, title=title
    )
