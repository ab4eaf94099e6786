"""Facts that follow from measurements and rated signs."""

import csv
import math
from pathlib import Path

import pytest

from MedDeepDiagnosisLib.guidelines.applying import apply_rules
from MedDeepDiagnosisLib.guidelines.case_facts import facts_from
from MedDeepDiagnosisLib.guidelines.reading import load_rules
from MedDeepDiagnosisLib.pathology import load_pathology
from MedDeepRegSegLib.errors import InputError

DOCS = Path(__file__).parents[4] / "Docs" / "Guidelines.md"
NODULE = load_pathology("lung_nodule")
SIZES = {"equivalent_diameter_mm": 8.0, "longest_diameter_mm": "10", "perpendicular_diameter_mm": 7.0}


def test_sizes_follow_from_the_diameters_of_one_slice_and_the_ball():
    case = facts_from(NODULE, SIZES)
    assert case.values["mean_diameter_mm"] == 8.5
    assert case.values["volume_mm3"] == pytest.approx(4 / 3 * math.pi * 4.0**3)
    assert case.origins["mean_diameter_mm"] == "mean of 10.0 mm and 7.0 mm across it in the same axial slice"


def test_without_the_perpendicular_diameter_there_is_no_mean():
    case = facts_from(NODULE, {"longest_diameter_mm": 10.0, "perpendicular_diameter_mm": math.nan})
    assert "mean_diameter_mm" not in case.values
    assert "volume_mm3" not in case.values


@pytest.mark.parametrize(
    ("rating", "texture"), [("Solid", "solid"), (3, "part_solid"), ("Non-solid, ground glass", "ground_glass")]
)
def test_texture_follows_from_a_clear_rating(rating, texture):
    assert facts_from(NODULE, {"texture": rating}).values["nodule_texture"] == texture


@pytest.mark.parametrize("rating", [2, "Between part solid and solid"])
def test_a_rating_between_two_kinds_decides_nothing_and_says_so(rating):
    case = facts_from(NODULE, {"texture": rating})
    assert "nodule_texture" not in case.values
    assert "between two kinds" in case.notes[0]


@pytest.mark.parametrize(
    ("calcification", "inside", "benign"),
    [
        ("Popcorn", None, True),
        ("Central", "Soft tissue", True),
        ("Absent", "Fat", True),
        ("Absent", "Soft tissue", False),
        ("Non-central", "Soft tissue", False),
        ("Absent", None, None),
        (None, "Soft tissue", None),
    ],
)
def test_benign_calcification_or_fat(calcification, inside, benign):
    case = facts_from(NODULE, {"calcification": calcification, "internal_structure": inside})
    assert case.values.get("benign_pattern") is benign
    expected = {True: "benign_nodule", False: "nodule", None: None}[benign]
    assert case.values.get("screening_finding") == expected


def test_what_was_given_comes_first():
    case = facts_from(NODULE, SIZES, {"mean_diameter_mm": "12", "age_years": "60", "known_cancer": ""})
    assert case.values["mean_diameter_mm"] == "12"
    assert case.values["age_years"] == "60"
    assert "mean_diameter_mm" not in case.origins
    assert "known_cancer" not in case.values


def test_an_implausible_value_is_refused():
    with pytest.raises(InputError, match="longest_diameter_mm is 999"):
        facts_from(NODULE, {"longest_diameter_mm": 999})


def test_fleischner_is_filled_as_far_as_the_case_allows_and_asks_for_the_rest():
    values = {**SIZES, "texture": "Solid", "calcification": "Absent", "internal_structure": "Soft tissue"}
    rules = load_rules("fleischner_2017")
    outcome = apply_rules(rules, facts_from(NODULE, values).values)
    assert outcome.status == "incomplete"
    # 8.5 mm counts as 9 mm. For a single nodule of that size risk would not matter, for several it does.
    assert [fact.name for fact in outcome.missing] == [
        "age_years",
        "known_cancer",
        "immunosuppressed",
        "screening_ct",
        "nodule_count",
        "lung_cancer_risk",
    ]
    single = apply_rules(rules, facts_from(NODULE, values, {"nodule_count": "single"}).values)
    assert "lung_cancer_risk" not in [fact.name for fact in single.missing]


@pytest.mark.parametrize("unknown", ["", "n/a", "Unknown", "nan", None, math.nan])
def test_a_fact_that_is_said_to_be_unknown_does_not_hide_what_follows(unknown):
    case = facts_from(NODULE, SIZES, {"mean_diameter_mm": unknown})
    assert case.values["mean_diameter_mm"] == 8.5
    required = facts_from(NODULE, {**SIZES, "equivalent_diameter_mm": unknown})
    assert "volume_mm3" not in required.values


def test_none_is_an_answer():
    assert facts_from(NODULE, SIZES, {"screening_finding": "none"}).values["screening_finding"] == "none"


def test_the_table_of_the_documentation_leads_to_a_rule():
    lines = [line.strip() for line in DOCS.read_text(encoding="utf-8").splitlines()]
    start = next(number for number, line in enumerate(lines) if line.startswith("equivalent_diameter_mm,"))
    (row,) = csv.DictReader(lines[start : start + 2])
    outcome = apply_rules(load_rules("fleischner_2017"), facts_from(NODULE, row, row).values)
    assert outcome.status == "applies"
    assert [rule.title for rule in outcome.leading] == ["Single solid nodule of 6 to 8 mm, high risk"]
    del row["benign_pattern"]
    assert apply_rules(load_rules("fleischner_2017"), facts_from(NODULE, row, row).values).status == "incomplete"
    assert apply_rules(load_rules("lung_rads_2022"), facts_from(NODULE, row, row).values).status == "refused"


@pytest.mark.parametrize("name", ["fleischner_2017", "lung_rads_2022"])
def test_the_documentation_lists_every_fact_with_its_words(name):
    text = DOCS.read_text(encoding="utf-8")
    start = text.index(f"`{name}` (", text.index("## Facts in a table"))
    table = text[start : text.index("\n\n", text.index("|---", start))]
    listed = [line.split("|")[1:4] for line in table.splitlines() if line.startswith("| `")]
    rules = load_rules(name)
    assert [line[0].split("`")[1] for line in listed] == [fact.name for fact in rules.facts]
    for fact, (_, title, allowed) in zip(rules.facts, listed, strict=True):
        assert title.strip() == fact.title
        if fact.kind == "words":
            assert allowed.split(";")[0].strip() == ", ".join(f"`{word.value}`" for word in fact.words)
        elif fact.kind == "number":
            assert allowed.strip() == f"{fact.minimum:g} to {fact.maximum:.7g} {fact.units}"
        else:
            assert allowed.strip() == "`yes`, `no`"
