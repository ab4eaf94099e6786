"""A guideline as data: facts, exclusions and rules, apart from any model."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from MedDeepDiagnosisLib.guidelines.conditions import AllOf, AnyOf, Choice, Condition, NotOf, Range, Term
from MedDeepDiagnosisLib.guidelines.rule_facts import RuleFact

Demand = Literal["none", "follow_up", "work_up"]
"""How much a rule asks for: nothing, another image later, or further tests now."""


@dataclass(frozen=True)
class Source:
    """A publication that rules come from. ``doi`` and ``url`` may be empty, but not both."""

    key: str
    text: str
    doi: str
    url: str

    def __post_init__(self) -> None:
        """Check that it can be found; raises ValueError."""
        if not (self.doi or self.url):
            msg = f"source {self.key}: give a doi or a url"
            raise ValueError(msg)

    def cited(self, place: str) -> str:
        """Return the citation with the place in it, for example ``..., Table. https://doi.org/...``."""
        link = f"https://doi.org/{self.doi}" if self.doi else self.url
        return f"{self.text}{f', {place}' if place else ''}. {link}"


@dataclass(frozen=True)
class Exclusion:
    """Whom the guideline is not for. ``reason`` is what is said when it applies."""

    name: str
    title: str
    reason: str
    when: Condition
    source: str
    place: str


@dataclass(frozen=True)
class RuleGroup:
    """Rules that answer one question.

    Attributes
    ----------
    choose:
        ``one``: exactly one rule is to apply. ``highest``: the one of highest rank among those that apply.
        ``all``: each stands for itself.
    needed:
        Whether an undecided rule of the group makes the whole outcome incomplete. Not so for mere remarks.
    """

    name: str
    title: str
    choose: Literal["one", "highest", "all"]
    needed: bool


@dataclass(frozen=True)
class Rule:
    """One row of a guideline.

    Attributes
    ----------
    text, options:
        What it says, and what it offers, as text. Nothing is ordered.
    demand:
        How much it asks for, to compare with a model.
    rank:
        Order within a group that chooses the highest.
    evidence:
        Grade where the guideline gives one and it was verified, otherwise empty.
    source, place:
        Key of the source, and the table, section or page in it.
    """

    name: str
    title: str
    group: str
    text: str
    options: tuple[str, ...]
    when: Condition
    demand: Demand
    source: str
    place: str
    rank: int = 0
    evidence: str = ""


@dataclass(frozen=True)
class ProbabilityClasses:
    """Which probabilities are called low and high, to see where a model and a rule disagree.

    Attributes
    ----------
    low, high:
        In (0, 1); below ``low`` and above ``high`` a probability is compared with what the rule asks for.
    low_name, high_name:
        How the source calls them.
    reminder:
        What the probability of the model is not.
    """

    low: float
    high: float
    low_name: str
    high_name: str
    reminder: str
    source: str
    place: str

    def __post_init__(self) -> None:
        """Check the order; raises ValueError."""
        if not 0 < self.low < self.high < 1:
            msg = f"probability classes: low {self.low:g} and high {self.high:g}, expected 0 < low < high < 1"
            raise ValueError(msg)


@dataclass(frozen=True)
class RuleSet:
    """A guideline. See the attributes of its parts.

    Attributes
    ----------
    subject:
        Whom and what it is for.
    note:
        What was left out, and what could not be verified.
    terms:
        Name and condition of the named conditions.
    probability_classes:
        None where the guideline is not compared with a model.
    """

    identifier: str
    version: str
    title: str
    subject: str
    note: str
    sources: tuple[Source, ...]
    facts: tuple[RuleFact, ...]
    terms: tuple[tuple[str, Condition], ...]
    exclusions: tuple[Exclusion, ...]
    groups: tuple[RuleGroup, ...]
    rules: tuple[Rule, ...]
    probability_classes: ProbabilityClasses | None = None

    def __post_init__(self) -> None:
        """Check names, references and that each comparison fits its fact.

        Raises
        ------
        ValueError
            Names the part that is wrong.
        """
        _check_unique("source", [source.key for source in self.sources])
        _check_unique("fact", [name for fact in self.facts for name in (fact.name, *fact.aliases)])
        _check_unique("term", [name for name, _ in self.terms])
        _check_unique("exclusion", [exclusion.name for exclusion in self.exclusions])
        _check_unique("group", [group.name for group in self.groups])
        _check_unique("rule", [rule.name for rule in self.rules])
        for rule in self.rules:
            _check_known(f"rule {rule.name}: group", rule.group, [group.name for group in self.groups])
            _check_known(f"rule {rule.name}: source", rule.source, [source.key for source in self.sources])
        for exclusion in self.exclusions:
            _check_known(f"exclusion {exclusion.name}: source", exclusion.source, [s.key for s in self.sources])
        if self.probability_classes is not None:
            _check_known("probability_classes: source", self.probability_classes.source, [s.key for s in self.sources])
        for fact in self.facts:
            self._check_default(fact)
        self._check_conditions()

    @cached_property
    def fact_by_name(self) -> dict[str, RuleFact]:
        """Name to fact."""
        return {fact.name: fact for fact in self.facts}

    @cached_property
    def term_by_name(self) -> dict[str, Condition]:
        """Name to named condition; the conditions of rules are there, too, see :func:`rule_term`."""
        return dict(self.terms) | {rule_term(rule.name): rule.when for rule in self.rules}

    def group(self, name: str) -> RuleGroup:
        """Return a group by name; raises KeyError."""
        return {group.name: group for group in self.groups}[name]

    def cited(self, source: str, place: str) -> str:
        """Return the citation of a source by key with the place in it."""
        return next(found for found in self.sources if found.key == source).cited(place)

    def _check_default(self, fact: RuleFact) -> None:
        if fact.default is None:
            return
        fits = {
            "yes_no": isinstance(fact.default, bool),
            "words": fact.default in [word.value for word in fact.words],
            "number": isinstance(fact.default, int | float) and not isinstance(fact.default, bool),
        }[fact.kind]
        if not fits:
            msg = f"fact {fact.name}: default {fact.default!r}, expected {fact.allowed_text}"
            raise ValueError(msg)

    def _check_conditions(self) -> None:
        known: dict[str, Condition] = {}
        for name, condition in self.terms:
            # Terms and rules may only use those before them, so no circle can arise.
            self._check_condition(f"term {name}", condition, known)
            known[name] = condition
        for exclusion in self.exclusions:
            self._check_condition(f"exclusion {exclusion.name}", exclusion.when, known)
        for rule in self.rules:
            self._check_condition(f"rule {rule.name}", rule.when, known)
            known[rule_term(rule.name)] = rule.when

    def _check_condition(self, where: str, condition: Condition, terms: dict[str, Condition]) -> None:
        if isinstance(condition, Term):
            _check_known(f"{where}: term", condition.name, list(terms))
        elif isinstance(condition, NotOf):
            self._check_condition(where, condition.part, terms)
        elif isinstance(condition, AllOf | AnyOf):
            if not condition.parts:
                msg = f"{where}: a list of conditions is empty"
                raise ValueError(msg)
            for part in condition.parts:
                self._check_condition(where, part, terms)
        else:
            self._check_leaf(where, condition)

    def _check_leaf(self, where: str, leaf: Range | Choice) -> None:
        _check_known(f"{where}: fact", leaf.fact, list(self.fact_by_name))
        fact = self.fact_by_name[leaf.fact]
        problem = ""
        if isinstance(leaf, Range):
            lower = [bound for bound in (leaf.above, leaf.at_least) if bound is not None]
            upper = [bound for bound in (leaf.below, leaf.at_most) if bound is not None]
            if fact.kind != "number":
                problem = f"fact {fact.name} is no number and has no range"
            elif not lower + upper or len(lower) > 1 or len(upper) > 1:
                problem = f"fact {fact.name}: give one lower bound, one upper bound, or both"
            elif (
                lower
                and upper
                and (lower[0] > upper[0] or (lower == upper and (leaf.above, leaf.below) != (None,) * 2))
            ):
                problem = f"fact {fact.name}: no number lies between {lower[0]:g} and {upper[0]:g}"
        else:
            allowed = [True, False] if fact.kind == "yes_no" else [word.value for word in fact.words]
            wrong = [value for value in leaf.values if value not in allowed]
            if fact.kind == "number":
                problem = f"fact {fact.name} is a number, compare it with above, at_least, below or at_most"
            elif wrong or not leaf.values:
                problem = (
                    f"fact {fact.name}: {wrong[0] if wrong else 'nothing'!r} is no answer, expected {fact.allowed_text}"
                )
        if problem:
            msg = f"{where}: {problem}"
            raise ValueError(msg)


def rule_term(name: str) -> str:
    """Return the name under which later rules refer to the condition of a rule."""
    return f"rule:{name}"


def _check_unique(what: str, names: list[str]) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        msg = f"{what} names are not unique ({', '.join(repeated)})"
        raise ValueError(msg)


def _check_known(where: str, name: str, known: list[str]) -> None:
    if name not in known:
        msg = f"{where} {name!r} is unknown, expected one of {', '.join(known) or 'none'}"
        raise ValueError(msg)
