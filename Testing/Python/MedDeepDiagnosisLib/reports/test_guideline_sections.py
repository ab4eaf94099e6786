"""What a report says of the guidelines."""

from dataclasses import replace
from datetime import date

import pytest

from MedDeepDiagnosisLib.pathology import load_pathology
from MedDeepDiagnosisLib.reports.content import Provenance, Report, TableSection, TextSection
from MedDeepDiagnosisLib.reports.guideline_sections import apply_guidelines, fact_columns, guideline_sections
from MedDeepDiagnosisLib.reports.rendering import render_report
from MedDeepRegSegLib.errors import InputError

NODULE = load_pathology("lung_nodule")
VALUES = {
    "equivalent_diameter_mm": 9.0, "longest_diameter_mm": 11.0, "perpendicular_diameter_mm": 9.0, "texture": 5,
    "calcification": 6, "internal_structure": 1,
}  # fmt: skip
FACTS = {
    "case": "A", "age_years": "60", "known_cancer": "no", "immunosuppressed": "no", "screening_ct": "no",
    "nodule_count": "single",
}  # fmt: skip


def sections(values=VALUES, facts=FACTS, prediction=0.5, guideline="Fleischner"):
    found = guideline_sections(apply_guidelines(NODULE, values, facts, prediction))
    return [section for section in found if guideline in section.title]


def test_the_rule_its_options_and_its_source_are_shown():
    summary, text, _, _ = sections()
    facts = {fact.label: fact for fact in summary.facts}
    assert facts["This guideline"].value == "applies"
    assert facts["Management"].value == "Single solid nodule above 8 mm, any risk"
    ((title, says, options, grade, source),) = text.rows
    assert title == facts["Management"].value
    assert says == "Consider CT at 3 months, PET/CT, or tissue sampling."
    assert options == "CT at 3 months; PET/CT; tissue sampling"
    assert grade == "not graded here"
    assert source.endswith("Recommendation 1. https://doi.org/10.1148/radiol.2017161659")
    assert "Nothing is ordered" in " ".join(summary.paragraphs)
    assert not any("disagree" in item for item in summary.items)


def test_each_condition_is_shown_with_its_fact_and_where_that_comes_from():
    why = sections()[2]
    assert isinstance(why, TableSection)
    row = next(row for row in why.rows if row[1] == "Mean diameter above 8 mm")
    assert row[2:] == ("10 mm", "yes", "mean of 11.0 mm and 9.0 mm across it in the same axial slice")
    assert ("Exclusion: Known primary cancer", "Known primary cancer: yes", "no", "no", "given") in why.rows


def test_rules_that_do_not_apply_are_shown_with_the_reason():
    others = sections()[3]
    rows = {row[0]: row for row in others.rows}
    assert len(rows) == 16
    assert rows["Single pure ground-glass nodule of 6 mm or more"][1] == "Texture: Pure ground glass (here: Solid)"
    small = rows["Single solid nodule below 6 mm, low risk"][1]
    assert small == "Mean diameter below 6 mm (here: 10 mm)"
    assert "Recommendation 3" in rows["Single pure ground-glass nodule of 6 mm or more"][2]


def test_a_refused_guideline_says_why_and_lists_no_rules():
    summary, why, others = sections(guideline="Lung-RADS")
    assert summary.facts[0].value == "does not apply"
    assert "not made for lung cancer screening" in summary.facts[0].note
    assert len(others.rows) == 1
    assert len(summary.facts) == 1
    assert not any("Lung-RADS 4A" in row[0] for row in why.rows)


def test_missing_facts_are_asked_for_with_their_column():
    facts = {name: value for name, value in FACTS.items() if name not in {"age_years", "nodule_count"}}
    summary = sections(facts=facts, values={**VALUES, "texture": 4})[0]
    text = "\n".join(summary.items)
    assert summary.facts[0].value == "cannot be applied yet"
    assert "Missing: How old is the patient? Column age_years: a number from 0 to 120 years." in text
    assert "Column nodule_count: one of single (Single), multiple (Several)." in text
    assert "Texture was rated 4 of 5, between two kinds" in text


def test_a_rule_that_holds_while_something_is_missing_is_shown_as_not_settled():
    facts = {name: value for name, value in FACTS.items() if name != "known_cancer"}
    summary, text, *_ = sections(facts=facts)
    assert summary.facts[1].label == "Management (not settled)"
    assert text.rows[0][0] == "Single solid nodule above 8 mm, any risk"


def test_conflicts_are_shown_with_what_the_probability_is_not():
    summary = sections(prediction=0.02)[0]
    assert summary.items[0].startswith("Model and rule disagree. The model gives 2 %, below 5 %")
    assert "not pathology" in summary.items[1]


def test_another_measure_of_size_is_pointed_out():
    (result, _) = apply_guidelines(
        NODULE, {**VALUES, "equivalent_diameter_mm": 7.0}, FACTS | {"lung_cancer_risk": "low"}, None
    ).results
    assert "Size by volume would lead to another rule" in result.size_note
    summary = sections(values={**VALUES, "equivalent_diameter_mm": 7.0}, facts=FACTS | {"lung_cancer_risk": "low"})[0]
    assert result.size_note in summary.items


def test_no_facts_at_all_make_everything_open():
    for result in apply_guidelines(NODULE, {}, {}, 0.01).results:
        assert result.outcome.status == "incomplete"
        assert result.conflicts == ()


def test_a_wrong_fact_is_refused_by_name():
    with pytest.raises(InputError, match="known_cancer is 'perhaps', expected yes or no"):
        guideline_sections(apply_guidelines(NODULE, VALUES, FACTS | {"known_cancer": "perhaps"}, 0.5))


def test_a_guideline_without_rules_gives_no_section():
    plain = replace(NODULE, guidelines=tuple(replace(guide, rules="") for guide in NODULE.guidelines))
    assert guideline_sections(apply_guidelines(plain, VALUES, FACTS, 0.5)) == ()
    assert fact_columns(plain) == frozenset()


def test_columns_of_facts_are_known():
    columns = fact_columns(NODULE)
    assert {"age_years", "age", "known_cancer", "nodule_state", "size_by"} <= columns
    assert "texture" not in columns


def test_the_page_shows_it_escaped():
    found = guideline_sections(apply_guidelines(NODULE, VALUES, FACTS, 0.02))
    assert isinstance(found[0], TextSection)
    report = Report("Assessment", "A", found, Provenance(date(2026, 1, 1)))
    page = render_report(report)
    assert "Single solid nodule above 8 mm, any risk" in page
    assert "Model and rule disagree" in page
