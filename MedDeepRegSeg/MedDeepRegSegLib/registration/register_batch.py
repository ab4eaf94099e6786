"""How a row of a table becomes a registration, and its result cells of the summary."""

from pathlib import Path
from typing import TYPE_CHECKING

from MedDeepRegSegLib.jobs.batch_kinds import OWN_JOBS
from MedDeepRegSegLib.jobs.batch_table import Row
from MedDeepRegSegLib.registration.choices import choose_settings
from MedDeepRegSegLib.registration.requests import check_needs_points, paired_points

if TYPE_CHECKING:
    from MedDeepRegSegLib.registration.job import Request, Result

JOB = "register"
JOBS = OWN_JOBS
USES_GPU = False
REQUIRED = ("fixed", "moving")
_POINTS = ("fixed_points", "moving_points")
OPTIONAL = (
    *("preset", "kind", "engine", "fixed_mask", "moving_mask", "initial"),
    *_POINTS,
    *("fixed_labels", "moving_labels"),
)
OTHERS = False
JOINED = ""
HELP = """\
fixed, moving: a volume each, or the folder of one DICOM series
preset, kind, engine: as the options of 'meddeep register'
fixed_mask, moving_mask: label maps of where to compare
initial: transform to start from
fixed_points, moving_points: the same places in both, .mrk.json or .fcsv
fixed_labels, moving_labels: label maps, to measure the overlap
"""
FIGURES = ("light", "reasons", "landmark_error_mm", "label_dice", "folding_fraction", "inverse_p95_mm")


def request(row: Row, out: Path, *, seed: int, device: str = "auto") -> "Request":
    """Return the request of a row.

    Raises
    ------
    InputError
        When a file is not there, or a choice is not allowed.
    """
    from MedDeepRegSegLib.registration.job import Request

    settings = choose_settings(
        row.values.get("preset"), kind=row.values.get("kind"), engine=row.values.get("engine"), seed=seed
    )
    pairs = paired_points(row.path("fixed_points"), row.path("moving_points"), _POINTS)
    check_needs_points(settings, pairs, _POINTS)
    return Request(
        fixed=row.needed("fixed"),
        moving=row.needed("moving"),
        out=out,
        settings=settings,
        fixed_mask=row.path("fixed_mask"),
        moving_mask=row.path("moving_mask"),
        fixed_points=pairs.fixed if pairs else (),
        moving_points=pairs.moving if pairs else (),
        initial=row.path("initial"),
        fixed_labels=row.path("fixed_labels"),
        moving_labels=row.path("moving_labels"),
    )


def figures(result: "Result") -> dict[str, str]:
    """Return the cells of the summary."""
    quality = result.quality
    errors, labels = quality.landmark_errors_mm, [label.after for label in quality.labels]
    return {
        "light": quality.light,
        "reasons": "; ".join(quality.reasons),
        "landmark_error_mm": f"{sum(errors) / len(errors):.2f}" if errors else "",
        "label_dice": f"{sum(labels) / len(labels):.3f}" if labels else "",
        "folding_fraction": f"{quality.folding_fraction:.5f}",
        "inverse_p95_mm": f"{quality.inverse_p95_mm:.3f}",
    }
