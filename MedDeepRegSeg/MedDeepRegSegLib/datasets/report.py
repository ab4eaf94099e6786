"""The report of the checks as a table: as text for people, as CSV for programs."""

import csv
import textwrap
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from MedDeepRegSegLib.datasets.checks.finding import Finding
from MedDeepRegSegLib.jobs.outputs import atomic_path
from MedDeepRegSegLib.wording import counted

HEADS = ("Severity", "Case", "Check", "What was found", "What to do")
_WIDTHS = (8, 24, 24, 60, 46)


def counts_text(findings: Sequence[Finding]) -> str:
    """Return ``"1 error, 2 warnings, 0 notes"``."""
    counts = Counter(found.severity for found in findings)
    return ", ".join(counted(counts[name], name) for name in ("error", "warning", "note"))


def report_text(findings: Sequence[Finding]) -> str:
    """Return the table as text, wrapped within its columns; one line where nothing was found."""
    if not findings:
        return "The checks found nothing to say."
    rows = [(found.severity, found.case, found.check, found.what, found.todo) for found in findings]
    widths = [
        min(limit, max(len(head), *(len(row[column]) for row in rows)))
        for column, (head, limit) in enumerate(zip(HEADS, _WIDTHS, strict=True))
    ]
    lines = [_line(HEADS, widths), _line(["-" * width for width in widths], widths)]
    for row in rows:
        cells = [textwrap.wrap(cell, width) or [""] for cell, width in zip(row, widths, strict=True)]
        for index in range(max(map(len, cells))):
            lines.append(_line([cell[index] if index < len(cell) else "" for cell in cells], widths))
    return "\n".join(lines)


def write_report(findings: Sequence[Finding], path: Path) -> None:
    """Write the table as CSV (UTF-8), whole or not at all."""
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(HEADS)
        for found in findings:
            writer.writerow([_safe(part) for part in (found.severity, found.case, found.check, found.what, found.todo)])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _safe(text: str) -> str:
    """Keep spreadsheets from taking a cell that begins like a formula for one."""
    return f"'{text}" if text[:1] in "=+-@" else text
