"""Reports as PDF."""

import re
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

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
)
from MedDeepDiagnosisLib.reports.pdf import render_pdf, write_pdf

pytest.importorskip("reportlab", reason="reportlab writes the PDF")

STATEMENT = "Decision support for research; not a diagnosis."
HOSTILE = "<script>alert(1)</script> <b>&amp; {{ 7*7 }} <img src='x'/> \u0000 Łódź"


def prediction():
    return PredictionSection(
        title="Assessment",
        outcome="Rated suspicious",
        probability=0.374,
        low=0.3,
        high=0.455,
        interval_text="90 % interval",
        meaning="So in 37 of 100.",
        mean_case_probability=0.31,
        contributors=(
            Contributor("Size", "9.5 mm", 1.2),
            Contributor("Edge", "sharp", -0.6),
            Contributor("Shape", "round", 0.01),
            Contributor("Kind", "not given", 0.0, given=False),
        ),
        statement=STATEMENT,
        cautions=("Mind the gap.",),
        model_facts=(Fact("Learned from", "3418 readings"),),
        model_columns=("Model", "AUC"),
        model_rows=(("Size and shape", "0.876 [0.859, 0.892]"),),
        model_note="Cross-validated.",
        reliability=((0.1, 0.12, 10), (0.8, 0.75, 10)),
    )


def report(*sections, **options):
    provenance = Provenance(date(2026, 11, 29), (("MedDeep", "0.1"),), (("Image", "ab" * 32),), 7, "meddeep diagnose")
    return Report("Lung nodule", "Case Łódź", sections, provenance, (Fact("Volume", "512 mm³", "≥ 3 mm"),), **options)


def pages_of(data):
    """Return the text of each page."""
    pdfium = pytest.importorskip("pypdfium2", reason="pypdfium2 reads the PDF back")
    document = pdfium.PdfDocument(data)
    return [" ".join(page.get_textpage().get_text_range().split()) for page in document]


def test_all_that_the_report_says_is_there():
    picture = Picture(np.zeros((30, 40, 3), np.uint8), "Axial slice.", legend=(("Nodule", (0.5, 0.9, 0.5)),))
    (first, *rest) = pages_of(
        render_pdf(
            report(
                prediction(),
                PictureSection("The lesion", (picture,) * 3, columns=3, text="In three planes."),
                TableSection(
                    "Values", ("Name", "Volume (mm³)"), (("µ × ÷", -1.23456),), text="Above.", notes=("Below.",)
                ),
                TextSection("Limits", ("A paragraph.",), (Fact("Label", "42 %"),), ("first item", "second item")),
            )
        )
    )
    for words in ("Lung nodule", "Case Łódź · 2026-11-29", "512 mm³", "≥ 3 mm", "37 %", "30 % to 46 %", "Rated suspicious",
                  "raises: odds × 3.3", "lowers: odds ÷ 1.8", "hardly any", "no effect", "Mind the gap."):  # fmt: skip
        assert words in first, words
    whole = " ".join((first, *rest))
    for words in ("0.876 [0.859, 0.892]", "Axial slice.", "■ Nodule", "In three planes.", "Volume (mm³)", "µ × ÷", "−1.235",
                  "Above.", "Below.", "• second item", "42 %", "ab" * 32, "meddeep diagnose", "Calibration out of fold"):  # fmt: skip
        assert words in whole, words
    assert "abstains" not in whole


def test_an_abstaining_model_is_told_first():
    (first, *_) = pages_of(render_pdf(report(replace(prediction(), abstention_reasons=("Unlike all.",)))))
    assert first.index("The model abstains: no assessment.") < first.index("Unlike all.") < first.index("37 %")
    assert "The model's figure, not an assessment: 37 % (30 % to 46 %). Figure: Rated suspicious." in first
    assert "So in 37 of 100." not in first
    assert "Line: probability" not in first


@pytest.mark.parametrize(("reasons", "largest"), [((), 25.0), (("Unlike all.",), 8.0)])
def test_a_figure_is_large_only_without_abstention(reasons, largest):
    pdfium = pytest.importorskip("pypdfium2", reason="pypdfium2 reads the PDF back")
    section = replace(prediction(), abstention_reasons=reasons)
    page = pdfium.PdfDocument(render_pdf(report(section)))[0]
    text = page.get_textpage()
    sizes = [
        pdfium.raw.FPDFText_GetFontSize(text, place)
        for place in (found.start() for found in re.finditer("37 %", text.get_text_range()))
    ]
    assert max(sizes) == pytest.approx(largest)


def test_each_page_has_its_number_and_the_statement():
    rows = tuple((f"Row {number}", number * 1.5) for number in range(120))
    pages = pages_of(render_pdf(report(TableSection("Many", ("Name", "Value"), rows))))
    assert len(pages) >= 3
    for number, text in enumerate(pages, start=1):
        assert STATEMENT in text
        assert f"Page {number} of {len(pages)}" in text
    shown = " ".join(pages)
    assert [number for number in range(120) if f"Row {number} " not in shown] == []
    assert shown.count("Name Value") >= 3, "the header is on each page of the table"


def test_text_stays_text_and_breaks_where_it_must():
    long = "word " * 3000
    sections = (
        TextSection(HOSTILE, (HOSTILE, long), (Fact(HOSTILE, "v " * 400, HOSTILE),), (HOSTILE, "x" * 500)),
        TableSection(HOSTILE, (HOSTILE, "B"), ((HOSTILE, long), ("x" * 3000, 1.0))),
        PictureSection(HOSTILE, (Picture(np.zeros((900, 90), np.uint8), HOSTILE), ) * 3, columns=2),
    )  # fmt: skip
    pages = pages_of(render_pdf(report(*sections, statement=HOSTILE * 10)))
    whole = " ".join(pages)
    assert whole.count("<script>alert(1)</script>") >= 6
    assert "{{ 7*7 }}" in whole
    assert whole.count("word") >= 6000
    assert whole.replace(" ", "").count("x") >= 3500


@pytest.mark.parametrize(("page", "size"), [("A4", (595, 842)), ("letter", (612, 792))])
def test_pages_have_the_size_that_was_asked_for(page, size):
    pdfium = pytest.importorskip("pypdfium2", reason="pypdfium2 reads the PDF back")
    document = pdfium.PdfDocument(render_pdf(report(prediction()), page=page))
    assert tuple(round(side) for side in document[0].get_size()) == size
    assert document.get_metadata_dict()["Title"] == "Lung nodule: Case Łódź"


def test_fonts_are_embedded_and_the_same_report_gives_the_same_file(tmp_path):
    data = render_pdf(report(prediction()))
    assert data == render_pdf(report(prediction()))
    assert data.count(b"/FontFile2") == 2
    assert b"/Helvetica" not in data.replace(b"/BaseFont /Helvetica /Encoding /WinAnsiEncoding", b""), (
        "but for the default"
    )
    write_pdf(report(prediction()), tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes() == data
