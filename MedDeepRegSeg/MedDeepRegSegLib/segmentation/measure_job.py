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
    labels, segments = read_segmentation(request.segmentation)
    if not segments:
        msg = f"segmentation {request.segmentation.name} has no segments, expected at least one: grow or draw one first"
        raise InputError(msg)
    image = None if request.image is None else read_volume(request.image)
    results = measure(labels, segments, image, progress=part_of(progress, 0.1, 0.95), cancel=cancel)
    rows = measurement_rows(results)
    if cancel is not None:
        cancel.raise_if_canceled()
    with (
        atomic_path(request.out) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    progress(1.0, "Measured")
    return Result(request.out, tuple(rows))  # type: ignore[arg-type]
