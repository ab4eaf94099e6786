"""From the content of a report to a PDF file: the sections of the HTML report, on pages of A4 or US letter."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from MedDeepDiagnosisLib.reports.content import (
    Picture,
    PictureSection,
    PredictionSection,
    Provenance,
    Report,
    Section,
    TableSection,
    TextSection,
)
from MedDeepDiagnosisLib.reports.pdf_drawings import effect_bar, probability_scale, reliability_plot
from MedDeepDiagnosisLib.reports.pdf_style import (
    BOLD,
    LINE,
    MUTED,
    REGULAR,
    WARN_SOFT,
    marked,
    printable,
    register_fonts,
    style,
)
from MedDeepDiagnosisLib.reports.pdf_tables import data_table, facts_table, paragraph
from MedDeepDiagnosisLib.reports.png import png_bytes
from MedDeepDiagnosisLib.reports.rendering import format_factor, format_percent
from MedDeepRegSegLib.jobs.outputs import atomic_path

Page = Literal["A4", "letter"]

_MARGIN = 48.0
_FOOT = 56.0
_FRAME_PADDING = 6.0
"""Of reportlab's frames, on each side."""

_HEADING_ROOM = 130.0
"""A heading with less room below it moves to the next page."""

_TALLEST_PICTURE = 0.45
"""Part of the height of a page that a picture may take."""


def render_pdf(report: Report, *, page: Page = "A4") -> bytes:
    """Return the report as a PDF file. The same report gives the same bytes.

    Every page ends with the statement of what the report is not, and its number.

    Raises
    ------
    MissingPackageError
        If reportlab is not installed.
    """
    register_fonts()
    # How many pages there are is known when they are laid out; then they are laid out again, to say it on each.
    _, count = _laid_out(report, page, None)
    return _laid_out(report, page, count)[0]


def write_pdf(report: Report, path: Path, *, page: Page = "A4") -> None:
    """Write a report as PDF, whole or not at all; see :func:`render_pdf`."""
    data = render_pdf(report, page=page)
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def _laid_out(report: Report, page: Page, count: int | None) -> tuple[bytes, int]:
    from reportlab.lib import pagesizes
    from reportlab.platypus import SimpleDocTemplate

    size = pagesizes.A4 if page == "A4" else pagesizes.LETTER
    file = io.BytesIO()
    document = SimpleDocTemplate(
        file,
        pagesize=size,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_FOOT,
        title=printable(f"{report.title}: {report.subject}"),
        author="MedDeep",
        subject=printable(report.statement),
        creator="MedDeep",
        lang="en-US",
        invariant=1,
    )

    def foot(canvas: Any, built: Any) -> None:
        _draw_foot(canvas, report, built.page, count, size[0])

    document.build(
        _story(report, size[0] - 2 * (_MARGIN + _FRAME_PADDING), size[1]), onFirstPage=foot, onLaterPages=foot
    )
    return file.getvalue(), document.page


def _draw_foot(canvas: Any, report: Report, number: int, count: int | None, width: float) -> None:
    from reportlab.lib.colors import HexColor
    from reportlab.pdfbase.pdfmetrics import stringWidth

    canvas.saveState()
    canvas.setStrokeColor(HexColor(LINE))
    left, right = _MARGIN + _FRAME_PADDING, width - _MARGIN - _FRAME_PADDING
    canvas.line(left, _FOOT - 14, right, _FOOT - 14)
    canvas.setFillColor(HexColor(MUTED))
    canvas.setFont(BOLD, 7.5)
    canvas.drawString(left, _FOOT - 26, _cut(report.statement, BOLD, 7.5, right - left))
    canvas.setFont(REGULAR, 7.5)
    pages = f"Page {number} of {count}" if count else f"Page {number}"
    canvas.drawRightString(right, _FOOT - 37, pages)
    room = right - left - stringWidth(pages, REGULAR, 7.5) - 12
    about = f"{report.title} · {report.subject} · {report.provenance.created.isoformat()}"
    canvas.drawString(left, _FOOT - 37, _cut(about, REGULAR, 7.5, room))
    canvas.restoreState()


def _cut(text: str, font: str, size: float, room: float) -> str:
    from reportlab.pdfbase.pdfmetrics import stringWidth

    shown = printable(text)
    if stringWidth(shown, font, size) <= room:
        return shown
    while shown and stringWidth(f"{shown}…", font, size) > room:
        shown = shown[:-1]
    return f"{shown}…"


def _story(report: Report, width: float, height: float) -> list[Any]:
    story = [
        paragraph("MedDeep for 3D Slicer", "brand"),
        paragraph(report.title, "title"),
        paragraph(f"{report.subject} · {report.provenance.created.isoformat()}", "subject"),
        paragraph(report.statement, "statement"),
    ]
    if report.summary:
        story.append(facts_table(report.summary, width))
    for section in report.sections:
        # Pictures cannot break: their heading and text go with the first row of them.
        together = 1 + bool(section.text) if isinstance(section, PictureSection) else 0
        story += _headed(section.title, _section(section, width, height), together)
    return [*story, *_provenance(report.provenance, width)]


def _headed(title: str, parts: list[Any], together: int = 0) -> list[Any]:
    """Return a section below its heading, with which its first parts stay together, or some lines of what follows."""
    from reportlab.platypus import CondPageBreak, KeepTogether

    heading = paragraph(title, "heading")
    if together:
        return [KeepTogether([heading, *parts[:together]]), *parts[together:]]
    return [CondPageBreak(_HEADING_ROOM), heading, *parts]


def _section(section: Section, width: float, height: float) -> list[Any]:
    if isinstance(section, PictureSection):
        return _pictures(section, width, height)
    if isinstance(section, TableSection):
        return [
            *([paragraph(section.text)] if section.text else []),
            data_table(section.columns, section.rows, width, digits=section.digits),
            *(paragraph(note, "note") for note in section.notes),
        ]
    if isinstance(section, TextSection):
        return _text(section, width)
    return _prediction(section, width)


def _text(section: TextSection, width: float) -> list[Any]:
    return [
        *(paragraph(text) for text in section.paragraphs),
        *([facts_table(section.facts, width)] if section.facts else []),
        *_items(section.items),
    ]


def _items(items: Sequence[str], kind: str = "body") -> list[Any]:
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.platypus import Paragraph

    bulleted = ParagraphStyle(f"{kind}-item", parent=style(kind), leftIndent=15, bulletIndent=3, bulletFontName=REGULAR)
    return [Paragraph(marked(item), bulleted, bulletText="•") for item in items]


def _pictures(section: PictureSection, width: float, height: float) -> list[Any]:
    from reportlab.platypus import Table

    story: list[Any] = [paragraph(section.text)] if section.text else []
    across = max(1, min(section.columns, len(section.pictures)))
    cells: list[Any] = [
        _picture(picture, width / across - 8, height * _TALLEST_PICTURE) for picture in section.pictures
    ]
    for start in range(0, len(cells), across):
        line = cells[start : start + across]
        table = Table([line + [""] * (across - len(line))], colWidths=[width / across] * across, hAlign="LEFT")
        table.setStyle(
            [
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
                ("RIGHTPADDING", (0, 0), (-1, -1), 8),
                ("TOPPADDING", (0, 0), (-1, -1), 0),
            ]
        )
        story.append(table)
    return story


def _picture(picture: Picture, width: float, tallest: float) -> list[Any]:
    from reportlab.platypus import Image, Paragraph

    rows, columns = picture.pixels.shape[:2]
    scale = min(width / columns, tallest / rows)
    shown = Image(io.BytesIO(png_bytes(picture.pixels)), columns * scale, rows * scale, hAlign="LEFT")
    legend = "  ".join(
        f'<font color="#{"".join(f"{round(255 * min(max(part, 0.0), 1.0)):02x}" for part in color)}">■</font> {marked(name)}'
        for name, color in picture.legend
    )
    caption = [paragraph(picture.caption, "caption")]
    return [shown, *caption, *([Paragraph(legend, style("caption"))] if legend else [])]


def _prediction(section: PredictionSection, width: float) -> list[Any]:
    from reportlab.platypus import KeepTogether, Spacer

    story: list[Any]
    if section.abstention_reasons:
        # Neither a large figure nor a drawing: either would be taken for the assessment that the model does not make.
        span = f"{format_percent(section.low)} to {format_percent(section.high)}"
        figure = f"The model's figure, not an assessment: {format_percent(section.probability)} ({span})."
        about = f"Figure: {section.outcome}. In brackets: {section.interval_text}."
        story = [_abstention(section, width), Spacer(1, 6), paragraph(f"{figure} {about}", "note")]
    else:
        story = [
            _headline(section, width),
            probability_scale(section.probability, section.low, section.high, width),
            paragraph(f"Line: probability. Band: {section.interval_text}.", "note"),
        ]
    story += [
        paragraph(section.statement, "strong"),
        *(paragraph(caution, "caution") for caution in section.cautions),
    ]
    if section.contributors:
        start = format_percent(section.mean_case_probability)
        story += [
            paragraph("Why", "subheading"),
            paragraph(
                f"Each feature moves the probability away from that of the mean case of the training data ({start}), "
                "by a factor of the odds (80 % are odds of 4 to 1). The factors below, multiplied with the odds of the "
                "mean case, give the result exactly; the bars are their logarithms, which add up."
            ),
            _why(section, width),
        ]
    if section.model_rows or section.model_facts:
        story.append(paragraph("What the model is worth", "subheading"))
        story += [paragraph(section.model_note)] if section.model_note else []
        story += [facts_table(section.model_facts, width)] if section.model_facts else []
        story += [data_table(section.model_columns, section.model_rows, width)] if section.model_rows else []
    if section.reliability:
        plot = reliability_plot(section.reliability)
        caption = paragraph("Calibration out of fold; the dashed line is perfect.", "caption")
        story.append(KeepTogether([plot, caption]))
    return story


def _abstention(section: PredictionSection, width: float) -> Any:
    from reportlab.lib.colors import HexColor
    from reportlab.platypus import Paragraph, Table

    first = Paragraph("<b>The model abstains: no assessment.</b>", style("warning"))
    lines = [[first], *([item] for item in _items(section.abstention_reasons, "warning"))]
    box = Table(lines, colWidths=[width], hAlign="LEFT", splitInRow=1)
    box.setStyle(
        [
            ("BACKGROUND", (0, 0), (-1, -1), HexColor(WARN_SOFT)),
            ("BOX", (0, 0), (-1, -1), 0.6, HexColor("#d9b26a")),
            ("TOPPADDING", (0, 0), (-1, -1), 3),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
        ]
    )
    return box


def _headline(section: PredictionSection, width: float) -> Any:
    from reportlab.platypus import Table

    span = f"{format_percent(section.low)} to {format_percent(section.high)}"
    table = Table(
        [
            [
                [paragraph(format_percent(section.probability), "figure"), paragraph(span, "span")],
                [paragraph(section.outcome, "strong"), paragraph(section.meaning)],
            ]
        ],
        colWidths=[105, width - 105],
        hAlign="LEFT",
        splitInRow=1,
    )
    table.setStyle([("VALIGN", (0, 0), (-1, -1), "MIDDLE"), ("LEFTPADDING", (0, 0), (0, 0), 0)])
    return table


def _why(section: PredictionSection, width: float) -> Any:
    from reportlab.lib.colors import HexColor
    from reportlab.platypus import Paragraph, Table

    widths = [0.44 * width, 0.34 * width, 0.22 * width]
    # No bar is full when all effects are small: .5 of log-odds is hardly an effect.
    reach = max([abs(part.log_odds) for part in section.contributors] + [0.5])
    lines: list[list[Any]] = [["", Paragraph("lowers&nbsp;&nbsp;|&nbsp;&nbsp;raises", style("span")), ""]]
    for part in section.contributors:
        what = Paragraph(f"<b>{marked(part.title)}</b> {marked(part.value)}", style("cell"))
        if not part.given:
            words = "no effect"
        elif abs(part.log_odds) <= 0.05:
            words = "hardly any"
        else:
            words = f"{'raises' if part.log_odds > 0 else 'lowers'}: {format_factor(part.log_odds)}"
        lines.append([what, effect_bar(part.log_odds, reach, widths[1] - 8), paragraph(words, "cell")])
    table = Table(lines, colWidths=widths, hAlign="LEFT", repeatRows=1)
    table.setStyle(
        [
            ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
            ("LEFTPADDING", (0, 0), (0, -1), 0),
            ("LEFTPADDING", (1, 0), (1, -1), 4),
            ("RIGHTPADDING", (1, 0), (1, -1), 4),
            ("TOPPADDING", (0, 0), (-1, -1), 2.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
            ("LINEBELOW", (0, 1), (-1, -1), 0.4, HexColor(LINE)),
        ]
    )
    return table


def _provenance(source: Provenance, width: float) -> list[Any]:
    rows: list[tuple[str, str]] = [("Date", source.created.isoformat()), *source.versions, *source.inputs]
    if source.seed is not None:
        rows.append(("Seed", str(source.seed)))
    if source.command:
        rows.append(("Command", source.command))
    return _headed("How this report was made", [data_table(("", ""), rows, width, kinds=("cell", "hash"))])
