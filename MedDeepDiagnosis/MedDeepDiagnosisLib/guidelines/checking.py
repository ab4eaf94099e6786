"""Find cases that a rules file leaves uncovered, or for which its rules contradict each other.

All rules compare facts with a few thresholds and words. So a grid with a value below, on and above each threshold
and every word is exhaustive: cases between two neighbors of the grid are treated alike.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from MedDeepDiagnosisLib.guidelines.conditions import Judge, Range, leaves
from MedDeepDiagnosisLib.guidelines.rule_facts import FactValue, RuleFact
from MedDeepDiagnosisLib.guidelines.rule_set import RuleSet


@dataclass(frozen=True)
class Finding:
    """A case for which none, or more than one, of the rules of a group holds."""

    facts: dict[str, FactValue]
    rules: tuple[str, ...]


@dataclass(frozen=True)
class CoverageReport:
    """What was looked at.

    Attributes
    ----------
    cases:
        How many cases of the grid no exclusion applies to.
    excluded:
        How many were left out by an exclusion.
    uncovered, contradictory:
        Cases without a rule, and cases with several; at most 100 of each are kept.
    unused:
        Rules that hold in no case of the grid.
    """

    cases: int
    excluded: int
    uncovered: tuple[Finding, ...]
    contradictory: tuple[Finding, ...]
    unused: tuple[str, ...]


_KEPT = 100


def fact_grid(rules: RuleSet, names: Iterable[str] | None = None) -> dict[str, tuple[FactValue, ...]]:
    """Return the values of each fact that the rules tell apart.

    Parameters
    ----------
    names:
        Facts to include; None for all that any rule or exclusion uses.
    """
    used: dict[str, set[float]] = {}
    conditions = [exclusion.when for exclusion in rules.exclusions] + [rule.when for rule in rules.rules]
    for condition in conditions:
        for leaf in leaves(condition, rules.term_by_name):
            bounds = (leaf.above, leaf.at_least, leaf.below, leaf.at_most) if isinstance(leaf, Range) else ()
            used.setdefault(leaf.fact, set()).update(bound for bound in bounds if bound is not None)
    wanted = set(used if names is None else names)
    return {f.name: _grid_values(f, sorted(used.get(f.name, set()))) for f in rules.facts if f.name in wanted}


def check_coverage(
    rules: RuleSet,
    group: str,
    grid: Mapping[str, Sequence[FactValue]] | None = None,
    *,
    counts: Callable[[Mapping[str, FactValue]], bool] = lambda _: True,
) -> CoverageReport:
    """Try every case of a grid and count which rules of a group hold.

    Parameters
    ----------
    group:
        Name of the group; of one that chooses the highest, only rules of the highest rank count.
    grid:
        Fact name to values; :func:`fact_grid` if None. Facts that are left out are missing.
    counts:
        Whether a case can occur; others are left out.
    """
    values = fact_grid(rules) if grid is None else grid
    members = [rule for rule in rules.rules if rule.group == group]
    highest = rules.group(group).choose == "highest"
    cases = excluded = 0
    uncovered: list[Finding] = []
    contradictory: list[Finding] = []
    unused = {rule.name for rule in members}
    for combination in itertools.product(*values.values()):
        facts = dict(zip(values, combination, strict=True))
        if not counts(facts):
            continue
        given = {fact.name: facts.get(fact.name) for fact in rules.facts}
        judge = Judge(rules.fact_by_name, rules.term_by_name, given)
        if any(judge.truth(exclusion.when) for exclusion in rules.exclusions):
            excluded += 1
            continue
        cases += 1
        holding = [rule for rule in members if judge.truth(rule.when)]
        unused -= {rule.name for rule in holding}
        top = max((rule.rank for rule in holding), default=0)
        names = tuple(rule.name for rule in holding if not highest or rule.rank == top)
        if len(names) != 1:
            found = uncovered if not names else contradictory
            if len(found) < _KEPT:
                found.append(Finding(facts, names))
    return CoverageReport(cases, excluded, tuple(uncovered), tuple(contradictory), tuple(sorted(unused)))


def _grid_values(fact: RuleFact, bounds: list[float]) -> tuple[FactValue, ...]:
    if fact.kind == "yes_no":
        return (False, True)
    if fact.kind == "words":
        return tuple(word.value for word in fact.words)
    step = 10.0 ** -(fact.decimals if fact.decimals is not None else 3)
    near = {round(bound + side, 6) for bound in bounds for side in (-step, 0.0, step)}
    return tuple(sorted(value for value in near if fact.minimum <= value <= fact.maximum))
