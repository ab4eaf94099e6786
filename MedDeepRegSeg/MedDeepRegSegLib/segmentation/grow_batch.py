"""How a row of a table becomes the growing of a structure, and its result cells of the summary."""

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.batch_kinds import OWN_JOBS
from MedDeepRegSegLib.jobs.batch_table import Row

if TYPE_CHECKING:
    from MedDeepRegSegLib.segmentation.grow_job import Request, Result

JOB = "grow"
JOBS = OWN_JOBS
USES_GPU = True
REQUIRED = ("image", "positive")
OPTIONAL = (
    *("negative", "box", "foreground", "previous", "segment"),
    *("method", "model", "adapt", "uncertainty"),
)
OTHERS = False
FIGURES = ("segment", "volume_ml", "notes")
JOINED = ""
HELP = """\
image: a volume, or the folder of one DICOM series
positive, negative: points inside and outside, R A S in mm, points separated by ; as in "12.5 -30 41; 10 -28 44";
  or a file of points (.mrk.json, .fcsv)
box: two opposite corners, "R A S; R A S"
segment: name of the segment (Structure)
foreground, previous, model, method, adapt (yes, no), uncertainty (yes, no): as the options of 'meddeep grow'
"""
OUTPUT = "segmentation.seg.nrrd"
_POINT_FILES = (".json", ".fcsv")

Point = tuple[float, float, float]


def request(row: Row, out: Path, *, seed: int, device: str = "auto") -> "Request":
    """Return the request of a row.

    Raises
    ------
    InputError
        When a file is not there, a point cannot be read, or choices do not go together.
    """
    from MedDeepRegSegLib.segmentation.grow_job import Request
    from MedDeepRegSegLib.segmentation.growing_settings import GrowingSettings

    method = row.choice("method", ("network", "classic")) or "network"
    adapt, uncertainty, model = row.flag("adapt"), row.flag("uncertainty"), row.path("model")
    if method == "classic" and (adapt or uncertainty or model):
        msg = "adapt, uncertainty and model need the growing network, which the method classic does without: leave them empty"
        raise InputError(msg)
    return Request(
        image=row.needed("image"),
        positive=points_of(row, "positive"),
        negative=points_of(row, "negative"),
        box=_box(row),
        foreground=row.path("foreground"),
        previous=row.path("previous"),
        name=row.values.get("segment", "Structure"),
        settings=GrowingSettings(method=method, adapt=adapt),  # type: ignore[arg-type]
        uncertainty=out / "uncertainty.nrrd" if uncertainty else None,
        model=model,
        device=device,
        out=out / OUTPUT,
    )


def points_of(row: Row, column: str) -> tuple[Point, ...]:
    """Return the points in a cell, or in the file that it names, in LPS mm.

    Raises
    ------
    InputError
        When the file is not there, or it or the cell holds no points.
    """
    from MedDeepRegSegLib.volumes.point_files import read_points

    text = row.values.get(column, "")
    if text.lower().endswith(_POINT_FILES):
        return tuple(position for _, position in read_points(row.needed(column)) if position is not None)
    return tuple(_point(part, column) for part in text.split(";") if part.strip())


def _point(text: str, column: str) -> Point:
    """Return a point in LPS mm from one in RAS mm."""
    try:
        right, anterior, superior = (float(part) for part in re.split(r"[\s,]+", text.strip()))
    except ValueError:
        right = anterior = superior = math.nan
    if not all(math.isfinite(value) and abs(value) < 1e6 for value in (right, anterior, superior)):
        msg = f'{column}: {text.strip()!r} is no point, expected R A S in mm, for example "12.5 -30 41; 10 -28 44"'
        raise InputError(msg)
    return (0.0 - right, 0.0 - anterior, superior)


def _box(row: Row) -> tuple[float, float, float, float, float, float] | None:
    """Return the lower, then the upper corner in LPS mm."""
    if "box" not in row.values:
        return None
    corners = tuple(_point(part, "box") for part in row.values["box"].split(";"))
    if len(corners) != 2 or any(a == b for a, b in zip(*corners, strict=True)):
        msg = f'box: {row.values["box"]!r} is no box, expected two corners that differ in R, A and S, "R A S; R A S"'
        raise InputError(msg)
    low, high = ([choose(pair) for pair in zip(*corners, strict=True)] for choose in (min, max))
    return (low[0], low[1], low[2], high[0], high[1], high[2])


def figures(result: "Result") -> dict[str, str]:
    """Return the cells of the summary."""
    return {"segment": result.segment, "volume_ml": f"{result.volume_ml:.2f}", "notes": "; ".join(result.notes)}
