"""Reports as one page."""

import re
import struct
import zlib
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepDiagnosisLib.reports import (
    Contributor,
    Fact,
    Picture,
    PictureSection,
    PredictionSection,
    Provenance,
    Report,
    TableSection,
    TextSection,
    render_report,
    write_report,
)
from MedDeepDiagnosisLib.reports.png import png_bytes
from MedDeepDiagnosisLib.reports.rendering import format_cell, format_factor, format_percent

HOSTILE = "<script>alert(1)</script>\"' onload=x {{ 7*7 }} {% raw %} </style></title>&amp; Ünïcode"
VOID = {"meta", "link", "img", "br", "input", "hr", "rect", "line", "circle", "polyline"}


def hostile_report():
    picture = Picture(np.zeros((4, 6, 3), np.uint8), HOSTILE, HOSTILE, legend=((HOSTILE, (1.0, 0.5, 0.0)),))
    prediction = PredictionSection(
        title=HOSTILE,
        outcome=HOSTILE,
        probability=0.374,
        low=0.3,
        high=0.455,
        interval_text=HOSTILE,
        meaning=HOSTILE,
        mean_case_probability=0.31,
        contributors=(
            Contributor(HOSTILE, HOSTILE, 1.2),
            Contributor("Edge", "sharp", -0.6),
            Contributor("Kind", "not given", 0.0, given=False),
        ),
        statement="Decision support for research; not a diagnosis.",
        abstention_reasons=(HOSTILE,),
        cautions=(HOSTILE,),
        model_facts=(Fact(HOSTILE, HOSTILE, HOSTILE),),
        model_columns=(HOSTILE, "AUC"),
        model_rows=((HOSTILE, "0.9"),),
        model_note=HOSTILE,
        reliability=((0.1, 0.12, 10), (0.8, 0.75, 10)),
    )
    return Report(
        title=HOSTILE,
        subject=HOSTILE,
        statement=HOSTILE,
        summary=(Fact(HOSTILE, HOSTILE, HOSTILE),),
        sections=(
            PictureSection(HOSTILE, (picture,), text=HOSTILE),
            TableSection(HOSTILE, (HOSTILE, "Volume (mm³)"), ((HOSTILE, 1.5),), text=HOSTILE, notes=(HOSTILE,)),
            TextSection(HOSTILE, (HOSTILE,), (Fact(HOSTILE, HOSTILE),), (HOSTILE,)),
            prediction,
        ),
        provenance=Provenance(date(2026, 11, 5), ((HOSTILE, HOSTILE),), ((HOSTILE, HOSTILE),), 7, HOSTILE),
    )


class Page(HTMLParser):
    """Collects tags, attributes and text, and checks that tags are nested."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.texts, self.open = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture(scope="module")
def page():
    return Page(render_report(hostile_report()))


def test_hostile_text_stays_text(page):
    assert "script" not in page.tags
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    shown = "".join(page.texts)
    assert shown.count("<script>alert(1)</script>") >= 25, "every field is shown, as text"
    assert "{{ 7*7 }}" in shown
    assert "49 {%" not in shown
    (description,) = [value for tag, name, value in page.attributes if (tag, name) == ("img", "alt")]
    assert description == HOSTILE


def test_page_loads_and_runs_nothing(page):
    for _tag, name, value in page.attributes:
        if name in {"src", "href", "action", "data", "srcset"}:
            assert value.startswith(("data:image/png;base64,", "#section-"))
        assert "http" not in value or name == "content"
    policy = next(value for tag, name, value in page.attributes if name == "content" and "default-src" in value)
    assert "default-src 'none'" in policy
    style = "".join(text for text in page.texts if "font-size" in text)
    assert "@import" not in style
    assert "url(" not in style


def test_titles_language_and_headings(page):
    assert ("html", "lang", "en") in page.attributes
    assert page.tags.count("h1") == 1
    assert page.tags.count("h2") == 5, "four sections and the provenance"
    assert ("time", "datetime", "2026-11-05") in page.attributes


def test_prediction_shows_figures_and_words(page):
    text = re.sub(r"\s+", " ", " ".join(page.texts))
    for expected in (
        "The model abstains: no assessment.",
        "The model's figure, not an assessment: 37 % (30 % to 46 %).",
        "raises: odds × 3.3",
        "lowers: odds ÷ 1.8",
        "no effect",
        "Decision support for research; not a diagnosis.",
    ):
        assert expected in text, expected


def test_figure_and_drawing_are_large_only_without_abstention():
    section = next(s for s in hostile_report().sections if isinstance(s, PredictionSection))
    section = replace(section, meaning="So in 37 of 100.", outcome="Rated suspicious")
    empty = Report("Title", "case", (), Provenance(date(2026, 1, 2)))
    abstained, assessed = (
        render_report(replace(empty, sections=(replace(section, abstention_reasons=reasons),)))
        for reasons in (("Unlike all.",), ())
    )
    for part in ('class="headline', 'class="gauge"', "So in 37 of 100."):
        assert part in assessed, part
        assert part not in abstained, part
    assert "not an assessment" not in assessed
    assert abstained.index("Unlike all.") < abstained.index('<p class="note">The model\'s figure, not an assessment')
    for page in (abstained, assessed):
        text = "".join(Page(page).texts)
        assert "Rated suspicious" in text
        assert text.count(section.statement) >= 1


def test_bars_are_as_long_as_their_log_odds(page):
    widths = [value for tag, name, value in page.attributes if (tag, name) == ("i", "style") and "width" in value]
    assert widths == ["width: 100.0%", "width: 50.0%"]


def test_statement_is_at_the_top_and_the_end(page):
    assert "".join(page.texts).count("Ünïcode") >= 25
    assert page.tags[-2:] == ["footer", "p"]


def test_picture_inside_is_the_picture(tmp_path):
    generator = np.random.default_rng(0)
    for shape in ((5, 7, 3), (9, 4)):
        pixels = generator.integers(0, 256, shape).astype(np.uint8)
        path = tmp_path / "picture.png"
        path.write_bytes(png_bytes(pixels))
        assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(path))), pixels)
    data = png_bytes(np.zeros((2, 3), np.uint8))
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    length = struct.unpack(">I", data[8:12])[0]
    assert struct.unpack(">I", data[16 + length : 20 + length])[0] == zlib.crc32(data[12 : 16 + length])


def test_report_without_sections_and_prediction_without_reasons_render():
    empty = Report("Title", "case", (), Provenance(date(2026, 1, 2)))
    assert Page(render_report(empty)).tags.count("h2") == 1
    section = next(s for s in hostile_report().sections if isinstance(s, PredictionSection))
    bare = replace(
        section,
        contributors=(),
        abstention_reasons=(),
        cautions=(),
        model_facts=(),
        model_rows=(),
        reliability=(),
        low=0.0,
        probability=0.0,
        high=0.0,
    )
    text = "".join(Page(render_report(replace(empty, sections=(bare,)))).texts)
    assert "abstains" not in text
    assert "0 %" in text


def test_write_report_is_utf8_and_whole(tmp_path):
    path = tmp_path / "folder" / "report.html"
    write_report(hostile_report(), path)
    assert path.read_text(encoding="utf-8") == render_report(hostile_report())
    assert [entry.name for entry in path.parent.iterdir()] == ["report.html"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("text", "text"),
        (12, "12"),
        (-3, "−3"),
        (0.0, "0"),
        (1234.5678, "1235"),
        (12.3456, "12.35"),
        (0.0123456, "0.01235"),
        (-0.5, "−0.5000"),
        (1.5e-7, "1.500e-07"),
        (float("nan"), "–"),
    ],
)
def test_cells(value, expected):
    assert format_cell(value) == expected


@pytest.mark.parametrize(
    ("fraction", "expected"),
    [(0.0, "0 %"), (0.001, "< 1 %"), (0.374, "37 %"), (0.999, "> 99 %"), (1.0, "100 %")],
)
def test_percent(fraction, expected):
    assert format_percent(fraction) == expected


@pytest.mark.parametrize(
    ("log_odds", "expected"),
    [(0.0, "no change"), (1.0, "odds × 2.7"), (-1.0, "odds ÷ 2.7"), (700.0, "odds × over 100")],
)
def test_factor(log_odds, expected):
    assert format_factor(log_odds) == expected


def test_faulty_content_is_refused():
    with pytest.raises(ValueError, match="expected uint8"):
        Picture(np.zeros((4, 4)), "caption")
    with pytest.raises(ValueError, match="has 1 cells, expected 2"):
        TableSection("t", ("a", "b"), (("x",),))
    section = next(s for s in hostile_report().sections if isinstance(s, PredictionSection))
    with pytest.raises(ValueError, match="expected 0 <= low"):
        replace(section, low=0.5)
