"""The job "contours": an image or a segmentation in; contours, fitted curves, tables and pictures out."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.outputs import atomic_folder
from MedDeepRegSegLib.jobs.progress import NOTE, CancelToken, Progress, no_progress, part_of
from MedDeepRegSegLib.segmentation.contour_drawing import drawn_lines, markups_of
from MedDeepRegSegLib.segmentation.contour_fits import FitKind, Row, contour_rows, fit_contours, structure_rows
from MedDeepRegSegLib.segmentation.contours import Contour, mask_contours, slice_axis
from MedDeepRegSegLib.segmentation.edge_contours import edge_contours
from MedDeepRegSegLib.segmentation.overlay import write_png
from MedDeepRegSegLib.segmentation.overlay_plane import Axis
from MedDeepRegSegLib.segmentation.projection import contour_sheet, distinct_segments, projected_volume
from MedDeepRegSegLib.segmentation.segmentation_file import read_segmentation
from MedDeepRegSegLib.segmentation.segments import Segment, default_color
from MedDeepRegSegLib.volumes.curve_files import write_markups
from MedDeepRegSegLib.volumes.geometry import check_same_geometry
from MedDeepRegSegLib.volumes.label_guess import looks_like_labels
from MedDeepRegSegLib.volumes.reading import read_volume, write_image

CONTOURS, FITS, TABLE, STRUCTURES = "contours.mrk.json", "fits.mrk.json", "contours.csv", "structures.csv"
PICTURE, PROJECTION = "contours.png", "projection.nrrd"


@dataclass(frozen=True)
class Request:
    """What to outline."""

    source: Path
    """Image file, folder of one DICOM series, ``.seg.nrrd`` or label map."""
    out: Path
    """Folder for the results."""
    fit: FitKind = "ellipse"
    """Curve to fit to every contour: ``ellipse`` or ``line``."""
    axis: Axis = "axial"
    """Orientation of the slices."""
    source_is: Literal["auto", "image", "segmentation"] = "auto"
    """What the source is; told from its name and values by default."""
    image: Path | None = None
    """Image on the grid of a segmentation, to draw on."""
    overlapping: tuple[Path, ...] = ()
    """Further files with segments that overlap those of the source."""
    level: float | None = None
    """In an image: outline what lies above this value, in its units, instead of its edges."""
    minimum_length_mm: float = 20.0
    """In an image: shortest edge, mm."""
    most: int = 10
    """In an image: largest number of edges in a slice."""
    marked: int = 16
    """Largest number of slices of each structure whose contours become markups, evenly spread."""
    projection: bool = True
    """Whether to write the RGB volume."""
    seed: int = 0
    """Of the random consensus."""


@dataclass(frozen=True)
class Result:
    """What was outlined."""

    folder: Path
    """Where the files are."""
    source_was: Literal["image", "segmentation"]
    """What the source was taken for."""
    contours: int
    """Number of contours in all slices."""
    markups: tuple[Path, ...]
    """``contours.mrk.json`` and, where something could be fitted, ``fits.mrk.json``."""
    table: Path
    """``contours.csv``: one row for each contour."""
    structures: Path | None
    """``structures.csv``: one row for each segment; None for an image."""
    picture: Path
    """``contours.png``: slices with contours and curves."""
    projection: Path | None
    """``projection.nrrd``: red, green and blue, uint8, on the grid of the source."""
    mean_confidence: float
    """Mean confidence of the fits, 0 to 1."""
    fitted: int
    """Number of contours with a curve."""
    notes: tuple[str, ...] = ()
    """What a reader should know."""


@dataclass(frozen=True)
class _Outlined:
    """Contours and what they are drawn on."""

    contours: Mapping[str, Sequence[Contour]]
    segments: tuple[Segment, ...]
    grid: sitk.Image
    image: sitk.Image | None
    layers: int
    labels: sitk.Image | None
    tinted: tuple[Segment, ...]


def run(request: Request, *, progress: Progress = no_progress, cancel: CancelToken | None = None) -> Result:
    """Outline, fit and write; nothing is written unless everything is complete.

    Raises
    ------
    InputError
        If a file or option cannot be used, all segments are empty, or no edge is found.
    Canceled
        If ``cancel`` was set. Nothing was written then.
    """
    cancel = CancelToken() if cancel is None else cancel
    if request.out.exists() and not request.out.is_dir():
        msg = f"{request.out} is a file, expected a folder to write to: choose another name or remove the file"
        raise InputError(msg)
    if request.marked < 1 or request.most < 1:
        msg = f"{min(request.marked, request.most)} contours or slices are asked for, expected 1 or more"
        raise InputError(msg)
    progress(0.0, "Reading")
    from_labels = _is_segmentation(request)
    outlined = (_of_segments if from_labels else _of_image)(request, part_of(progress, 0.02, 0.35), cancel)
    through = slice_axis(outlined.grid, request.axis)
    in_plane = max(size for axis, size in enumerate(outlined.grid.GetSpacing()) if axis != through)
    # The outline of a solid has two sides, of which the best line would choose one.
    robust = request.fit == "ellipse" or not from_labels
    fitted = fit_contours(
        outlined.contours,
        request.fit,
        tolerance_mm=in_plane,
        robust=robust,
        seed=request.seed,
        progress=part_of(progress, 0.35, 0.7),
        cancel=cancel,
    )
    lines, fits, legend = drawn_lines(fitted, outlined.segments)
    outlines, curves, left_out = markups_of(fitted, outlined.segments, request.marked)
    rows = contour_rows(fitted, request.fit, named="Segment" if from_labels else "Edge")
    own_rows = structure_rows(fitted) if from_labels else []
    drawing: dict[str, Any] = {"image": outlined.image, "labels": outlined.labels, "segments": outlined.tinted}
    title = f"Contours with fitted {request.fit}s (white), {request.axis} slices"
    sheet = contour_sheet(
        outlined.grid, through, [*lines, *fits], legend=legend, whole=not from_labels, title=title, **drawing
    )
    volume = None
    if request.projection:
        told = part_of(progress, 0.75, 0.95)
        # Voxels are too coarse for more than the contours.
        volume = projected_volume(outlined.grid, through, lines, progress=told, cancel=cancel, **drawing)
    progress(0.96, "Writing")
    out = request.out
    written = {STRUCTURES: bool(own_rows), FITS: bool(curves), PROJECTION: volume is not None}
    with atomic_folder(out) as folder:
        write_markups(outlines, folder / CONTOURS)
        if curves:
            write_markups(curves, folder / FITS)
        _write_rows(rows, folder / TABLE)
        if own_rows:
            _write_rows(own_rows, folder / STRUCTURES)
        write_png(sheet, folder / PICTURE)
        if volume is not None:
            write_image(volume, folder / PROJECTION)
        cancel.raise_if_canceled()
    # What an earlier run left here and this one did not write belongs to something else.
    for name in (name for name, now in written.items() if not now):
        (out / name).unlink(missing_ok=True)
    notes = _notes(request, left_out, layers=outlined.layers, from_labels=from_labels)
    for note in notes:
        progress(1.0, f"{NOTE}{note}")
    found = [entry.fit.confidence for entry in fitted if entry.fit is not None]
    progress(1.0, "Outlined")
    return Result(
        folder=out,
        source_was="segmentation" if from_labels else "image",
        contours=len(fitted),
        markups=(out / CONTOURS, out / FITS) if curves else (out / CONTOURS,),
        table=out / TABLE,
        structures=out / STRUCTURES if own_rows else None,
        picture=out / PICTURE,
        projection=None if volume is None else out / PROJECTION,
        mean_confidence=round(float(np.mean(found)), 4) if found else 0.0,
        fitted=len(found),
        notes=notes,
    )


def _is_segmentation(request: Request) -> bool:
    if request.source_is != "auto":
        return request.source_is == "segmentation"
    if request.source.name.lower().endswith((".seg.nrrd", ".seg.nhdr")):
        return True
    return request.source.is_file() and looks_like_labels(read_volume(request.source))


def _of_segments(request: Request, progress: Progress, cancel: CancelToken) -> _Outlined:
    if request.level is not None:
        msg = "a level is given for a segmentation, expected one for an image only: leave it out"
        raise InputError(msg)
    image = None if request.image is None else read_volume(request.image, cancel=cancel)
    files = (request.source, *request.overlapping)
    contours: dict[str, list[Contour]] = {}
    found: list[Segment] = []
    first: sitk.Image | None = None
    tinted = 0
    for number, file in enumerate(files):
        labels, segments = read_segmentation(file, grid=image, cancel=cancel)
        if image is not None:
            check_same_geometry(image, labels, "image", f"segmentation {file.name}")
        if first is not None:
            check_same_geometry(first, labels, files[0].name, file.name)
        first = labels if first is None else first
        present = set(np.unique(sitk.GetArrayViewFromImage(labels)).tolist())
        for index, segment in enumerate(segments):
            if segment.value not in present:
                continue
            start = (number + index / max(1, len(segments))) / len(files)
            told = part_of(progress, start, start + 1 / (len(files) * max(1, len(segments))))
            name = _unique(segment.name, contours)
            contours[name] = mask_contours(labels, request.axis, value=segment.value, progress=told, cancel=cancel)
            found.append(Segment(segment.value, name, segment.color))
        tinted = len(found) if number == 0 else tinted
    if first is None or not contours:
        msg = f"segmentation {request.source.name} has no voxels in any segment: draw or grow one first"
        raise InputError(msg)
    colored = distinct_segments(found)
    return _Outlined(contours, colored, first, image, len(files), first, colored[:tinted])


def _of_image(request: Request, progress: Progress, cancel: CancelToken) -> _Outlined:
    if request.image is not None or request.overlapping:
        msg = "an image to draw on is given beside an image, expected it beside a segmentation only: leave it out"
        raise InputError(msg)
    image = read_volume(request.source, progress=part_of(progress, 0, 0.2), cancel=cancel)
    found = edge_contours(
        image,
        request.axis,
        level=request.level,
        minimum_length_mm=request.minimum_length_mm,
        most=request.most,
        progress=part_of(progress, 0.2, 1.0),
        cancel=cancel,
    )
    ranks: dict[int, int] = {}
    contours: dict[str, list[Contour]] = {}
    for contour in found:  # the longest of a slice first
        ranks[contour.slice_index] = rank = ranks.get(contour.slice_index, 0) + 1
        contours.setdefault(f"Edge {rank}", []).append(contour)
    segments = [Segment(rank, name, default_color(rank - 1)) for rank, name in enumerate(contours, start=1)]
    return _Outlined(contours, distinct_segments(segments), image, image, 0, None, ())


def _unique(name: str, taken: Mapping[str, object]) -> str:
    candidates = (name if number == 1 else f"{name} {number}" for number in range(1, len(taken) + 2))
    return next(candidate for candidate in candidates if candidate not in taken)


def _notes(request: Request, left_out: int, *, layers: int, from_labels: bool) -> tuple[str, ...]:
    notes = []
    if request.source_is == "auto" and not request.source.name.lower().endswith(".seg.nrrd"):
        notes.append(f"{request.source.name} was taken for {'a segmentation' if from_labels else 'an image'}")
    if left_out:
        notes.append(f"{left_out} contours are in the table but not in the markups files, to keep these light")
    if layers > 1:
        notes.append("only the first layer of overlapping segments is tinted; all contours are drawn")
    return tuple(notes)


def _write_rows(rows: Sequence[Row], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as table:
        writer = csv.DictWriter(table, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
