"""Three-valued logic: a missing fact leaves open what it could change, and only that."""

import itertools

import pytest

from MedDeepDiagnosisLib.guidelines.conditions import (
    AllOf,
    AnyOf,
    Check,
    Choice,
    Judge,
    NotOf,
    Range,
    Term,
    leaf_words,
    leaves,
)
from MedDeepDiagnosisLib.guidelines.rule_facts import RuleFact

FACTS = {name: RuleFact(name, name.upper(), "?", "yes_no") for name in "abc"}
SIZE = RuleFact("size", "Size", "?", "number", "mm", decimals=0)
A, B, C = (Choice(name, (True,)) for name in "abc")


def judge(**given):
    facts = {**FACTS, "size": SIZE}
    return Judge(facts, {"either": AnyOf((A, B))}, {name: given.get(name) for name in facts})


@pytest.mark.parametrize(("a", "b"), list(itertools.product([True, False, None], repeat=2)))
def test_all_any_and_not_follow_kleene(a, b):
    found = judge(a=a, b=b)
    conjunction = False if False in (a, b) else (None if None in (a, b) else True)
    disjunction = True if True in (a, b) else (None if None in (a, b) else False)
    assert found.truth(AllOf((A, B))) is conjunction
    assert found.truth(AnyOf((A, B))) is disjunction
    assert found.truth(Term("either")) is disjunction
    assert found.truth(NotOf(A)) is (None if a is None else not a)
    # De Morgan
    assert found.truth(NotOf(AllOf((A, B)))) is found.truth(AnyOf((NotOf(A), NotOf(B))))


@pytest.mark.parametrize(("a", "b", "c"), list(itertools.product([True, False, None], repeat=3)))
def test_open_means_that_an_answer_could_turn_it_either_way(a, b, c):
    condition = AnyOf((AllOf((A, B)), NotOf(C)))
    truths = {
        judge(a=x, b=y, c=z).truth(condition)
        for x, y, z in itertools.product(*((v,) if v is not None else (True, False) for v in (a, b, c)))
    }
    assert judge(a=a, b=b, c=c).truth(condition) is (truths.pop() if len(truths) == 1 else None)


@pytest.mark.parametrize(
    ("bounds", "inside", "outside"),
    [
        ({"below": 6}, [5, 5.4], [6, 5.5]),
        ({"at_most": 8}, [8, 8.4], [8.5, 9]),
        ({"above": 8}, [8.5, 9], [8, 8.4]),
        ({"at_least": 6}, [6, 5.5], [5.4]),
        ({"at_least": 6, "at_most": 8}, [5.5, 6, 8.4], [5.4, 8.5]),
        ({"at_least": 6, "below": 8}, [6, 7.4], [7.5, 8]),
    ],
)
def test_ends_of_ranges_count_or_not_after_rounding(bounds, inside, outside):
    for value in inside:
        assert judge(size=value).truth(Range("size", **bounds)) is True
    for value in outside:
        assert judge(size=value).truth(Range("size", **bounds)) is False
    assert judge().truth(Range("size", **bounds)) is None


def test_why_names_what_carries_and_what_fails():
    condition = AllOf((A, AnyOf((B, C))))
    assert judge(a=True, b=False, c=True).why(condition) == (
        Check("a", "A: yes", "yes", True),
        Check("c", "C: yes", "yes", True),
    )
    assert judge(a=True, b=False, c=False).why(condition) == (
        Check("b", "B: yes", "no", False),
        Check("c", "C: yes", "no", False),
    )
    assert judge(a=True, b=False).why(condition) == (
        Check("a", "A: yes", "yes", True),
        Check("c", "C: yes", "not given", None),
    )
    assert judge(a=False).why(NotOf(AllOf((A, B)))) == (Check("a", "A: not yes", "no", True),)


def test_only_facts_that_matter_are_asked_for():
    condition = AllOf((A, AnyOf((B, C))))
    assert judge().open_facts(condition) == ("a", "b", "c")
    assert judge(a=False).open_facts(condition) == ()
    assert judge(a=True, b=True).open_facts(condition) == ()
    assert judge(a=True, b=False).open_facts(condition) == ("c",)


def test_an_assumed_value_says_so():
    found = Judge(FACTS, {}, {"a": True, "b": None, "c": None}, frozenset({"a"}))
    assert found.why(A) == (Check("a", "A: yes", "yes, assumed", True),)


def test_words_of_a_condition_and_its_leaves():
    assert leaf_words(Range("size", at_least=6, below=8), SIZE) == "Size at least 6 and below 8 mm"
    assert list(leaves(AllOf((Term("either"), NotOf(C))), {"either": AnyOf((A, B))})) == [A, B, C]
