"""The sections that show a prediction."""

import re
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from MedDeepDiagnosisLib.fitting import fit_model
from MedDeepDiagnosisLib.models.prediction import predict_case
from MedDeepDiagnosisLib.pathology import Guideline, Target
from MedDeepDiagnosisLib.reports import Provenance, Report, render_report
from MedDeepDiagnosisLib.reports.assessment import (
    conformal_text,
    guidelines_section,
    limits_section,
    meaning_text,
    prediction_section,
    summary_fact,
    values_section,
    worth_section,
)

CASE = {"size": 8, "ratio": 0.2, "edge": "Blurred"}


def plain(report):
    """Return the text of the page."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", render_report(report)))


@pytest.fixture(scope="module")
def height_model(pathology, toy_table):
    """A model of a number, which is size and some noise."""
    target = Target("height", "Height", reference="Made up.", kind="number", units="mm", minimum=0, maximum=200)
    noise = np.random.default_rng(0).normal(0, 2, len(toy_table))
    tall = replace(toy_table, target=np.clip(toy_table.values[:, 0] + noise, 0, 200))
    return fit_model(tall, replace(pathology, targets=(target,)), data_sha256="0" * 64, draws=2, bootstrap_repeats=20)[
        0
    ]


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


def test_caption_says_what_the_interval_of_a_probability_is_not(toy_model):
    prediction = predict_case(toy_model, CASE)
    limit = "it does not contain what missing values or errors of measurement add"
    assert prediction_section(prediction, toy_model).interval_text.endswith(f"{prediction.interval_text}; {limit}")
    unknown = replace(prediction, low=0.0, high=1.0, interval_text="not known")
    assert prediction_section(unknown, toy_model).interval_text == "90 % interval not known", "it leaves out nothing"


def test_an_abstention_shows_reasons_then_a_figure_that_is_no_assessment(toy_model):
    prediction = predict_case(toy_model, {**CASE, "size": 190})
    text = plain(
        Report("Assessment", "case 1", (prediction_section(prediction, toy_model),), Provenance(date(2026, 1, 2)))
    )
    assert text.index(prediction.abstention_reasons[0]) < text.index("The model's figure, not an assessment: ")
    assert "such cases of the training data it was so" not in text
    assert "cases like those learned from" not in text


def test_worth_of_a_number_is_that_of_its_model(height_model):
    prediction = predict_case(height_model, CASE)
    worth, table = worth_section(prediction, height_model)
    scored = height_model.description.method(prediction.variant)
    facts = {fact.label: (fact.value, fact.note) for fact in worth.facts}
    assert facts["Pearson R"][0].startswith(f"{scored.numbers.pearson.value:.3f} [")
    assert facts["Mean absolute error"][0].startswith(f"{scored.numbers.mean_absolute_error.value:.3f} [")
    assert facts["Mean absolute error"][0].endswith("] mm")
    assert facts["Coverage of the intervals"][0] == f"{100 * scored.coverage.coverage:.1f} %"
    assert "90 % was asked for" in facts["Coverage of the intervals"][1]
    assert facts["Learned from"] == ("450 cases", "150 patients")
    assert "Made up." in worth.paragraphs
    assert [row[0] for row in table.rows] == [method.title for method in height_model.description.validation]
    text = plain(Report("Assessment", "case 1", (worth, table), Provenance(date(2026, 1, 2))))
    assert text.count(facts["Mean absolute error"][0].removesuffix(" mm")) == 2, "fact and row of the table"


def test_worth_of_a_probability_is_in_its_own_section(toy_model):
    assert worth_section(predict_case(toy_model, CASE), toy_model) == ()


def test_a_number_says_how_often_and_how_far_it_is_off(height_model):
    prediction = predict_case(height_model, CASE)
    section = prediction_section(prediction, height_model)
    error = height_model.description.method(prediction.variant).numbers.mean_absolute_error.value
    assert "holds the truth in 90 % of cases like those learned from" in section.text
    assert f"off by {error:.3g} mm (mean absolute error" in section.text
    assert section.notes == ()


def test_an_abstaining_number_promises_nothing_and_reasons_come_first(height_model):
    prediction = predict_case(height_model, {**CASE, "size": 190})
    section = prediction_section(prediction, height_model)
    assert section.text == ""
    assert section.rows[0] == ("No assessment", "", prediction.abstention_reasons[0])
    assert section.notes[0].endswith("Neither is promised for this case, for which the model abstains.")


@pytest.mark.parametrize(
    ("held", "says"),
    [
        (("present",), "Only “present” fits: a statement that is right in 90 % of cases like those learned from."),
        (("present", "absent"), "“Present” and “absent” both fit at a rate of 90 %: the case is not settled."),
        ((), "Neither outcome fits at a rate of 90 %: the case is unlike those learned from."),
    ],
)
def test_what_fits_is_said_as_the_panel_says_it(toy_model, held, says):
    assert conformal_text(replace(predict_case(toy_model, CASE), conformal_set=held)) == says


def test_a_report_says_that_factors_multiply_and_what_directions_are_worth(toy_model):
    prediction = predict_case(toy_model, CASE)
    sections = (prediction_section(prediction, toy_model), limits_section(toy_model))
    text = plain(Report("Assessment", "case 1", sections, Provenance(date(2026, 1, 2))))
    assert "The factors below, multiplied with the odds of the mean case, give the result exactly" in text
    rated = any(feature.group == "rated" for feature in toy_model.pathology.features)
    assert ("habits of those who rated them" in text) == rated
    start = prediction.mean_case_probability
    odds = start / (1 - start) * np.prod([part.odds_factor for part in prediction.contributions])
    assert odds / (1 + odds) == pytest.approx(prediction.probability)
