"""Limits of diameter and of volume can disagree, and that is said."""

from MedDeepDiagnosisLib.guidelines.applying import apply_rules
from MedDeepDiagnosisLib.guidelines.reading import load_rules
from MedDeepDiagnosisLib.guidelines.sizes import other_size_note, unused_size_facts

RULES = load_rules("fleischner_2017")
CASE = {
    "age_years": 60, "known_cancer": False, "immunosuppressed": False, "screening_ct": False, "benign_pattern": False,
    "nodule_count": "single", "nodule_texture": "solid", "lung_cancer_risk": "low",
}  # fmt: skip


def note(**facts):
    given = {**CASE, **facts}
    return other_size_note(RULES, given, apply_rules(RULES, given))


def test_a_flat_nodule_is_smaller_by_volume():
    assert "volume would lead to another rule: Single solid nodule of 6 to 8 mm" in note(
        mean_diameter_mm=9, volume_mm3=200
    )


def test_the_other_way_round_too():
    text = note(mean_diameter_mm=9, volume_mm3=200, size_by="volume")
    assert text == "Size by mean diameter would lead to another rule: Single solid nodule above 8 mm, any risk."


def test_nothing_is_said_where_both_agree_or_one_is_missing():
    assert note(mean_diameter_mm=9, volume_mm3=382) == ""
    assert note(mean_diameter_mm=9) == ""


def test_a_mass_by_volume_is_said():
    assert "Size by volume would change the outcome" in note(mean_diameter_mm=30, volume_mm3=15000)


def test_rules_without_the_choice_and_open_outcomes_say_nothing():
    stroke = load_rules("acute_stroke_pathway")
    assert other_size_note(stroke, {}, apply_rules(stroke, {})) == ""
    assert other_size_note(RULES, {}, apply_rules(RULES, {})) == ""


def test_facts_of_the_unused_measure_are_named():
    assert unused_size_facts(RULES, {}) == {"size_by", "volume_mm3"}
    assert unused_size_facts(RULES, {"size_by": "volume"}) == {"size_by", "mean_diameter_mm"}
    assert unused_size_facts(load_rules("lung_rads_2022"), {}) == frozenset()
