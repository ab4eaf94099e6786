"""Rules files: what ships loads, and faults are named by their field."""

import json
import re
from pathlib import Path

import pytest

from MedDeepDiagnosisLib.guidelines.reading import load_rules, rules_from_json, rules_names
from MedDeepRegSegLib.errors import InputError


def test_all_rules_that_ship_load_under_their_names():
    assert rules_names() == ("acute_stroke_pathway", "fleischner_2017", "lung_rads_2022")
    for name in rules_names():
        assert load_rules(name).identifier == name


def test_every_source_that_ships_has_a_doi_and_every_rule_a_place():
    for name in rules_names():
        rules = load_rules(name)
        assert all(source.doi.startswith("10.") for source in rules.sources)
        assert all(rule.place and rule.text for rule in rules.rules)
        assert rules.note


def test_ones_own_file_is_read(toy, tmp_path):
    path = tmp_path / "own.json"
    path.write_text(json.dumps(toy), encoding="utf-8")
    assert load_rules(path).title == "Toy guideline"


def test_the_example_of_the_documentation_is_a_rules_file():
    text = (Path(__file__).parents[4] / "Docs" / "Guidelines.md").read_text(encoding="utf-8")
    example = re.search(r"```json\n(.*?)```", text, re.DOTALL)[1]
    assert [rule.name for rule in rules_from_json(json.loads(example)).rules] == ["small", "large"]


@pytest.mark.parametrize("name", ["nothing", "../fleischner_2017", ""])
def test_unknown_names_list_the_known_ones(name):
    with pytest.raises(InputError, match="expected one of acute_stroke_pathway, fleischner_2017"):
        load_rules(name)


@pytest.mark.parametrize("text", ["{", "[" * 100_000])
def test_a_file_that_is_no_json_is_refused(tmp_path, text):
    path = tmp_path / "broken.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="cannot be read as JSON"):
        load_rules(path)
    with pytest.raises(InputError, match="cannot be read as JSON"):
        load_rules(tmp_path / "absent.json")


def _put(data, path, value):
    *way, last = path
    for step in way:
        data = data[step]
    if value is KeyError:
        del data[last]
    else:
        data[last] = value


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["title"], KeyError, "title: missing field"),
        (["title"], " ", "title: expected a text"),
        (["colour"], "red", "colour: unknown field"),
        (["rules"], [], r"rules: expected a list that is not empty"),
        (["rules"], {}, r"rules: expected a list that is not empty"),
        (["rules", 0], "x", r"rules\[0\]: expected an object"),
        (["rules", 0, "when"], KeyError, r"rules\[0\]\.when: missing field"),
        (["rules", 0, "when", "all", 1, "fact"], 3, r"rules\[0\]\.when\.all\[1\]\.fact: expected a text"),
        (["rules", 0, "when", "all", 1, "is"], 3, r"rules\[0\]\.when\.all\[1\]\.is: expected words, true or false"),
        (["rules", 0, "when", "all", 1, "one_of"], ["hard"], r"all\[1\]\.one_of: expected either is or one_of"),
        (["rules", 0, "when", "all", 1, "like"], "hard", r"rules\[0\]\.when\.all\[1\]\.like: unknown field"),
        (["rules", 0, "when", "all"], [], r"rules\[0\]\.when\.all: expected a list that is not empty"),
        (["rules", 0, "when"], {}, r"rules\[0\]\.when: expected one of all, any, not, term, rule or fact, got none"),
        (["rules", 0, "when", "fact"], "age", r"rules\[0\]\.when: expected one of .* got all, fact"),
        (["rules", 0, "demand"], "much", r"rules\[0\]\.demand: expected one of none, follow_up, work_up"),
        (["rules", 0, "options"], "wait", r"rules\[0\]\.options: expected a list of texts"),
        (["terms", 0, "when", "below"], "6", r"terms\[0\]\.when\.below: expected a number"),
        (["terms", 0, "when", "below"], True, r"terms\[0\]\.when\.below: expected a number"),
        (["facts", 0, "minimum"], 200, r"facts\[0\]: fact age: minimum 200 is not below maximum 120"),
        (["facts", 2, "words", 0, "title"], KeyError, r"facts\[2\]\.words\[0\]\.title: missing field"),
        (["facts", 4, "default"], "yes", r"fact seen: default 'yes', expected yes or no"),
        (["facts", 4, "default"], [1], r"facts\[4\]\.default: expected a number, a word, true or false"),
        (["groups", 0, "needed"], 1, r"groups\[0\]\.needed: expected true or false"),
        (["sources", 0, "doi"], "", r"sources\[0\]: source paper: give a doi or a url"),
        (["probability_classes", "low"], 0.9, r"probability_classes: .*expected 0 < low < high < 1"),
    ],
)
def test_faults_are_named_by_their_field(toy, path, value, message):
    _put(toy, path, value)
    with pytest.raises(InputError, match=message):
        rules_from_json(toy)


def test_the_name_of_the_file_is_said(toy, tmp_path):
    path = tmp_path / "own.json"
    del toy["rules"][1]["text"]
    path.write_text(json.dumps(toy), encoding="utf-8")
    with pytest.raises(InputError, match=r"rules file own\.json: rules\[1\]\.text: missing field"):
        load_rules(path)


def test_conditions_cannot_be_nested_without_end(toy):
    condition = {"fact": "ill", "is": True}
    for _ in range(30):
        condition = {"not": condition}
    toy["rules"][0]["when"] = condition
    with pytest.raises(InputError, match="nested deeper than 20"):
        rules_from_json(toy)


@pytest.mark.parametrize("data", [None, [], "x", 3])
def test_what_is_no_object_is_refused(data):
    with pytest.raises(InputError, match="the file: expected an object"):
        rules_from_json(data)
