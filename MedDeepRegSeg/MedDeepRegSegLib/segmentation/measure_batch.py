"""How a row of a table becomes a measurement, and its result cells of the summary."""

from pathlib import Path
from typing import TYPE_CHECKING

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.batch_kinds import OWN_JOBS
from MedDeepRegSegLib.jobs.batch_table import Row

if TYPE_CHECKING:
    from MedDeepRegSegLib.segmentation.measure_job import Request, Result

JOB = "measure"
JOBS = OWN_JOBS
USES_GPU = False
REQUIRED = ("segmentation",)
OPTIONAL = ("image", "families", "bin_width", "bin_count")
OTHERS = False
FIGURES = ("segments", "volumes_ml", "notes")
JOINED = "measurements.csv"
HELP = """\
segmentation: .seg.nrrd, or any label map
image: the volume that the segments were drawn on; without it, only shapes are measured
families: what to measure, separated by spaces, as the option of 'meddeep measure'
bin_width, bin_count: gray levels of texture, as the options of 'meddeep measure'
"""
_VOLUME = "volume_mm3"


def request(row: Row, out: Path, *, seed: int, device: str = "auto") -> "Request":
    """Return the request of a row.

    Raises
    ------
    InputError
        When a file is not there, or a family or number is not allowed.
    """
    from MedDeepRegSegLib.segmentation.measure_job import Request
    from MedDeepRegSegLib.segmentation.measurement_families import chosen_families

    image, families = row.path("image"), tuple(row.values.get("families", "").split())
    chosen_families(families, has_image=image is not None)
    width, count = row.number("bin_width"), row.number("bin_count")
    if count is not None and not count.is_integer():
        msg = f"bin_count: {count:g} is no whole number, expected for example 32: correct the table"
        raise InputError(msg)
    return Request(
        image=image,
        segmentation=row.needed("segmentation"),
        out=out / JOINED,
        families=families,
        bin_width=width,
        bin_count=None if count is None else int(count),
    )


def figures(result: "Result") -> dict[str, str]:
    """Return the cells of the summary."""
    head = next((column.head for column in result.columns if column.name == _VOLUME), None)
    volumes = [] if head is None else [row[head] for row in result.rows]
    return {
        "segments": "; ".join(str(row["Segment"]) for row in result.rows),
        "volumes_ml": "; ".join("" if volume is None else f"{float(volume) / 1000:.3g}" for volume in volumes),
        "notes": "; ".join(result.notes),
    }
