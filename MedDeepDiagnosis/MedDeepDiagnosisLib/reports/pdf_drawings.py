"""The drawings of the PDF: the scale of a probability, bars of what raises and lowers it, and the reliability plot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from MedDeepDiagnosisLib.reports.pdf_style import ACCENT, BOLD, INK, INTERVAL, LINE, LOWER, MUTED, RAISE, REGULAR, TRACK

if TYPE_CHECKING:
    from reportlab.graphics.shapes import Drawing, String

_SMALL = 6.5


def probability_scale(probability: float, low: float, high: float, width: float) -> Drawing:
    """Return a scale from 0 to 100 % with the interval as a band and the probability as a line, ``width`` in points."""
    from reportlab.graphics.shapes import Drawing, Line, Rect

    left, right = 8.0, width - 14.0
    reach = right - left
    drawing = Drawing(width, 34)
    drawing.add(Rect(left, 18, reach, 9, rx=4, fillColor=_color(TRACK), strokeColor=None))
    drawing.add(
        Rect(
            left + reach * low,
            18,
            max(reach * (high - low), 2),
            9,
            rx=1.5,
            fillColor=_color(INTERVAL),
            strokeColor=None,
        )
    )
    for step in range(0, 101, 20):
        place = left + reach * step / 100
        drawing.add(Line(place, 13, place, 16, strokeColor=_color(MUTED), strokeWidth=0.6))
        drawing.add(_text(place, 4, f"{step} %", "middle"))
    marker = left + reach * probability
    drawing.add(Line(marker, 14, marker, 31, strokeColor=_color(INK), strokeWidth=2.4, strokeLineCap=1))
    return drawing


def effect_bar(log_odds: float, reach: float, width: float) -> Drawing:
    """Return a bar to the left of the middle for what lowers a probability, to the right for what raises it.

    Parameters
    ----------
    reach:
        Log-odds of a bar that fills its half.
    """
    from reportlab.graphics.shapes import Drawing, Line, Rect

    height, middle = 10.0, width / 2
    drawing = Drawing(width, height)
    length = min(abs(log_odds) / reach, 1.0) * (middle - 2)
    if length > 0:
        start = middle if log_odds > 0 else middle - length
        fill = _color(RAISE if log_odds > 0 else LOWER)
        drawing.add(Rect(start, 1.5, length, height - 3, fillColor=fill, strokeColor=None))
    drawing.add(Line(middle, -2, middle, height + 2, strokeColor=_color(MUTED), strokeWidth=0.6))
    return drawing


def reliability_plot(points: tuple[tuple[float, float, int], ...], size: float = 120.0) -> Drawing:
    """Return observed fraction against predicted probability, ``size`` points wide and high."""
    from reportlab.graphics.shapes import Circle, Drawing, Group, Line, PolyLine, Rect

    left, bottom = 20.0, 20.0
    reach = size - left - 6.0
    drawing = Drawing(size, size)
    drawing.add(Rect(left, bottom, reach, reach, fillColor=None, strokeColor=_color(LINE), strokeWidth=0.7))
    drawing.add(
        Line(
            left,
            bottom,
            left + reach,
            bottom + reach,
            strokeColor=_color(MUTED),
            strokeWidth=0.6,
            strokeDashArray=[2, 2],
        )
    )
    places = [(left + reach * predicted, bottom + reach * observed) for predicted, observed, _ in points]
    if len(places) > 1:
        flat = [part for place in places for part in place]
        drawing.add(PolyLine(flat, strokeColor=_color(ACCENT), strokeWidth=1.0))
    for x, y in places:
        drawing.add(Circle(x, y, 1.8, fillColor=_color(ACCENT), strokeColor=None))
    for x, y, words, anchor in (
        (left, 11, "0", "middle"),
        (left + reach, 11, "1", "middle"),
        (left - 4, bottom - 2, "0", "end"),
        (left - 4, bottom + reach - 4, "1", "end"),
        (left + reach / 2, 3, "predicted", "middle"),
    ):
        drawing.add(_text(x, y, words, anchor))
    upright = Group(_text(0, 0, "observed", "middle"))
    upright.translate(8, bottom + reach / 2)
    upright.rotate(90)
    drawing.add(upright)
    return drawing


def _text(x: float, y: float, words: str, anchor: str, *, bold: bool = False) -> String:
    from reportlab.graphics.shapes import String

    font = BOLD if bold else REGULAR
    return String(x, y, words, fontName=font, fontSize=_SMALL, fillColor=_color(MUTED), textAnchor=anchor)


def _color(text: str) -> object:
    from reportlab.lib.colors import HexColor

    return HexColor(text)
