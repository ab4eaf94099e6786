"""Facts: what is read, refused, missing, rounded and assumed."""

import math

import pytest

from MedDeepDiagnosisLib.guidelines.rule_facts import FactWord, RuleFact, parse_facts
from MedDeepRegSegLib.errors import InputError

SIZE = RuleFact("size", "Size", "How large?", "number", "mm", 0, 100, decimals=0, aliases=("width",))
ILL = RuleFact("ill", "Illness", "Ill?", "yes_no")
KIND = RuleFact("kind", "Kind", "Which?", "words", words=(FactWord("hard", "Hard one"), FactWord("soft", "Soft one")))


@pytest.mark.parametrize(("value", "expected"), [(7, 7.0), ("7.5", 7.5), (0, 0.0), ("100", 100.0)])
def test_numbers_are_read_with_both_ends_of_the_range(value, expected):
    assert SIZE.parse(value) == expected


@pytest.mark.parametrize("value", [None, "", " ", "nan", float("nan"), "unknown", "Not given"])
@pytest.mark.parametrize("fact", [SIZE, ILL, KIND])
def test_missing_is_missing_and_never_no(fact, value):
    assert fact.parse(value) is None


@pytest.mark.parametrize("value", [-0.1, 100.5, "inf", "7,5", "7 mm", True])
def test_other_numbers_are_refused_by_name(value):
    with pytest.raises(InputError, match=r"size is .*expected a number from 0 to 100 mm"):
        SIZE.parse(value)


@pytest.mark.parametrize(
    ("value", "expected"), [("yes", True), ("No", False), (1, True), (0.0, False), (True, True), ("FALSE", False)]
)
def test_yes_and_no_in_their_spellings(value, expected):
    assert ILL.parse(value) is expected


def test_words_are_read_as_value_or_title():
    assert KIND.parse("HARD") == "hard"
    assert KIND.parse("soft one") == "soft"
    with pytest.raises(InputError, match=r"kind is 'medium', expected one of hard \(Hard one\), soft \(Soft one\)"):
        KIND.parse("medium")
    with pytest.raises(InputError, match="ill is 'maybe', expected yes or no"):
        ILL.parse("maybe")


@pytest.mark.parametrize(("value", "counted"), [(5.49, 5), (5.5, 6), (8.49, 8), (8.5, 9), (6.0, 6)])
def test_rounding_is_half_up_to_whole_millimeters(value, counted):
    assert SIZE.counted(value) == counted


@pytest.mark.parametrize(("value", "counted"), [(5.94, 5.9), (5.95, 6.0), (7.96, 8.0), (1.15, 1.2)])
def test_rounding_to_one_decimal_survives_binary_fractions(value, counted):
    fact = RuleFact("size", "Size", "?", "number", "mm", decimals=1)
    assert fact.counted(value) == pytest.approx(counted, abs=1e-12)


def test_a_rounded_value_is_shown_with_what_it_counts_as():
    assert SIZE.display(8.4) == "8.4 mm, counts as 8 mm"
    assert SIZE.display(8.0) == "8 mm"
    assert ILL.display(None) == "not given"
    assert ILL.display(False) == "no"
    assert KIND.display("hard") == "Hard one"


def test_aliases_stand_in_and_defaults_are_marked():
    seen = RuleFact("seen", "Seen", "?", "yes_no", default=True)
    sheet = parse_facts((SIZE, seen), {"width": "4", "other": "x"})
    assert sheet.given == {"size": 4.0, "seen": True}
    assert sheet.assumed == {"seen"}
    assert parse_facts((SIZE, seen), {"size": "", "width": 5, "seen": "no"}).given == {"size": 5.0, "seen": False}
    assert parse_facts((SIZE,), {}).given == {"size": None}


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"kind": "words"}, "needs words"),
        ({"kind": "number", "words": (FactWord("a", "A"),)}, "needs words"),
        ({"kind": "words", "words": (FactWord("a", "A"), FactWord("a", "B"))}, "not unique"),
        ({"kind": "number", "minimum": 3.0, "maximum": 3.0}, "is not below"),
        ({"kind": "yes_no", "units": "mm"}, "belong to numbers"),
        ({"kind": "number", "decimals": 9}, "expected 0 to 6"),
    ],
)
def test_faults_of_a_fact_are_named(arguments, problem):
    with pytest.raises(ValueError, match=f"fact x: .*{problem}"):
        RuleFact("x", "X", "?", **arguments)


def test_a_number_without_a_range_says_so():
    fact = RuleFact("x", "X", "?", "number", "ml")
    assert math.isinf(fact.maximum)
    assert fact.allowed_text == "a number in ml"
