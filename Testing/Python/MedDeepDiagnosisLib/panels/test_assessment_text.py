"""Assessments in rich text."""

import pytest

ASSESSMENT = {
    "target": "Suspicion <high>",
    "kind": "binary",
    "units": "",
    "probability": 0.123,
    "value": None,
    "low": 0.05,
    "high": 0.3,
    "interval_level": 0.9,
    "interval_text": "from refits",
    "conformal_level": 0.9,
    "conformal_set": ["absent"],
    "abstains": False,
    "abstention_reasons": [],
    "cautions": ["Not given: margin"],
    "variant_title": "Measured",
    "variant_reason": "no signs were rated",
    "contributions_exact": True,
    "contributions": [
        {"title": "Size", "value": "8 mm", "given": True, "log_odds": -1.2, "odds_factor": 0.3},
        {"title": "Margin", "value": "not given", "given": False, "log_odds": 0.0, "odds_factor": 1.0},
        {"title": "Edge", "value": "Sharp (1)", "given": True, "log_odds": 0.6, "odds_factor": 1.82},
    ],
}
RULE = {
    "title": "Single nodule",
    "text": "CT at 3 months",
    "place": "Table 1",
    "options": ["CT", "biopsy"],
    "leads": True,
}


def guideline(**changes):
    outcome = {
        "title": "Guideline",
        "status": "applies",
        "reason": "Applies: Single nodule.",
        "results": [RULE, {**RULE, "leads": False, "title": "Other"}],
        "missing": [],
        "statement": "Nothing is ordered.",
    }
    result = {"outcome": outcome | changes.pop("outcome", {}), "conflicts": [], "size_note": ""}
    return result | changes


@pytest.fixture
def texts(slicer_host):
    from MedDeepDiagnosisLib.panels import assessment_text

    return assessment_text


def test_result_has_figure_interval_and_set_and_is_escaped(texts):
    text = texts.resultText(ASSESSMENT, ["Note: no DICOM <SR>"])
    assert "Note: no DICOM &lt;SR&gt;" in text
    assert "Suspicion &lt;high&gt;" in text
    assert "16pt" in text
    assert "12 %" in text
    assert "5 % to 30 %, the 90 % interval from refits" in text
    assert "Only “absent” fits: a statement that is right in 90 %" in text
    assert "Not given: margin" in text


def test_an_abstention_comes_before_a_figure_that_does_not_stand_out(texts):
    text = texts.resultText({**ASSESSMENT, "abstains": True, "abstention_reasons": ["too large", "too long"]})
    assert text.index("abstains") < text.index("12 %")
    assert "too large; too long" in text
    assert "16pt" not in text


@pytest.mark.parametrize(
    ("held", "told"),
    [
        (["present"], "Only “present” fits"),
        (["present", "absent"], "both fit"),
        ([], "Neither outcome fits at a rate of 90 %"),
    ],
)
def test_conformal_sets_are_told_in_words(texts, held, told):
    assert told in texts.setText({**ASSESSMENT, "conformal_set": held})


def test_a_number_has_units_and_no_set(texts):
    number = {"kind": "number", "probability": None, "value": 7.25, "low": 2.0, "high": 15.5, "units": "points"}
    text = texts.resultText({**ASSESSMENT, **number, "conformal_set": []})
    assert "7.25 points" in text
    assert "2 to 15.5 points" in text
    assert "“" not in text
    assert "-1.2" in texts.reasonsText({**ASSESSMENT, **number})
    assert "Factors multiply" not in texts.reasonsText({**ASSESSMENT, **number})


def test_reasons_are_bars_as_long_as_they_are_strong(texts):
    from MedDeepRegSegLib.panels.colors import shade

    text = texts.reasonsText(ASSESSMENT)
    assert f"bgcolor='{shade('lowers')}' width='{texts.BAR_WIDTH}'" in text
    assert f"bgcolor='{shade('bad')}' width='{texts.BAR_WIDTH // 2}'" in text
    assert "× 1.8" in text
    assert "Factors multiply. Directions follow the cases learned from, with the habits of those who rated them" in text
    assert "Margin" not in text, "it is not given"
    assert texts.reasonsText({**ASSESSMENT, "contributions": ASSESSMENT["contributions"][1:2]}) == ""


def test_guidelines_show_their_rules_and_conflicts(texts):
    from MedDeepRegSegLib.panels.colors import shade

    text = texts.guidelinesText([guideline(conflicts=["The model gives 2 %, but", "A probability is no risk."])])
    assert "applies" in text
    assert "Single nodule: CT at 3 months (Table 1)" in text
    assert "<li>biopsy</li>" in text
    assert "Other" not in text
    assert f"color:{shade('bad')}" in text
    assert "A probability is no risk." in text
    assert "Nothing is ordered." in text
    assert texts.guidelinesText([]) == ""


def test_what_is_missing_is_named_and_asked_in_the_form(texts):
    """The questions themselves are the tooltips of the form: together they would be longer than the result."""
    missing = {
        "missing": [{"name": "age", "question": "How old?"}],
        "status": "incomplete",
        "results": [],
        "reason": "Missing: age.",
    }
    open_ = guideline(outcome=missing)
    text = texts.guidelinesText([open_])
    assert "cannot be applied yet. Missing: age." in text
    assert "To answer under Facts for guidelines" in text
    assert "How old?" not in text
    assert "To answer" not in texts.guidelinesText([guideline()])
    assert texts.missingFacts([open_, guideline()]) == ("age",)
