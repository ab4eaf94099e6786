"""The sections that show a prediction."""

import re
from dataclasses import replace
from datetime import date

from MedDeepDiagnosisLib.models.prediction import predict_case
from MedDeepDiagnosisLib.pathology import Guideline
from MedDeepDiagnosisLib.reports import Provenance, Report, render_report
from MedDeepDiagnosisLib.reports.assessment import (
    guidelines_section,
    limits_section,
    meaning_text,
    prediction_section,
    summary_fact,
    values_section,
)

CASE = {"size": 8, "ratio": 0.2, "edge": "Blurred"}


def test_section_says_what_the_prediction_says(toy_model):
    prediction = predict_case(toy_model, CASE)
    section = prediction_section(prediction, toy_model)
    assert (section.low, section.probability, section.high) == (prediction.low, prediction.probability, prediction.high)
    assert [c.log_odds for c in section.contributors] == [c.log_odds for c in prediction.contributions]
    assert section.interval_text.startswith("90 % interval")
    assert len(section.model_rows) == 4
    assert len(section.reliability) == 10
    assert "Made up." in section.model_note


def test_whole_report_shows_values_with_units_and_limits(toy_model):
    prediction = predict_case(toy_model, CASE)
    sections = (
        prediction_section(prediction, toy_model),
        values_section(prediction, toy_model, sources={"size": "measured on the segmentation"}),
        limits_section(toy_model),
        *guidelines_section(toy_model),
    )
    report = Report("Assessment", "case 1", sections, Provenance(date(2026, 1, 2)), (summary_fact(prediction),))
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", render_report(report)))
    for expected in (
        "8 mm",
        "Blurred (3)",
        "measured on the segmentation",
        "rated by the reader",
        "anything real",
    ):
        assert expected in text, expected
    assert "not given" in text


def test_guidelines_without_rules_are_named(toy_model):
    assert guidelines_section(toy_model) == ()
    named = Guideline("A guideline", "https://example.org", "For adults.")
    applied = replace(named, title="Another one", rules="fleischner_2017")
    pathology = replace(toy_model.pathology, guidelines=(named, applied))
    model = replace(toy_model, description=replace(toy_model.description, pathology=pathology))
    (section,) = guidelines_section(model)
    assert section.items == ("A guideline. For adults. https://example.org",)
    assert "not applied" in section.paragraphs[0]


def test_meaning_counts_to_one_hundred(toy_model):
    prediction = predict_case(toy_model, CASE)
    yes, no = (int(number) for number in re.findall(r"\b(\d+)\b", meaning_text(prediction))[1:])
    assert yes + no == 100
    assert yes == round(100 * prediction.probability)


def test_summary_of_an_abstention_shows_no_figure(toy_model):
    fact = summary_fact(predict_case(toy_model, {**CASE, "size": 190}))
    assert fact.value == "no assessment"
    assert "%" not in fact.value + fact.note
