"""The facts that guideline rules ask for: typed, with the question to ask a person who has not given them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from MedDeepDiagnosisLib.pathology.features import MISSING_WORDS
from MedDeepRegSegLib.errors import InputError

FactValue = float | str | bool
"""A number in the fact's units, the value of a word, or yes/no."""

MISSING_FACT_WORDS = MISSING_WORDS - {"none"} | {"none given", "not known"}
"""What stands for a missing fact, in lower case. Not ``none``: of some facts it is the answer."""

_YES_NO = {
    "yes": True, "true": True, "1": True, "1.0": True, "y": True,
    "no": False, "false": False, "0": False, "0.0": False, "n": False,
}  # fmt: skip

_NUDGE = 1e-9
"""Added before a half is rounded up: 2.675 is stored as 2.67499..., but it was written as a half."""


@dataclass(frozen=True)
class FactWord:
    """One answer of a fact with words: the value that rules compare, and how a person reads it."""

    value: str
    title: str


@dataclass(frozen=True)
class RuleFact:
    """One thing that rules ask for.

    Attributes
    ----------
    name, aliases:
        Column of a table that holds it; aliases are tried in order when there is no column of that name.
    title, question:
        How it is called, and how a person is asked for it.
    kind:
        ``number``; ``words``, one of ``words``; ``yes_no``.
    units:
        Of a number; empty for others.
    minimum, maximum:
        Smallest and largest plausible number (inclusive); others are refused.
    decimals:
        A number is rounded to so many decimals, half up, before any rule compares it; None leaves it as it is.
    words:
        The possible answers.
    default:
        Taken where the fact is not given, and then said so; None asks instead.
    """

    name: str
    title: str
    question: str
    kind: Literal["number", "words", "yes_no"]
    units: str = ""
    minimum: float = -math.inf
    maximum: float = math.inf
    decimals: int | None = None
    words: tuple[FactWord, ...] = ()
    aliases: tuple[str, ...] = ()
    default: FactValue | None = None

    def __post_init__(self) -> None:
        """Check what types alone do not say; raises ValueError."""
        problem = ""
        if (self.kind == "words") != bool(self.words):
            problem = "a fact of kind words needs words, and only that"
        elif len({word.value for word in self.words}) != len(self.words):
            problem = "its words are not unique"
        elif not self.minimum < self.maximum:
            problem = f"minimum {self.minimum:g} is not below maximum {self.maximum:g}"
        elif self.kind != "number" and (self.units or self.decimals is not None or math.isfinite(self.minimum)):
            problem = "units, decimals and a range belong to numbers"
        elif self.decimals is not None and not 0 <= self.decimals <= 6:
            problem = f"decimals is {self.decimals}, expected 0 to 6"
        if problem:
            msg = f"fact {self.name}: {problem}"
            raise ValueError(msg)

    def parse(self, value: object) -> FactValue | None:
        """Return a value of a table or a form in the fact's type, None when it is missing.

        Raises
        ------
        InputError
            If the value is none of the allowed ones.
        """
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return None
        text = str(value).strip()
        found = self._parse_text(text)
        if found is None and text.casefold() not in MISSING_FACT_WORDS:
            msg = f"{self.name} is {text[:60]!r}, expected {self.allowed_text}"
            raise InputError(msg)
        return found

    def counted(self, value: FactValue) -> FactValue:
        """Return the value that rules compare: a number is rounded where the guideline says so."""
        if self.decimals is None or isinstance(value, str | bool):
            return value
        step = 10.0**self.decimals
        return math.floor(value * step + 0.5 + _NUDGE) / step

    def display(self, value: FactValue | None) -> str:
        """Return a value as a person writes it, and as what it counts where it is rounded."""
        if value is None:
            return "not given"
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, str):
            return next((word.title for word in self.words if word.value == value), value)
        counted = self.counted(value)
        shown = f"{value:.4g} {self.units}".strip()
        return shown if counted == value else f"{shown}, counts as {counted:.6g} {self.units}".strip()

    @property
    def allowed_text(self) -> str:
        """What values are allowed, in words."""
        if self.kind == "yes_no":
            return "yes or no"
        if self.words:
            return "one of " + ", ".join(f"{word.value} ({word.title})" for word in self.words)
        if math.isfinite(self.minimum) and math.isfinite(self.maximum):
            return f"a number from {self.minimum:g} to {self.maximum:g} {self.units}".strip()
        return f"a number in {self.units}" if self.units else "a number"

    def _parse_text(self, text: str) -> FactValue | None:
        if self.kind == "yes_no":
            return _YES_NO.get(text.casefold())
        if self.kind == "words":
            answers = {word.value.casefold(): word.value for word in self.words}
            answers |= {word.title.casefold(): word.value for word in self.words}
            return answers.get(text.casefold())
        try:
            number = float(text)
        except ValueError:
            return None
        return number if math.isfinite(number) and self.minimum <= number <= self.maximum else None


@dataclass(frozen=True)
class FactSheet:
    """The facts of one case, parsed.

    Attributes
    ----------
    given:
        Fact name to value as given, None where it is missing and there is no default.
    assumed:
        Names of the facts whose default was taken.
    """

    given: Mapping[str, FactValue | None]
    assumed: frozenset[str]


def parse_facts(facts: tuple[RuleFact, ...], values: Mapping[str, object]) -> FactSheet:
    """Read the facts of a case from a row or a form. Keys that are no facts are ignored: a table may hold more.

    Raises
    ------
    InputError
        If a value is none of the allowed ones; the message names the fact.
    """
    given: dict[str, FactValue | None] = {}
    assumed = set()
    for fact in facts:
        parsed = (fact.parse(values[name]) for name in (fact.name, *fact.aliases) if name in values)
        value = next((found for found in parsed if found is not None), None)
        if value is None and fact.default is not None:
            value = fact.default
            assumed.add(fact.name)
        given[fact.name] = value
    return FactSheet(given, frozenset(assumed))
