"""Where model and rule disagree."""

from dataclasses import dataclass

import pytest

from MedDeepDiagnosisLib.guidelines.applying import apply_rules
from MedDeepDiagnosisLib.guidelines.conflicts import conflicts
from MedDeepDiagnosisLib.guidelines.reading import load_rules, rules_from_json

LARGE = {"age": 60, "size": 7}
SMALL_SOFT = {"age": 60, "size": 5, "kind": "soft"}
SMALL_HARD = {"age": 60, "size": 5, "kind": "hard"}


@dataclass(frozen=True)
class Assessed:
    probability: float
    abstains: bool = False


@pytest.fixture
def rules(toy):
    return rules_from_json(toy)


def test_a_low_probability_against_a_rule_that_offers_tests(rules):
    texts = conflicts(0.049, apply_rules(rules, LARGE))
    assert texts[0] == (
        "The model gives 4.9 %, below 5 % (low class), but the rule “Large” offers further tests now: test, biopsy."
    )
    assert texts[1] == "No truth. Classes: Nobody. Nowhere 2000, p. 3. https://doi.org/10.1000/1"
    assert len(texts) == 2


@pytest.mark.parametrize(
    ("facts", "asks"), [(SMALL_SOFT, "only follow-up: wait"), (SMALL_HARD, "no follow-up: nothing")]
)
def test_a_high_probability_against_a_rule_that_asks_for_less(rules, facts, asks):
    texts = conflicts(Assessed(0.66), apply_rules(rules, facts))
    assert "above 65 % (high class)" in texts[0]
    assert asks in texts[0]


@pytest.mark.parametrize(
    ("probability", "facts"),
    [
        (0.05, LARGE),  # the ends belong to the middle class
        (0.65, SMALL_HARD),
        (0.9, LARGE),
        (0.01, SMALL_HARD),
        (0.01, SMALL_SOFT),  # follow-up of what looks harmless is what follow-up is for
        (None, LARGE),
        (Assessed(0.01, abstains=True), LARGE),
        (0.01, {"age": 20, "size": 7}),  # refused
        (0.01, {"size": 7}),  # incomplete
    ],
)
def test_no_conflict(rules, probability, facts):
    assert conflicts(probability, apply_rules(rules, facts)) == ()


def test_a_remark_is_no_answer_to_disagree_with(rules):
    assert conflicts(0.9, apply_rules(rules, {**LARGE, "ill": "yes"})) == ()


def test_without_classes_nothing_is_compared(toy):
    del toy["probability_classes"]
    assert conflicts(0.01, apply_rules(rules_from_json(toy), LARGE)) == ()


def test_a_probability_is_one(rules):
    with pytest.raises(ValueError, match="expected 0 to 1"):
        conflicts(65, apply_rules(rules, LARGE))


def test_fleischner_names_the_classes_and_that_the_model_learned_opinions():
    facts = {"age_years": 60, "known_cancer": 0, "immunosuppressed": 0, "screening_ct": 0, "benign_pattern": 0}
    facts |= {"nodule_count": "single", "nodule_texture": "solid", "mean_diameter_mm": 12}
    texts = conflicts(0.03, apply_rules(load_rules("fleischner_2017"), facts))
    assert "below 5 % (ACCP: very low pretest probability of malignancy)" in texts[0]
    assert "CT at 3 months, PET/CT, tissue sampling" in texts[0]
    assert "how radiologists of the LIDC study would rate the nodule, not pathology" in texts[1]
    assert "10.1378/chest.12-2351" in texts[1]
