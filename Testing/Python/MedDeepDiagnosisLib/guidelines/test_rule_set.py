"""Rule sets: names, references and comparisons that do not fit are refused."""

import pytest

from MedDeepDiagnosisLib.guidelines.reading import rules_from_json
from MedDeepDiagnosisLib.guidelines.rule_set import Source
from MedDeepRegSegLib.errors import InputError


def test_citations_have_place_and_link(toy):
    rules = rules_from_json(toy)
    assert rules.cited("paper", "Table 1") == "Nobody. Nowhere 2000, Table 1. https://doi.org/10.1000/1"
    assert Source("own", "Own rules", "", "https://example.org").cited("") == "Own rules. https://example.org"


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ({"fact": "weight", "below": 3}, "rule nothing: fact 'weight' is unknown, expected one of age, size"),
        ({"term": "huge"}, "rule nothing: term 'huge' is unknown"),
        ({"rule": "wait"}, "rule nothing: term 'rule:wait' is unknown"),
        ({"fact": "ill", "below": 3}, "rule nothing: fact ill is no number"),
        ({"fact": "size", "is": "hard"}, "rule nothing: fact size is a number"),
        ({"fact": "kind", "is": "medium"}, "rule nothing: fact kind: 'medium' is no answer"),
        ({"fact": "kind", "is": True}, "rule nothing: fact kind: True is no answer"),
        ({"fact": "ill", "is": "yes"}, "rule nothing: fact ill: 'yes' is no answer, expected yes or no"),
        ({"fact": "kind", "one_of": []}, "rule nothing: fact kind: 'nothing' is no answer"),
        ({"fact": "size"}, "rule nothing: fact size: give one lower bound"),
        ({"fact": "size", "above": 1, "at_least": 2}, "rule nothing: fact size: give one lower bound"),
        ({"fact": "size", "above": 8, "below": 6}, "no number lies between 8 and 6"),
        ({"fact": "size", "at_least": 6, "below": 6}, "no number lies between 6 and 6"),
    ],
)
def test_conditions_that_do_not_fit_are_named(toy, condition, message):
    toy["rules"][0]["when"] = condition
    with pytest.raises(InputError, match=message):
        rules_from_json(toy)


def test_a_single_number_is_a_range(toy):
    toy["rules"][0]["when"] = {"fact": "size", "at_least": 6, "at_most": 6}
    assert rules_from_json(toy).rules[0].name == "nothing"


def test_a_rule_may_refer_to_one_before_it(toy):
    toy["rules"][3]["when"] = {"any": [{"rule": "nothing"}, {"rule": "wait"}]}
    assert rules_from_json(toy).rules[3].name == "remark"


@pytest.mark.parametrize("part", ["facts", "terms", "exclusions", "groups", "rules", "sources"])
def test_names_are_unique(toy, part):
    toy[part].append(toy[part][0])
    with pytest.raises(InputError, match=r"names are not unique \("):
        rules_from_json(toy)


def test_an_alias_may_not_be_another_fact(toy):
    toy["facts"][1]["aliases"] = ["age"]
    with pytest.raises(InputError, match=r"fact names are not unique \(age\)"):
        rules_from_json(toy)


@pytest.mark.parametrize(("part", "field"), [("rules", "group"), ("rules", "source"), ("exclusions", "source")])
def test_references_must_exist(toy, part, field):
    toy[part][0][field] = "other"
    with pytest.raises(InputError, match=f"{field} 'other' is unknown"):
        rules_from_json(toy)
