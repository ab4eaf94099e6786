"""The report of an evaluation: one page that needs nothing else, for the screen and for printing."""

import base64
import datetime
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from MedDeepRegSegLib.errors import MissingPackageError
from MedDeepRegSegLib.jobs.schema import to_json
from MedDeepRegSegLib.resources import resource_path
from MedDeepRegSegLib.wording import counted

if TYPE_CHECKING:
    from MedDeepRegSegLib.datasets.dataset import Dataset
    from MedDeepRegSegLib.models.segmenter_description import SegmenterDescription
    from MedDeepRegSegLib.prediction.evaluation import Evaluation
    from MedDeepRegSegLib.prediction.resampling_patients import Interval

_PANELS = (("dice", "Dice", 1.0), ("surface_dice", "Surface Dice", 1.0), ("hd95_mm", "HD95, mm", None))
_LEFT, _WIDTH, _GAP, _ROW = 150, 250, 50, 34  # of the plot, in its own units


def import_jinja() -> Any:
    """Return the package jinja2.

    Raises
    ------
    MissingPackageError
        If it is not installed.
    """
    try:
        import jinja2
    except ImportError as error:
        msg = "the report needs the package jinja2: install it with 'pip install jinja2'"
        raise MissingPackageError(msg) from error
    return jinja2


def evaluation_report(
    evaluation: "Evaluation", description: "SegmenterDescription", dataset: "Dataset", role: str, notes: list[str]
) -> str:
    """Return the report as HTML. Every text is escaped; the page has no scripts and loads nothing.

    Raises
    ------
    MissingPackageError
        If jinja2 is not installed.
    """
    jinja2 = import_jinja()
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(resource_path("reports")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        counted=counted, number=_number, interval=_interval, percent=_percent, color=_color, png=_png_url
    )
    return environment.get_template("evaluation.html.j2").render(
        evaluation=evaluation,
        description=description,
        training=description.training,
        dataset=dataset,
        role=role,
        notes=notes,
        patients=len({result.patient for result in evaluation.cases}),
        rows=_rows(evaluation),
        plot=_plot(evaluation),
        date=datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
    )


def _rows(evaluation: "Evaluation") -> list[tuple[str, list[tuple[str, Any]]]]:
    """Return the name of each case, the worst first, and its classes with their agreement."""
    ordered = sorted(evaluation.cases, key=lambda result: math.inf if result.dice is None else result.dice)
    names = [segment.name for segment in evaluation.classes]
    return [
        (result.case, [pair for pair in zip(names, result.agreements, strict=True) if pair[1] is not None])
        for result in ordered
    ]


def summary_json(
    evaluation: "Evaluation",
    description: "SegmenterDescription",
    dataset: "Dataset",
    *,
    role: str,
    seed: int,
    notes: list[str],
) -> dict[str, Any]:
    """Return the content of ``summary.json``: ``low`` and ``high`` are 95 % confidence intervals."""
    return {
        "model": description.name,
        "model_sha256": description.weights_sha256,
        "dataset": dataset.name,
        "role": role,
        "cases": [result.case for result in evaluation.cases],
        "tolerance_mm": evaluation.tolerance_mm,
        "seed": seed,
        "trained_on": list(description.training.training_cases),
        "validated_on": list(description.training.validation_cases),
        "notes": notes,
        "mean_dice": to_json(evaluation.mean_dice),
        "classes": [to_json(summary) for summary in evaluation.summaries],
    }


def _plot(evaluation: "Evaluation") -> dict[str, Any]:
    """Return where the points of the plot lie: a panel for each measure, a row for each class, a point for each case."""
    panels = []
    for number, (name, title, highest) in enumerate(_PANELS):
        values = [
            [None if one is None else getattr(one, name) for one in result.agreements] for result in evaluation.cases
        ]
        known = [value for row in values for value in row if value is not None]
        top = highest or _nice(max(known, default=1.0))
        x0 = _LEFT + number * (_WIDTH + _GAP)
        rows = []
        for index, (segment, summary) in enumerate(zip(evaluation.classes, evaluation.summaries, strict=True)):
            y = 40 + index * _ROW
            own = sorted(value for row in values if (value := row[index]) is not None)
            # Points of one row stand a little above each other in turn, so that equal ones show.
            points = [(x0 + _WIDTH * value / top, y + (k % 3 - 1) * 4) for k, value in enumerate(own)]
            mean: Interval = getattr(summary, name)
            scaled = [None if v is None else x0 + _WIDTH * v / top for v in (mean.mean, mean.low, mean.high)]
            rows.append(
                {"y": y, "points": points, "mean": scaled[0], "low": scaled[1], "high": scaled[2], "segment": segment}
            )
        ticks = [(x0 + _WIDTH * part, f"{top * part:g}") for part in (0, 0.25, 0.5, 0.75, 1)]
        panels.append({"title": title, "x": x0, "rows": rows, "ticks": ticks})
    height = 40 + len(evaluation.classes) * _ROW
    return {"panels": panels, "width": _LEFT + 3 * (_WIDTH + _GAP), "height": height + 20, "bottom": height - 14}


def _nice(value: float) -> float:
    """Return a round number of at least ``value``."""
    scale = 10 ** math.floor(math.log10(max(value, 1e-3)))
    return next(step * scale for step in (1, 2, 4, 8, 10, 20) if step * scale >= value)


def _number(value: float | None, digits: int = 2) -> str:
    return "\N{EN DASH}" if value is None else f"{value:.{digits}f}".replace("-", "\N{MINUS SIGN}")


def _interval(interval: "Interval", digits: int = 2) -> str:
    if interval.low is None:
        return _number(interval.mean, digits)
    return f"{_number(interval.mean, digits)} ({_number(interval.low, digits)} to {_number(interval.high, digits)})"


def _percent(value: float | None) -> str:
    return "\N{EN DASH}" if value is None else f"{value:+.1f} %".replace("-", "\N{MINUS SIGN}")


def _color(color: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in color)


def _png_url(picture: np.ndarray) -> str:
    import tempfile

    from MedDeepRegSegLib.segmentation.overlay import write_png

    with tempfile.TemporaryDirectory() as folder:
        data = write_png(picture, Path(folder) / "picture.png").read_bytes()
    return "data:image/png;base64," + base64.b64encode(data).decode()
