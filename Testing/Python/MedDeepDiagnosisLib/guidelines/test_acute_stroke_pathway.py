"""The sketch of the stroke pathway: time windows and criteria, with both ends of each limit."""

import pytest

from MedDeepDiagnosisLib.guidelines.applying import apply_rules
from MedDeepDiagnosisLib.guidelines.reading import load_rules

RULES = load_rules("acute_stroke_pathway")
PATIENT = {
    "age_years": 70, "intracranial_hemorrhage": "no", "nihss": 12, "disabling_deficit": "yes",
    "thrombolysis_contraindicated": "no", "dwi_flair_mismatch": "no", "prestroke_rankin": 1, "occlusion": "m1",
    "aspects": 8, "core_ml": 20, "mismatch_ratio": 2.0, "mismatch_ml": 40, "over_third_mca": "no",
}  # fmt: skip


def rules_at(hours, **changes):
    facts = {**PATIENT, "hours_since_last_known_well": hours, "hours_since_recognition": hours, **changes}
    outcome = apply_rules(RULES, facts)
    assert outcome.status in {"applies", "refused"}
    return {rule.name for rule in outcome.leading}


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        (2.0, {"alteplase_3h", "thrombectomy_6h"}),
        (3.0, {"alteplase_3h", "thrombectomy_6h"}),
        (3.1, {"alteplase_4_5h", "thrombectomy_6h"}),
        (4.5, {"alteplase_4_5h", "thrombectomy_6h"}),
        (4.6, {"thrombectomy_6h"}),
        (6.0, {"thrombectomy_6h"}),
        (6.1, {"dawn_6_16h", "defuse_3_6_16h"}),
        (16.0, {"dawn_6_16h", "defuse_3_6_16h"}),
        (16.1, {"dawn_16_24h"}),
        (24.0, {"dawn_16_24h"}),
        (24.1, set()),
    ],
)
def test_time_windows(hours, expected):
    assert rules_at(hours) == expected


@pytest.mark.parametrize(
    ("change", "holds"),
    [
        ({"prestroke_rankin": 2}, False),
        ({"nihss": 5}, False),
        ({"nihss": 6}, True),
        ({"aspects": 5}, False),
        ({"aspects": 6}, True),
        ({"occlusion": "m2"}, False),
        ({"occlusion": "ica"}, True),
    ],
)
def test_early_thrombectomy_wants_all_its_criteria(change, holds):
    assert ("thrombectomy_6h" in rules_at(5.0, **change)) == holds


@pytest.mark.parametrize(
    ("age", "nihss", "core", "holds"),
    [
        (80, 10, 20.9, True), (80, 10, 21, False), (80, 9, 10, False), (79, 10, 30.9, True), (79, 10, 31, False),
        (79, 20, 50.9, True), (79, 19, 40, False), (79, 20, 51, False),
    ],
)  # fmt: skip
def test_dawn_mismatch_by_age_deficit_and_core(age, nihss, core, holds):
    assert ("dawn_16_24h" in rules_at(20, age_years=age, nihss=nihss, core_ml=core)) == holds


@pytest.mark.parametrize(
    ("change", "holds"),
    [
        ({}, True), ({"core_ml": 70}, False), ({"core_ml": 69.9}, True), ({"mismatch_ratio": 1.8}, True),
        ({"mismatch_ratio": 1.79}, False), ({"mismatch_ml": 15}, True), ({"mismatch_ml": 14.9}, False),
        ({"age_years": 91}, False), ({"age_years": 90}, True), ({"prestroke_rankin": 2}, True), ({"nihss": 5}, False),
    ],
)  # fmt: skip
def test_defuse_3_criteria(change, holds):
    assert ("defuse_3_6_16h" in rules_at(10, **change)) == holds


def test_unknown_onset_goes_by_mri():
    assert "alteplase_unknown_onset" in rules_at(9, hours_since_recognition=2, dwi_flair_mismatch="yes")
    assert "alteplase_unknown_onset" not in rules_at(9, hours_since_recognition=5, dwi_flair_mismatch="yes")


def test_mild_strokes_that_do_not_disable():
    assert rules_at(2, nihss=3, disabling_deficit="no", occlusion="none") == {"mild_nondisabling"}


def test_a_contraindication_removes_thrombolysis_only():
    assert rules_at(2, thrombolysis_contraindicated="yes") == {"thrombectomy_6h"}


@pytest.mark.parametrize("change", [{"intracranial_hemorrhage": "yes"}, {"age_years": 17}])
def test_exclusions(change):
    assert rules_at(2, **change) == set()


def test_missing_imaging_is_asked_for_not_assumed():
    facts = {**PATIENT, "hours_since_last_known_well": 8}
    for name in ("core_ml", "dwi_flair_mismatch"):
        del facts[name]
    outcome = apply_rules(RULES, facts)
    assert outcome.status == "incomplete"
    assert {"core_ml", "dwi_flair_mismatch", "hours_since_recognition"} == {fact.name for fact in outcome.missing}


def test_it_says_that_it_is_a_sketch_and_superseded():
    assert "sketch" in RULES.title
    assert "SUPERSEDED" in RULES.note
    assert all(rule.demand in {"work_up", "none"} for rule in RULES.rules)
    assert RULES.probability_classes is None
