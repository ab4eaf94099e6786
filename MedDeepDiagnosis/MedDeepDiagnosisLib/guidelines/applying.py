"""Apply the rules of a guideline to the facts of one case."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from MedDeepDiagnosisLib.guidelines.conditions import Check, Judge, Truth
from MedDeepDiagnosisLib.guidelines.rule_facts import FactSheet, parse_facts
from MedDeepDiagnosisLib.guidelines.rule_set import Demand, Exclusion, ProbabilityClasses, Rule, RuleGroup, RuleSet

STATEMENT = "Options with their sources, for a physician to weigh. Nothing is ordered."


@dataclass(frozen=True)
class MissingFact:
    """A fact that is not given and could change the outcome. ``name`` is its column in a table."""

    name: str
    title: str
    question: str
    allowed: str


@dataclass(frozen=True)
class ExclusionResult:
    """Whether an exclusion applies (None: not known), and why."""

    name: str
    title: str
    reason: str
    truth: Truth
    why: tuple[Check, ...]
    source: str


@dataclass(frozen=True)
class RuleResult:
    """What one rule came to.

    Attributes
    ----------
    source, place:
        The whole citation, and the table, section or page alone.
    truth:
        Whether its conditions hold; None when missing facts leave it open.
    leads:
        Whether it is what the guideline says of this case: it holds, nothing excludes the case, and no rule of its
        group stands above it or is still open.
    why:
        The checks that make it so.
    """

    name: str
    title: str
    group: str
    text: str
    options: tuple[str, ...]
    demand: Demand
    evidence: str
    source: str
    place: str
    truth: Truth
    leads: bool
    why: tuple[Check, ...]


@dataclass(frozen=True)
class RuleOutcome:
    """What a guideline says of one case.

    Attributes
    ----------
    status:
        ``applies``: there is a rule, and nothing that is missing could change it. ``refused``: an exclusion applies,
        or no rule covers the case. ``incomplete``: missing facts could change the outcome.
    reason:
        The status in a sentence.
    results:
        Every rule of the guideline, those that lead first, then those that hold, are open, and do not hold.
    missing:
        The facts to ask for; empty unless the outcome is incomplete.
    assumed:
        Facts whose default was taken, in words.
    needed_groups:
        Titles of the groups that say what to do; those of others hold remarks.
    probability_classes, probability_source:
        To compare with a model; None where the guideline is not compared.
    """

    rules: str
    version: str
    title: str
    subject: str
    note: str
    status: Literal["applies", "refused", "incomplete"]
    reason: str
    exclusions: tuple[ExclusionResult, ...]
    results: tuple[RuleResult, ...]
    missing: tuple[MissingFact, ...]
    assumed: tuple[str, ...]
    needed_groups: tuple[str, ...]
    probability_classes: ProbabilityClasses | None
    probability_source: str
    statement: str = STATEMENT

    @property
    def matched(self) -> tuple[RuleResult, ...]:
        """Every rule whose conditions hold."""
        return tuple(result for result in self.results if result.truth)

    @property
    def leading(self) -> tuple[RuleResult, ...]:
        """The rules that are what the guideline says of this case."""
        return tuple(result for result in self.results if result.leads)


def apply_rules(rules: RuleSet, facts: Mapping[str, object]) -> RuleOutcome:
    """Apply the rules to the facts of one case.

    Parameters
    ----------
    facts:
        Fact name to number, word, or yes/no, as a table or a form holds them. Keys that are no facts are ignored.

    Raises
    ------
    InputError
        If a value is none that the fact allows.
    """
    sheet = parse_facts(rules.facts, facts)
    judge = Judge(rules.fact_by_name, rules.term_by_name, sheet.given, sheet.assumed)
    truths = {rule.name: judge.truth(rule.when) for rule in rules.rules}
    exclusions = tuple(_exclusion_result(rules, exclusion, judge) for exclusion in rules.exclusions)
    excluded = [result for result in exclusions if result.truth]
    leading, undecided = _lead(rules, truths)
    missing = _missing(rules, judge, undecided, excluded=bool(excluded))
    status, reason = _status(rules, excluded, missing, leading)
    results = [
        _rule_result(rules, rule, judge, leads=not excluded and _blocks(exclusions) is None and rule.name in leading)
        for rule in rules.rules
    ]
    order: dict[Truth, int] = {True: 0, None: 1, False: 2}
    results.sort(key=lambda result: (not result.leads, order[result.truth]))
    classes = rules.probability_classes
    return RuleOutcome(
        rules=rules.identifier,
        version=rules.version,
        title=rules.title,
        subject=rules.subject,
        note=rules.note,
        status=status,
        reason=reason,
        exclusions=exclusions,
        results=tuple(results),
        missing=missing,
        assumed=_assumed(rules, sheet),
        needed_groups=tuple(group.title for group in rules.groups if group.needed),
        probability_classes=classes,
        probability_source="" if classes is None else rules.cited(classes.source, classes.place),
    )


def _lead(rules: RuleSet, truths: Mapping[str, Truth]) -> tuple[set[str], list[Rule]]:
    """Return the rules that lead in their groups, and the open ones of needed groups that could still change that."""
    leading: set[str] = set()
    undecided: list[Rule] = []
    for group in rules.groups:
        members = [rule for rule in rules.rules if rule.group == group.name]
        holding = [rule for rule in members if truths[rule.name]]
        rival = [rule for rule in members if truths[rule.name] is None and _could_change(rule, holding, group)]
        if group.needed:
            undecided += rival
        if group.choose == "all":
            leading |= {rule.name for rule in holding}
        elif holding and not rival:
            top = max(rule.rank for rule in holding)
            leading |= {rule.name for rule in holding if group.choose == "one" or rule.rank == top}
    return leading, undecided


def _could_change(rule: Rule, holding: list[Rule], group: RuleGroup) -> bool:
    # Among ranks, an open rule that is not above what holds already changes nothing.
    return group.choose != "highest" or not holding or rule.rank > max(other.rank for other in holding)


def _blocks(exclusions: tuple[ExclusionResult, ...]) -> ExclusionResult | None:
    return next((result for result in exclusions if result.truth is None), None)


def _missing(rules: RuleSet, judge: Judge, undecided: list[Rule], *, excluded: bool) -> tuple[MissingFact, ...]:
    if excluded:
        return ()
    conditions = [exclusion.when for exclusion in rules.exclusions] + [rule.when for rule in undecided]
    names = {name for condition in conditions for name in judge.open_facts(condition)}
    return tuple(
        MissingFact(fact.name, fact.title, fact.question, fact.allowed_text)
        for fact in rules.facts
        if fact.name in names
    )


def _status(
    rules: RuleSet, excluded: list[ExclusionResult], missing: tuple[MissingFact, ...], leading: set[str]
) -> tuple[Literal["applies", "refused", "incomplete"], str]:
    if excluded:
        return "refused", "The guideline does not apply: " + "; ".join(result.reason for result in excluded) + "."
    if missing:
        names = ", ".join(fact.title.lower() for fact in missing)
        return "incomplete", f"Not enough is known to apply the guideline. Missing: {names}."
    needed = {group.name for group in rules.groups if group.needed}
    if not any(rule.name in leading for rule in rules.rules if rule.group in needed):
        return "refused", "The facts are complete, but no rule of this file covers such a case."
    titles = "; ".join(rule.title for rule in rules.rules if rule.name in leading and rule.group in needed)
    if any(len(_leaders(rules, group, leading)) > 1 for group in rules.groups if group.choose == "one"):
        return "applies", f"Several rules apply where one was expected, the rules file contradicts itself: {titles}."
    return "applies", f"Applies: {titles}."


def _leaders(rules: RuleSet, group: RuleGroup, leading: set[str]) -> list[str]:
    return [rule.name for rule in rules.rules if rule.group == group.name and rule.name in leading]


def _exclusion_result(rules: RuleSet, exclusion: Exclusion, judge: Judge) -> ExclusionResult:
    return ExclusionResult(
        name=exclusion.name,
        title=exclusion.title,
        reason=exclusion.reason,
        truth=judge.truth(exclusion.when),
        why=judge.why(exclusion.when),
        source=rules.cited(exclusion.source, exclusion.place),
    )


def _rule_result(rules: RuleSet, rule: Rule, judge: Judge, *, leads: bool) -> RuleResult:
    return RuleResult(
        name=rule.name,
        title=rule.title,
        group=rules.group(rule.group).title,
        text=rule.text,
        options=rule.options,
        demand=rule.demand,
        evidence=rule.evidence,
        source=rules.cited(rule.source, rule.place),
        place=rule.place,
        truth=judge.truth(rule.when),
        leads=leads,
        why=judge.why(rule.when),
    )


def _assumed(rules: RuleSet, sheet: FactSheet) -> tuple[str, ...]:
    return tuple(f"{f.title}: {f.display(sheet.given[f.name])}" for f in rules.facts if f.name in sheet.assumed)
