"""From the content of a report to one HTML file that needs nothing else: no network, no scripts."""

import math
from pathlib import Path
from typing import Any

from MedDeepDiagnosisLib.reports.content import (
    PictureSection,
    PredictionSection,
    Report,
    TableSection,
    TextSection,
)
from MedDeepDiagnosisLib.reports.png import png_data_url
from MedDeepDiagnosisLib.resources import resource_path
from MedDeepRegSegLib.errors import MissingPackageError
from MedDeepRegSegLib.jobs.outputs import write_text

_KINDS: dict[type, str] = {
    PictureSection: "pictures",
    PredictionSection: "prediction",
    TableSection: "table",
    TextSection: "text",
}
_MINUS = "\N{MINUS SIGN}"


def render_report(report: Report) -> str:
    """Return the report as one HTML page.

    Every text is escaped. The page has no scripts, loads nothing, and forbids both by its content security policy.

    Raises
    ------
    MissingPackageError
        If jinja2 is not installed.
    """
    environment = report_environment()
    template = environment.get_template("report.html.j2")
    sections = [
        {"kind": _KINDS[type(section)], "content": section, **_geometry(section)} for section in report.sections
    ]
    return template.render(report=report, sections=sections)


def report_environment() -> Any:
    """Return the jinja2 environment of all reports: every text is escaped, and a name that is not known is an error.

    Raises
    ------
    MissingPackageError
        If jinja2 is not installed.
    """
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ImportError as error:
        msg = "the report needs the package jinja2: install it with 'pip install jinja2'"
        raise MissingPackageError(msg) from error
    environment = Environment(
        loader=FileSystemLoader(resource_path("reports")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        cell=format_cell, color=_color, factor=format_factor, percent=format_percent, png=png_data_url
    )
    environment.tests["number"] = _is_number
    return environment


def write_report(report: Report, path: Path) -> None:
    """Render a report and write it, whole or not at all."""
    write_text(path, render_report(report))


def format_cell(value: str | float, digits: int = 4) -> str:
    """Return a cell as text: whole numbers as they are, others with ``digits`` significant digits."""
    if not _is_number(value):
        return str(value)
    number = float(value)
    if math.isnan(number):
        return "\N{EN DASH}"
    if isinstance(value, int) or number == 0:
        text = f"{value:g}" if isinstance(value, float) else str(value)
    else:
        exponent = math.floor(math.log10(abs(number))) if math.isfinite(number) else 0
        text = f"{number:.{digits - 1}e}" if exponent < -4 else f"{number:.{max(digits - 1 - exponent, 0)}f}"
    return text.replace("-", _MINUS) if "e" not in text else text


def format_percent(fraction: float) -> str:
    """Return ``.374`` as ``37 %``; what rounds to 0 or 100 without being it is shown as ``< 1 %`` or ``> 99 %``."""
    whole = round(100 * fraction)
    if whole == 0 and fraction > 0:
        return "< 1 %"
    if whole == 100 and fraction < 1:
        return "> 99 %"
    return f"{whole} %"


def format_factor(log_odds: float) -> str:
    """Return what log-odds do to the odds: ``odds × 2.5`` or ``odds ÷ 3.1``."""
    size = math.exp(min(abs(log_odds), 50))
    if size < 1.05:
        return "no change"
    text = f"{size:.1f}" if size < 100 else "over 100"
    return f"odds {'×' if log_odds > 0 else '÷'} {text}"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _color(rgb: tuple[float, float, float]) -> str:
    red, green, blue = (round(255 * min(max(part, 0.0), 1.0)) for part in rgb)
    return f"#{red:02x}{green:02x}{blue:02x}"


def _geometry(section: object) -> dict[str, Any]:
    """Return the lengths that the drawings of a section need."""
    if not isinstance(section, PredictionSection):
        return {}
    reach = max([abs(contributor.log_odds) for contributor in section.contributors] + [0.5])
    bars = [
        {"content": contributor, "length": round(100 * abs(contributor.log_odds) / reach, 2)}
        for contributor in section.contributors
    ]
    points = [
        {"x": round(100 * predicted, 2), "y": round(100 - 100 * observed, 2), "count": count}
        for predicted, observed, count in section.reliability
    ]
    return {"bars": bars, "points": points}
