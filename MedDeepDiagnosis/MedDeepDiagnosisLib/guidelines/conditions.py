"""Conditions on facts, and what they come to when some facts are missing.

Logic is three-valued (Kleene): a condition is True, False, or None where a missing fact leaves it open. ``all`` is
False as soon as one part is, whatever is missing; ``any`` is True as soon as one part is. So a missing fact never
counts as "no", and is asked for only where the answer could change something.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from MedDeepDiagnosisLib.guidelines.rule_facts import FactValue, RuleFact

Truth = bool | None

ASSUMED = ", assumed"
"""Follows the value of a fact whose default was taken."""


@dataclass(frozen=True)
class Range:
    """A number lies within bounds: ``above`` and ``below`` exclude their ends, ``at_least`` and ``at_most`` do not."""

    fact: str
    above: float | None = None
    at_least: float | None = None
    below: float | None = None
    at_most: float | None = None


@dataclass(frozen=True)
class Choice:
    """A fact is one of some words, or is yes (True) or no (False)."""

    fact: str
    values: tuple[str | bool, ...]


@dataclass(frozen=True)
class AllOf:
    """Every part holds."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True)
class AnyOf:
    """At least one part holds."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True)
class NotOf:
    """The part does not hold."""

    part: "Condition"


@dataclass(frozen=True)
class Term:
    """A named condition of the same file, for example the size class that several rules share."""

    name: str


Condition = Range | Choice | AllOf | AnyOf | NotOf | Term
Leaf = Range | Choice


@dataclass(frozen=True)
class Check:
    """One condition on one fact, and what it came to.

    Attributes
    ----------
    fact:
        Name of the fact.
    condition, value:
        Both in words; the value is ``not given`` when it is missing.
    truth:
        Whether the condition holds; None when the fact is missing.
    """

    fact: str
    condition: str
    value: str
    truth: Truth


class Judge:
    """Judges conditions on the facts of one case.

    Parameters
    ----------
    facts:
        Name to description of each fact.
    terms:
        Name to condition of each named condition.
    given:
        Fact name to value, None where missing.
    assumed:
        Facts whose value is a default.
    """

    def __init__(
        self,
        facts: Mapping[str, RuleFact],
        terms: Mapping[str, Condition],
        given: Mapping[str, FactValue | None],
        assumed: frozenset[str] = frozenset(),
    ) -> None:
        self._facts = facts
        self._terms = terms
        self._given = given
        self._assumed = assumed

    def truth(self, condition: Condition) -> Truth:
        """Return whether a condition holds, None where missing facts leave it open."""
        if isinstance(condition, Term):
            return self.truth(self._terms[condition.name])
        if isinstance(condition, NotOf):
            part = self.truth(condition.part)
            return None if part is None else not part
        if isinstance(condition, AllOf | AnyOf):
            found = [self.truth(part) for part in condition.parts]
            decisive = isinstance(condition, AnyOf)
            if decisive in found:
                return decisive
            return None if None in found else not decisive
        return self._leaf_truth(condition)

    def why(self, condition: Condition) -> tuple[Check, ...]:
        """Return the checks that make a condition what it is, without repetition.

        Of a condition that holds, all that carry it; of one that fails, those that fail; of an open one, those that
        hold and those that are open.
        """
        return tuple(dict.fromkeys(self._why(condition, negated=False)))

    def open_facts(self, condition: Condition) -> tuple[str, ...]:
        """Return the missing facts that leave a condition open; none if it is decided."""
        if self.truth(condition) is not None:
            return ()
        return tuple(dict.fromkeys(check.fact for check in self.why(condition) if check.truth is None))

    def _leaf_truth(self, leaf: Leaf) -> Truth:
        value = self._given[leaf.fact]
        if value is None:
            return None
        counted = self._facts[leaf.fact].counted(value)
        if isinstance(leaf, Choice):
            return counted in leaf.values
        number = float(counted)
        return (
            (leaf.above is None or number > leaf.above)
            and (leaf.at_least is None or number >= leaf.at_least)
            and (leaf.below is None or number < leaf.below)
            and (leaf.at_most is None or number <= leaf.at_most)
        )

    def _why(self, condition: Condition, *, negated: bool) -> Iterator[Check]:
        if isinstance(condition, Term):
            yield from self._why(self._terms[condition.name], negated=negated)
        elif isinstance(condition, NotOf):
            yield from self._why(condition.part, negated=not negated)
        elif isinstance(condition, AllOf | AnyOf):
            yield from self._why_parts(condition, negated=negated)
        else:
            yield self._check(condition, negated=negated)

    def _why_parts(self, condition: AllOf | AnyOf, *, negated: bool) -> Iterator[Check]:
        truths = [_flipped(self.truth(part), negated=negated) for part in condition.parts]
        whole = _flipped(self.truth(condition), negated=negated)
        # By De Morgan, a negated "all" is an "any" of negated parts.
        is_all = isinstance(condition, AllOf) != negated
        if whole is None:
            shown: set[Truth] = {None, True} if is_all else {None}
        else:
            shown = {whole}
        for part, truth in zip(condition.parts, truths, strict=True):
            if truth in shown:
                yield from self._why(part, negated=negated)

    def _check(self, leaf: Leaf, *, negated: bool) -> Check:
        fact = self._facts[leaf.fact]
        value = fact.display(self._given[leaf.fact])
        if leaf.fact in self._assumed:
            value += ASSUMED
        words = leaf_words(leaf, fact, negated=negated)
        return Check(leaf.fact, words, value, _flipped(self._leaf_truth(leaf), negated=negated))


def leaf_words(leaf: Leaf, fact: RuleFact, *, negated: bool = False) -> str:
    """Return a condition on one fact in words, for example ``Mean diameter at least 6 and at most 8 mm``."""
    inside = "not " if negated else ""
    if isinstance(leaf, Choice):
        return f"{fact.title}: {inside}" + " or ".join(fact.display(value) for value in leaf.values)
    bounds = (
        ("above", leaf.above),
        ("at least", leaf.at_least),
        ("below", leaf.below),
        ("at most", leaf.at_most),
    )
    words = " and ".join(f"{name} {bound:g}" for name, bound in bounds if bound is not None)
    return f"{fact.title} {inside}{words} {fact.units}".strip()


def leaves(condition: Condition, terms: Mapping[str, Condition]) -> Iterator[Leaf]:
    """Yield every condition on one fact within a condition, terms resolved."""
    if isinstance(condition, Term):
        yield from leaves(terms[condition.name], terms)
    elif isinstance(condition, NotOf):
        yield from leaves(condition.part, terms)
    elif isinstance(condition, AllOf | AnyOf):
        for part in condition.parts:
            yield from leaves(part, terms)
    else:
        yield condition


def _flipped(truth: Truth, *, negated: bool) -> Truth:
    return truth if truth is None or not negated else not truth
