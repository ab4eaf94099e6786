"""The job that measures the segments of a file into a table."""

import csv
from dataclasses import dataclass
from pathlib import Path

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.outputs import atomic_path
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of
from MedDeepRegSegLib.segmentation.measurements import measure, measurement_rows
from MedDeepRegSegLib.segmentation.segmentation_file import read_segmentation


@dataclass(frozen=True)
class Request:
    """What to measure."""

    segmentation: Path
    """``.seg.nrrd`` or a label map."""
    out: Path
    """Table to write, ``.csv``."""
    image: Path | None = None
    """Image on the grid of the segmentation, for intensity statistics."""
    overlapping: tuple[Path, ...] = ()
    """Further files with segments that overlap those of ``segmentation``; their rows follow."""


@dataclass(frozen=True)
class Result:
    """What was measured."""

    table: Path
    """The table: one row for each segment, the heads are ``Segment``, then ``Volume (mm3)`` and the like, then ``Note``."""
    rows: tuple[dict[str, str | int | float | None], ...]
    """The same rows, head to value."""


def run(request: Request, *, progress: Progress = no_progress, cancel: CancelToken | None = None) -> Result:
    """Measure all segments and write the table as CSV (UTF-8).

    Raises
    ------
    InputError
        If a file cannot be used, or the segmentation has no segments.
    Canceled
        If ``cancel`` was set. Nothing was written then.
    """
    from MedDeepRegSegLib.volumes.reading import read_volume

    if request.out.suffix.lower() != ".csv":
        msg = f"{request.out.name} is not the name of a table, expected one that ends in .csv"
        raise InputError(msg)
    progress(0.0, "Reading")
    told = part_of(progress, 0.0, 0.1)
    image = None if request.image is None else read_volume(request.image, progress=told, cancel=cancel)
    files = (request.segmentation, *request.overlapping)
    rows = []
    for number, file in enumerate(files):
        share = part_of(progress, 0.1 + 0.85 * number / len(files), 0.1 + 0.85 * (number + 1) / len(files))
        labels, segments = read_segmentation(file, progress=part_of(share, 0.0, 0.0), cancel=cancel)
        if not segments:
            msg = f"segmentation {file.name} has no segments, expected at least one: grow or draw one first"
            raise InputError(msg)
        rows += measurement_rows(measure(labels, segments, image, progress=share, cancel=cancel))
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
    return Result(request.out, tuple(rows))  # type: ignore[arg-type]
