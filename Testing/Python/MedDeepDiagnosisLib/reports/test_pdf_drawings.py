"""Drawings of the PDF."""

import pytest

from MedDeepDiagnosisLib.reports.pdf_drawings import effect_bar, probability_scale, reliability_plot

pytest.importorskip("reportlab", reason="reportlab writes the PDF")


def parts(drawing, kind):
    return [part for part in drawing.contents if type(part).__name__ == kind]


def test_the_scale_is_true():
    track, band = parts(probability_scale(0.5, 0.25, 0.75, 400), "Rect")
    assert band.x == pytest.approx(track.x + 0.25 * track.width)
    assert band.width == pytest.approx(0.5 * track.width)
    marker = parts(probability_scale(0.5, 0.25, 0.75, 400), "Line")[-1]
    assert marker.x1 == marker.x2 == pytest.approx(track.x + 0.5 * track.width)


def test_bars_point_where_they_push():
    (raises,), (lowers,) = (parts(effect_bar(value, 2.0, 100), "Rect") for value in (1.0, -2.0))
    assert raises.x == 50
    assert lowers.x + lowers.width == 50
    assert lowers.width == pytest.approx(2 * raises.width)
    assert raises.fillColor != lowers.fillColor
    assert not parts(effect_bar(0.0, 2.0, 100), "Rect")
    (far,) = parts(effect_bar(9.0, 2.0, 100), "Rect")
    assert far.x + far.width <= 100


def test_the_reliability_plot_has_its_points():
    drawing = reliability_plot(((0.0, 0.0, 5), (0.5, 0.25, 5), (1.0, 1.0, 9)), 120)
    (frame,) = parts(drawing, "Rect")
    places = [((c.cx - frame.x) / frame.width, (c.cy - frame.y) / frame.height) for c in parts(drawing, "Circle")]
    assert [x for x, _ in places] == pytest.approx([0.0, 0.5, 1.0])
    assert [y for _, y in places] == pytest.approx([0.0, 0.25, 1.0])
    assert not parts(reliability_plot(((0.5, 0.5, 5),)), "PolyLine"), "one point makes no line"
