"""Tables of the PDF: columns as wide as they need, headers repeated on each page, rows that may break over pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from MedDeepDiagnosisLib.reports.content import Fact
from MedDeepDiagnosisLib.reports.pdf_style import BOLD, LINE, marked, printable, style
from MedDeepDiagnosisLib.reports.rendering import format_cell

if TYPE_CHECKING:
    from reportlab.platypus import Paragraph, Table

_PADDING = 4.0
_WIDEST_WORD = 0.34
"""Part of the width that a word may claim before it is broken."""

_FACTS_IN_A_ROW = 3


def paragraph(text: str, kind: str = "body") -> Paragraph:
    """Return a plain text as a paragraph."""
    from reportlab.platypus import Paragraph

    return Paragraph(marked(text), style(kind))


def data_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str | float | int]],
    width: float,
    *,
    digits: int = 4,
    kinds: Sequence[str] | None = None,
) -> Table:
    """Return a table with a header on each page.

    Parameters
    ----------
    columns:
        Titles; all empty for a table without header.
    rows:
        Cells; numbers are shown with ``digits`` significant digits, to the right.
    width:
        In points.
    kinds:
        Style of the texts of each column, ``cell`` if None.
    """
    from reportlab.lib.colors import HexColor
    from reportlab.platypus import Table

    count = len(columns)
    texts = [[format_cell(cell, digits) for cell in row] for row in rows]
    numeric = [bool(rows) and all(_is_number(row[index]) for row in rows) for index in range(count)]
    styles = ["number" if is_number else (kinds[index] if kinds else "cell") for index, is_number in enumerate(numeric)]
    header = [list(columns)] if any(columns) else []
    cells: list[list[Any]] = [
        [
            paragraph(title, "headnumber" if is_number else "head")
            for title, is_number in zip(line, numeric, strict=True)
        ]
        for line in header
    ]
    cells += [[paragraph(text, kind) for text, kind in zip(line, styles, strict=True)] for line in texts]
    if not cells:
        cells = [[paragraph("") for _ in columns]]
    table = Table(
        cells,
        colWidths=column_widths(header[0] if header else (), texts, styles, width),
        repeatRows=len(header),
        splitInRow=1,
        hAlign="LEFT",
        spaceAfter=5,
    )
    table.setStyle(
        [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), _PADDING),
            ("RIGHTPADDING", (0, 0), (-1, -1), _PADDING),
            ("TOPPADDING", (0, 0), (-1, -1), 3),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
            ("LINEBELOW", (0, 0), (-1, -1), 0.4, HexColor(LINE)),
            *([("LINEBELOW", (0, 0), (-1, 0), 1.1, HexColor(LINE))] if header else []),
        ]
    )
    return table


def column_widths(
    header: Sequence[str], lines: Sequence[Sequence[str]], styles: Sequence[str], width: float
) -> list[float]:
    """Return widths of columns, in points, that sum up to ``width``.

    Each column gets what its longest word or figure needs, then columns of short texts get all that they want, and
    those of long ones share what is left, by the root of their length. A title may take two lines.
    """
    from reportlab.pdfbase.pdfmetrics import stringWidth

    count = len(styles)
    least, wanted = [1.0] * count, [1.0] * count
    for number, line in enumerate([header, *lines] if header else lines):
        is_title = bool(header) and number == 0
        for index, text in enumerate(line):
            size = style("head" if is_title else styles[index]).fontSize
            # All is measured in bold, which leaves a little room to spare.
            shown = printable(text)
            lengths = [stringWidth(piece, BOLD, size) for piece in _pieces(shown)] or [0.0]
            whole = stringWidth(shown, BOLD, size)
            least[index] = max(least[index], min(max(lengths), _WIDEST_WORD * width))
            wanted[index] = max(wanted[index], least[index], 0.6 * whole if is_title else whole)
    free = width - 2 * _PADDING * count
    if sum(least) >= free:
        return [part * free / sum(least) + 2 * _PADDING for part in least]
    shares = _filled(least, wanted, free)
    spare = free - sum(shares)
    return [share + spare * share / sum(shares) + 2 * _PADDING for share in shares]


def _filled(least: Sequence[float], wanted: Sequence[float], free: float) -> list[float]:
    """Return widths between ``least`` and ``wanted`` that fill what is free, the long by the root of what they want."""
    if sum(wanted) <= free:
        return list(wanted)

    def shares(factor: float) -> list[float]:
        return [max(part, min(want, factor * want**0.5)) for part, want in zip(least, wanted, strict=True)]

    low, high = 0.0, max(wanted) ** 0.5
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if sum(shares(middle)) <= free else (low, middle)
    return shares(low)


def _pieces(text: str) -> list[str]:
    """Return what is not broken: words, or the whole of a text of figures such as an interval."""
    return text.split() if any(sign.isalpha() for sign in text) else [text]


def facts_table(facts: Sequence[Fact], width: float) -> Table:
    """Return labeled values, three in a row."""
    from reportlab.platypus import Table

    cells: list[Any] = [
        [paragraph(fact.label, "label"), paragraph(fact.value, "value")]
        + ([paragraph(fact.note, "label")] if fact.note else [])
        for fact in facts
    ]
    across = min(_FACTS_IN_A_ROW, len(cells))
    lines = [cells[start : start + across] for start in range(0, len(cells), across)]
    lines[-1] += [""] * (across - len(lines[-1]))
    table = Table(lines, colWidths=[width / across] * across, hAlign="LEFT", splitInRow=1)
    table.setStyle(
        [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (-1, -1), 10),
            ("TOPPADDING", (0, 0), (-1, -1), 1),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 7),
        ]
    )
    return table


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
