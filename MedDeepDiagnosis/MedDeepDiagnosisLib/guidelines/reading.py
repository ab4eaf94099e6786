"""Rules files: JSON to a :class:`~MedDeepDiagnosisLib.guidelines.rule_set.RuleSet`, every fault named by its field."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from MedDeepDiagnosisLib.guidelines.conditions import AllOf, AnyOf, Choice, Condition, NotOf, Range, Term
from MedDeepDiagnosisLib.guidelines.rule_facts import FactValue, FactWord, RuleFact
from MedDeepDiagnosisLib.guidelines.rule_set import (
    Demand,
    Exclusion,
    ProbabilityClasses,
    Rule,
    RuleGroup,
    RuleSet,
    Source,
    rule_term,
)
from MedDeepDiagnosisLib.resources import resource_path
from MedDeepRegSegLib.errors import InputError

T = TypeVar("T")

_DEPTH = 20
"""Conditions may be nested so deep; no guideline needs more, and a circle of aliases cannot hang the reader."""


def rules_names() -> tuple[str, ...]:
    """Return the names of the rules files that ship with the extension."""
    return tuple(sorted(path.stem for path in resource_path("guidelines").glob("*.json")))


def load_rules(source: str | Path) -> RuleSet:
    """Load the rules that ship with the extension by name, or one's own from a file.

    Parameters
    ----------
    source:
        ``fleischner_2017``, or the path of a JSON file.

    Raises
    ------
    InputError
        If there are none of that name, or the file is not a valid rules file. The message names the field.
    """
    path = Path(source)
    if path.suffix != ".json":
        path = resource_path("guidelines") / f"{source}.json"
        if Path(source).name != str(source) or not path.is_file():
            known = ", ".join(rules_names())
            msg = f"rules {str(source)!r} are unknown, expected one of {known}, or the path of a .json file"
            raise InputError(msg)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        msg = f"rules file {path} cannot be read as JSON: {error}"
        raise InputError(msg) from error
    try:
        return rules_from_json(data)
    except InputError as error:
        msg = f"rules file {path.name}: {error}"
        raise InputError(msg) from error


def rules_from_json(data: object) -> RuleSet:
    """Return the rules that a JSON object describes.

    Raises
    ------
    InputError
        Names the field, for example ``rules[3].when.all[1].fact``.
    """
    reader = _Reader(data, "")
    classes = reader.optional("probability_classes")
    arguments: dict[str, Any] = {
        "identifier": reader.text("identifier"),
        "version": reader.text("version"),
        "title": reader.text("title"),
        "subject": reader.text("subject"),
        "note": reader.text("note"),
        "sources": reader.many("sources", _source),
        "facts": reader.many("facts", _fact),
        "terms": reader.many("terms", _term, empty=True),
        "exclusions": reader.many("exclusions", _exclusion, empty=True),
        "groups": reader.many("groups", _group),
        "rules": reader.many("rules", _rule),
        "probability_classes": None if classes is None else _classes(classes),
    }
    return reader.made(RuleSet, **arguments)


def _source(reader: "_Reader") -> Source:
    return reader.made(
        Source,
        key=reader.text("key"),
        text=reader.text("text"),
        doi=reader.text("doi", ""),
        url=reader.text("url", ""),
    )


def _fact(reader: "_Reader") -> RuleFact:
    default = reader.value("default", None)
    if default is not None and not isinstance(default, str | bool | int | float):
        raise reader.wrong("default", "a number, a word, true or false", default)
    decimals = reader.number("decimals", math.nan)
    return reader.made(
        RuleFact,
        name=reader.text("name"),
        title=reader.text("title"),
        question=reader.text("question"),
        kind=reader.choice("kind", ("number", "words", "yes_no")),
        units=reader.text("units", ""),
        minimum=reader.number("minimum", -math.inf),
        maximum=reader.number("maximum", math.inf),
        decimals=None if math.isnan(decimals) else int(decimals),
        words=reader.many("words", _word, empty=True, missing=True),
        aliases=reader.texts("aliases", missing=True),
        default=cast(FactValue | None, default),
    )


def _word(reader: "_Reader") -> FactWord:
    return reader.made(FactWord, value=reader.text("value"), title=reader.text("title"))


def _term(reader: "_Reader") -> tuple[str, Condition]:
    term = (reader.text("name"), _condition(reader.inner("when"), 0))
    reader.finish()
    return term


def _exclusion(reader: "_Reader") -> Exclusion:
    return reader.made(
        Exclusion,
        name=reader.text("name"),
        title=reader.text("title"),
        reason=reader.text("reason"),
        when=_condition(reader.inner("when"), 0),
        source=reader.text("source"),
        place=reader.text("place"),
    )


def _group(reader: "_Reader") -> RuleGroup:
    return reader.made(
        RuleGroup,
        name=reader.text("name"),
        title=reader.text("title"),
        choose=reader.choice("choose", ("one", "highest", "all")),
        needed=reader.flag("needed"),
    )


def _rule(reader: "_Reader") -> Rule:
    return reader.made(
        Rule,
        name=reader.text("name"),
        title=reader.text("title"),
        group=reader.text("group"),
        text=reader.text("text"),
        options=reader.texts("options", missing=True),
        when=_condition(reader.inner("when"), 0),
        demand=cast(Demand, reader.choice("demand", ("none", "follow_up", "work_up"))),
        source=reader.text("source"),
        place=reader.text("place"),
        rank=int(reader.number("rank", 0)),
        evidence=reader.text("evidence", ""),
    )


def _classes(reader: "_Reader") -> ProbabilityClasses:
    return reader.made(
        ProbabilityClasses,
        low=reader.number("low"),
        high=reader.number("high"),
        low_name=reader.text("low_name"),
        high_name=reader.text("high_name"),
        reminder=reader.text("reminder"),
        source=reader.text("source"),
        place=reader.text("place"),
    )


def _condition(reader: "_Reader", depth: int) -> Condition:
    if depth > _DEPTH:
        msg = f"{reader.where}: conditions are nested deeper than {_DEPTH}"
        raise InputError(msg)
    kinds = [key for key in ("all", "any", "not", "term", "rule", "fact") if key in reader.data]
    if len(kinds) != 1:
        msg = f"{reader.where}: expected one of all, any, not, term, rule or fact, got {', '.join(kinds) or 'none of them'}"
        raise InputError(msg)
    condition: Condition
    if kinds[0] in {"all", "any"}:
        parts = reader.many(kinds[0], lambda part: _condition(part, depth + 1))
        condition = AllOf(parts) if kinds[0] == "all" else AnyOf(parts)
    elif kinds[0] == "not":
        condition = NotOf(_condition(reader.inner("not"), depth + 1))
    elif kinds[0] == "term":
        condition = Term(reader.text("term"))
    elif kinds[0] == "rule":
        condition = Term(rule_term(reader.text("rule")))
    else:
        condition = _leaf(reader)
    reader.finish()
    return condition


def _leaf(reader: "_Reader") -> Range | Choice:
    fact = reader.text("fact")
    if "is" in reader.data and "one_of" in reader.data:
        raise reader.wrong("one_of", "either is or one_of, not both", reader.data["one_of"])
    if "is" in reader.data or "one_of" in reader.data:
        key = "is" if "is" in reader.data else "one_of"
        found = reader.value(key, None)
        values = [found] if key == "is" else found
        if not isinstance(values, list) or not all(isinstance(value, str | bool) for value in values):
            raise reader.wrong(key, "words, true or false", found)
        return Choice(fact, tuple(values))
    bounds = {key: reader.number(key) for key in ("above", "at_least", "below", "at_most") if key in reader.data}
    return Range(fact, **bounds)


class _Reader:
    """Takes the fields of one JSON object, and knows where in the file it is."""

    def __init__(self, data: object, where: str) -> None:
        if not isinstance(data, dict):
            msg = f"{where or 'the file'}: expected an object with named fields, got {repr(data)[:60]}"
            raise InputError(msg)
        self.data = data
        self.where = where
        self._taken: set[str] = set()

    def place(self, name: str) -> str:
        return f"{self.where}.{name}" if self.where else name

    def wrong(self, name: str, expected: str, value: object) -> InputError:
        return InputError(f"{self.place(name)}: expected {expected}, got {repr(value)[:60]}")

    def value(self, name: str, *default: object) -> object:
        self._taken.add(name)
        if name in self.data:
            return self.data[name]
        if default:
            return default[0]
        msg = f"{self.place(name)}: missing field"
        raise InputError(msg)

    def text(self, name: str, *default: str) -> str:
        value = self.value(name, *default)
        if not isinstance(value, str) or not (value.strip() or default):
            raise self.wrong(name, "a text", value)
        return value

    def number(self, name: str, *default: float) -> float:
        value = self.value(name, *default)
        if name in self.data and (
            isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value)
        ):
            raise self.wrong(name, "a number", value)
        return float(cast(float, value))

    def flag(self, name: str) -> bool:
        value = self.value(name)
        if not isinstance(value, bool):
            raise self.wrong(name, "true or false", value)
        return value

    def choice(self, name: str, allowed: tuple[str, ...]) -> Any:
        value = self.value(name)
        if value not in allowed:
            raise self.wrong(name, f"one of {', '.join(allowed)}", value)
        return value

    def texts(self, name: str, *, missing: bool = False) -> tuple[str, ...]:
        value = self.value(name, *([[]] if missing else []))
        if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
            raise self.wrong(name, "a list of texts", value)
        return tuple(value)

    def many(
        self, name: str, make: Callable[["_Reader"], T], *, empty: bool = False, missing: bool = False
    ) -> tuple[T, ...]:
        value = self.value(name, *([[]] if missing else []))
        if not isinstance(value, list) or not (value or empty):
            raise self.wrong(name, "a list" if empty else "a list that is not empty", value)
        return tuple(make(_Reader(item, f"{self.place(name)}[{index}]")) for index, item in enumerate(value))

    def inner(self, name: str) -> "_Reader":
        return _Reader(self.value(name), self.place(name))

    def optional(self, name: str) -> "_Reader | None":
        value = self.value(name, None)
        return None if value is None else _Reader(value, self.place(name))

    def finish(self) -> None:
        """Raise InputError for a field that nothing has asked for: it is misspelled."""
        unknown = [key for key in self.data if key not in self._taken]
        if unknown:
            msg = f"{self.place(str(unknown[0])[:60])}: unknown field"
            raise InputError(msg)

    def made(self, cls: Callable[..., T], **arguments: object) -> T:
        """Return the finished part; what it finds wrong is said with the place in the file."""
        self.finish()
        try:
            return cls(**arguments)
        except ValueError as error:
            msg = f"{self.where}: {error}" if self.where else str(error)
            raise InputError(msg) from error
