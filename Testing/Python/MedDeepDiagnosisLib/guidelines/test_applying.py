"""Outcomes: applies, refused, incomplete, with the reasons and what is missing."""

import json

import pytest

from MedDeepDiagnosisLib.guidelines.applying import STATEMENT, RuleOutcome, apply_rules
from MedDeepDiagnosisLib.guidelines.reading import rules_from_json
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.schema import from_json, to_json


@pytest.fixture
def rules(toy):
    return rules_from_json(toy)


def test_a_rule_applies_with_its_reasons_source_and_grade(rules):
    outcome = apply_rules(rules, {"age": "60", "size": 5.4, "kind": "hard"})
    assert outcome.status == "applies"
    assert outcome.missing == ()
    (rule,) = outcome.leading
    assert (rule.name, rule.options, rule.evidence) == ("nothing", ("nothing",), "1A")
    assert rule.source == "Nobody. Nowhere 2000, Table 1, row 1. https://doi.org/10.1000/1"
    assert [(c.condition, c.value, c.truth) for c in rule.why] == [
        ("Size below 6 mm", "5.4 mm, counts as 5 mm", True),
        ("Kind: Hard one", "Hard one", True),
    ]
    assert outcome.statement == STATEMENT


def test_rules_that_do_not_hold_say_what_fails(rules):
    outcome = apply_rules(rules, {"age": 60, "size": 5, "kind": "hard"})
    other = {rule.name: rule for rule in outcome.results}
    assert other["wait"].truth is False
    assert [(c.condition, c.value) for c in other["wait"].why] == [("Kind: not Hard one", "Hard one")]
    assert [(c.condition, c.value) for c in other["test"].why] == [("Size not below 6 mm", "5 mm")]


def test_a_missing_fact_makes_it_incomplete_and_is_asked_for(rules):
    outcome = apply_rules(rules, {"age": 60, "size": 5})
    assert outcome.status == "incomplete"
    assert [(m.name, m.question, m.allowed) for m in outcome.missing] == [
        ("kind", "Which kind?", "one of hard (Hard one), soft (Soft one)")
    ]
    assert outcome.leading == ()
    assert {rule.name for rule in outcome.results if rule.truth is None} == {"nothing", "wait", "remark"}
    assert "Missing: kind." in outcome.reason


def test_what_could_not_change_anything_is_not_asked_for(rules):
    outcome = apply_rules(rules, {"age": 60, "size": 7})
    assert outcome.status == "applies"
    assert [rule.name for rule in outcome.leading] == ["test"]


def test_an_exclusion_refuses_whatever_is_missing(rules):
    outcome = apply_rules(rules, {"age": 34.9})
    assert outcome.status == "refused"
    assert outcome.reason == "The guideline does not apply: too young."
    assert outcome.missing == ()
    assert outcome.leading == ()


def test_an_open_exclusion_lets_no_rule_lead(rules):
    outcome = apply_rules(rules, {"size": 7})
    assert outcome.status == "incomplete"
    assert [fact.name for fact in outcome.missing] == ["age"]
    assert outcome.leading == ()
    assert [rule.name for rule in outcome.matched] == ["test"]


def test_remarks_lead_beside_the_rule_and_do_not_hold_it_up(rules):
    facts = {"age": 60, "size": 7}
    assert apply_rules(rules, facts).status == "applies"
    outcome = apply_rules(rules, {**facts, "ill": "yes"})
    assert [rule.name for rule in outcome.leading] == ["test", "remark"]


def test_no_rule_at_all_is_refused_and_said(toy):
    del toy["rules"][2]
    outcome = apply_rules(rules_from_json(toy), {"age": 60, "size": 7, "kind": "hard"})
    assert outcome.status == "refused"
    assert "no rule of this file covers such a case" in outcome.reason


def test_contradicting_rules_are_all_reported(toy):
    toy["rules"][2]["when"] = {"fact": "size", "at_least": 5}
    outcome = apply_rules(rules_from_json(toy), {"age": 60, "size": 5, "kind": "hard"})
    assert {rule.name for rule in outcome.leading} == {"nothing", "test"}
    assert "contradicts itself" in outcome.reason


def _ranked(toy):
    toy["groups"][0]["choose"] = "highest"
    toy["rules"][0] |= {"when": {"fact": "size", "at_least": 1}, "rank": 1}
    toy["rules"][1] |= {"when": {"fact": "kind", "is": "soft"}, "rank": 2}
    toy["rules"][2] |= {"when": {"fact": "size", "at_least": 9}, "rank": 3}
    return rules_from_json(toy)


def test_of_ranked_rules_the_highest_leads(toy):
    rules = _ranked(toy)
    outcome = apply_rules(rules, {"age": 60, "size": 9, "kind": "soft"})
    assert [rule.name for rule in outcome.leading] == ["test"]
    assert {rule.name for rule in outcome.matched} == {"nothing", "wait", "test"}


def test_an_open_higher_rule_holds_a_lower_one_up_but_not_the_reverse(toy):
    rules = _ranked(toy)
    lower = apply_rules(rules, {"age": 60, "size": 4})
    assert (lower.status, lower.leading, [m.name for m in lower.missing]) == ("incomplete", (), ["kind"])
    higher = apply_rules(rules, {"age": 60, "size": 9})
    assert (higher.status, [rule.name for rule in higher.leading]) == ("applies", ["test"])


def test_defaults_are_listed_as_assumed(rules):
    assert apply_rules(rules, {"age": 60, "size": 7}).assumed == ("Seen: yes",)
    assert apply_rules(rules, {"age": 60, "size": 7, "seen": "no"}).assumed == ()


def test_a_value_that_is_not_allowed_is_refused_by_name(rules):
    with pytest.raises(InputError, match="age is '300', expected a number from 0 to 120 years"):
        apply_rules(rules, {"age": "300"})


def test_an_outcome_goes_through_json(rules):
    outcome = apply_rules(rules, {"age": 60, "size": 5})
    assert from_json(RuleOutcome, json.loads(json.dumps(to_json(outcome)))) == outcome
