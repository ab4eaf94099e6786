"""The job that measures the segments of a file into a table."""

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.outputs import atomic_path
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of
from MedDeepRegSegLib.segmentation.measurement import Code, Measurement
from MedDeepRegSegLib.segmentation.measurement_families import chosen_families
from MedDeepRegSegLib.segmentation.measurements import (
    NOTE_COLUMN,
    SegmentMeasurements,
    column_title,
    measure,
    measurement_columns,
    measurement_rows,
)
from MedDeepRegSegLib.segmentation.segmentation_file import read_segmentation
from MedDeepRegSegLib.segmentation.segments import Segment
from MedDeepRegSegLib.segmentation.texture_matrices import TextureSettings
from MedDeepRegSegLib.wording import counted

_MANY = 100
"""More values without names than this are hardly a segmentation: images have so many."""


@dataclass(frozen=True)
class Request:
    """What to measure."""

    segmentation: Path
    """``.seg.nrrd``, a label map or a DICOM SEG."""
    out: Path
    """Table to write, ``.csv``."""
    image: Path | None = None
    """Image on the grid of the segmentation, for intensity statistics."""
    overlapping: tuple[Path, ...] = ()
    """Further files with segments that overlap those of ``segmentation``; their rows follow."""
    families: tuple[str, ...] = ()
    """Families to measure: ``shape`` (``size``, ``position``, ``diameters``), ``intensity``, ``texture``; without, all
    but texture, and those of the image where there is one."""
    bin_width: float | None = None
    """Width of a gray level for texture, in units of the image."""
    bin_count: int | None = None
    """Number of gray levels for texture instead; without either 25 HU wide for CT, 32 levels for all else."""


@dataclass(frozen=True)
class Column:
    """What a column of numbers holds."""

    head: str
    """Its head in the table, for example ``Volume (mm3)``."""
    name: str
    """Stable name for programs, for example ``volume_mm3``."""
    title: str
    """Title for people, without units."""
    units: str
    """Units as shown; empty for pure numbers."""
    description: str
    """What is measured and how."""
    quantity_code: Code | None
    """DICOM code of the quantity: coding scheme, code value, code meaning."""
    units_code: Code | None
    """UCUM code of the units."""
    derivation_code: Code | None
    """Code of how the value derives from many."""
    method_code: Code | None
    """Code of how it was measured."""


@dataclass(frozen=True)
class Result:
    """What was measured."""

    table: Path
    """The table: one row for each segment, the heads are ``Segment``, then ``Volume (mm3)`` and the like, then ``Note``."""
    rows: tuple[dict[str, str | int | float | None], ...]
    """The same rows, head to value."""
    columns: tuple[Column, ...] = ()
    """The columns of numbers, in order."""
    notes: tuple[str, ...] = ()
    """What should be looked at."""


def run(request: Request, *, progress: Progress = no_progress, cancel: CancelToken | None = None) -> Result:
    """Measure all segments and write the table as CSV (UTF-8).

    Raises
    ------
    InputError
        If a file cannot be used, the segmentation has no segments, families are unknown or need an image that is not
        given, or the gray levels are wrong.
    Canceled
        If ``cancel`` was set. Nothing was written then.
    """
    from MedDeepRegSegLib.volumes.reading import read_volume

    if request.out.suffix.lower() != ".csv":
        msg = f"{request.out.name} is not the name of a table, expected one that ends in .csv"
        raise InputError(msg)
    chosen = chosen_families(request.families, has_image=request.image is not None)  # before anything long
    texture = TextureSettings(request.bin_width, request.bin_count)
    if texture != TextureSettings() and not any(family.name == "texture" for family in chosen):
        msg = "gray levels are given and texture is not measured: add the family texture, or leave them out"
        raise InputError(msg)
    progress(0.0, "Reading")
    told = part_of(progress, 0.0, 0.1)
    image = None if request.image is None else read_volume(request.image, progress=told, cancel=cancel)
    files = (request.segmentation, *request.overlapping)
    found: list[SegmentMeasurements] = []
    notes: list[str] = []
    for number, file in enumerate(files):
        share = part_of(progress, 0.1 + 0.85 * number / len(files), 0.1 + 0.85 * (number + 1) / len(files))
        labels, segments = read_segmentation(file, grid=image, progress=part_of(share, 0.0, 0.0), cancel=cancel)
        if not segments:
            msg = f"segmentation {file.name} has no segments, expected at least one: grow or draw one first"
            raise InputError(msg)
        if len(segments) > _MANY and all(_unnamed(segment) for segment in segments):
            notes.append(f"{file.name} has {len(segments)} values without names: is it an image, not a segmentation?")
        found += measure(
            labels, segments, image, families=request.families, texture=texture, progress=share, cancel=cancel
        )
    rows = measurement_rows(found)
    if cancel is not None:
        cancel.raise_if_canceled()
    with (
        atomic_path(request.out) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as table,
    ):
        writer = csv.DictWriter(table, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    progress(1.0, "Measured")
    columns = tuple(map(_column, measurement_columns(found)))
    return Result(request.out, tuple(rows), columns, (*notes, *_notes(rows)))  # type: ignore[arg-type]


def _unnamed(segment: Segment) -> bool:
    return segment.name == f"Segment {segment.value}"


def _notes(rows: Sequence[Mapping[str, object]]) -> list[str]:
    """Return the notes of the table, each with how many segments it is about."""
    counts = Counter(str(row[NOTE_COLUMN]) for row in rows if row.get(NOTE_COLUMN))
    return [f"{note} ({counted(count, 'segment')})" for note, count in counts.items()]


def _column(measurement: Measurement) -> Column:
    return Column(
        column_title(measurement),
        measurement.name,
        measurement.title,
        measurement.units,
        measurement.description,
        measurement.quantity_code,
        measurement.units_code,
        measurement.derivation_code,
        measurement.method_code,
    )
