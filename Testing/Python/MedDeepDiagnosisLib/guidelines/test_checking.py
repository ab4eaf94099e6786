"""The checker finds what a rules file leaves uncovered and where it contradicts itself."""

from MedDeepDiagnosisLib.guidelines.checking import check_coverage, fact_grid
from MedDeepDiagnosisLib.guidelines.reading import rules_from_json


def test_the_grid_holds_both_sides_of_every_limit_and_every_word(toy):
    grid = fact_grid(rules_from_json(toy))
    assert grid["size"] == (5.0, 6.0, 7.0)
    assert grid["age"] == (34.999, 35.0, 35.001)
    assert grid["kind"] == ("hard", "soft")
    assert grid["ill"] == (False, True)
    assert "seen" not in grid
    assert set(fact_grid(rules_from_json(toy), ["size"])) == {"size"}


def test_a_whole_file_has_no_findings(toy):
    report = check_coverage(rules_from_json(toy), "main")
    assert (report.cases, report.excluded) == (24, 12)
    assert report.uncovered == report.contradictory == report.unused == ()


def test_gaps_are_found(toy):
    toy["rules"][2]["when"] = {"fact": "size", "above": 6}
    report = check_coverage(rules_from_json(toy), "main")
    assert {finding.facts["size"] for finding in report.uncovered} == {6.0}
    assert report.contradictory == ()


def test_contradictions_and_unused_rules_are_found(toy):
    toy["rules"][2]["when"] = {"fact": "size", "at_least": 5}
    toy["rules"][1]["when"] = {"fact": "size", "above": 90, "below": 90.5}
    grid = {"size": (5.0, 6.0), "kind": ("hard",)}
    report = check_coverage(rules_from_json(toy), "main", grid)
    assert [(finding.facts, finding.rules) for finding in report.contradictory] == [
        ({"size": 5.0, "kind": "hard"}, ("nothing", "test"))
    ]
    assert report.unused == ("wait",)


def test_ranks_settle_contradictions(toy):
    toy["groups"][0]["choose"] = "highest"
    toy["rules"][2] |= {"when": {"fact": "size", "at_least": 5}, "rank": 5}
    report = check_coverage(rules_from_json(toy), "main", {"size": (5.0,), "kind": ("hard",)})
    assert report.contradictory == ()


def test_cases_that_cannot_be_are_left_out(toy):
    report = check_coverage(rules_from_json(toy), "main", counts=lambda facts: facts["size"] < 6)
    assert (report.cases, report.excluded) == (8, 4)
