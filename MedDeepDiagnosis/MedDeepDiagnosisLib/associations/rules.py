"""Association rules: "if this and that, then often also that", for the few findings that are frequent enough.

References
----------
Agrawal R, Imielinski T, Swami A. Mining association rules between sets of items in large databases. SIGMOD 1993:207-216.
"""

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.associations.measures import Z95, Floats
from MedDeepDiagnosisLib.associations.pair_measures import FEWEST_WITH_LEVEL
from MedDeepDiagnosisLib.associations.significance import PatientScores, benjamini_hochberg
from MedDeepDiagnosisLib.associations.table import Column, MixedTable
from MedDeepRegSegLib.jobs.progress import CancelToken

MOST_ITEMS = 30
"""With more items there are too many rules to test: the most frequent are kept."""

_BETTER = 1.05
"""A rule with two conditions must lift this much more than either of them alone."""


@dataclass(frozen=True)
class Item:
    """Something that is so in a row or not: a level of a column, or a number above its median."""

    column: str
    text: str


@dataclass(frozen=True)
class Rule:
    """If all of ``conditions``, then ``conclusion``.

    Attributes
    ----------
    conditions, conclusion:
        Items.
    support:
        Fraction of rows in which all are so.
    confidence:
        Fraction of the rows with the conditions that have the conclusion.
    lift, low, high:
        Confidence divided by the fraction of all rows with the conclusion, and its 95 % interval.
    p, q, test:
        One-sided: more often together than by chance; corrected for all rules that were tested.
    rows, patients, missing:
        Rows where all columns of the rule are known, their patients, and the other rows.
    with_conditions, with_conclusion, together:
        Of these rows, how many have the conditions, the conclusion, and both.
    """

    conditions: tuple[Item, ...]
    conclusion: Item
    support: float
    confidence: float
    lift: float
    low: float
    high: float
    p: float
    test: str
    rows: int
    patients: int
    missing: int
    with_conditions: int
    with_conclusion: int
    together: int
    q: float = math.nan


@dataclass(frozen=True)
class Rules:
    """Rules that were found, how many were tested, and which items they were made of."""

    rules: tuple[Rule, ...]
    tests: int
    items: tuple[Item, ...]
    left_out: int


def items_of(column: Column, values: Floats) -> list[tuple[Item, Floats]]:
    """Return the items of a column with their (N,) states: 1, 0, or NaN where missing.

    A binary column gives one item, that its second level is present; a category one for each level; a number or
    ordinal one, that it is above its median.
    """
    known = ~np.isnan(values)
    if column.kind == "binary":
        return [(Item(column.name, column.label), values)]
    if column.kind == "category":
        return [
            (Item(column.name, f"{column.title}: {level}"), np.where(known, values == code, np.nan))
            for code, level in enumerate(column.levels)
        ]
    middle = float(np.median(values[known]))
    text = f"{column.title} > {middle:.4g} {column.units}".strip()
    return [(Item(column.name, text), np.where(known, values > middle, np.nan))]


def find_rules(
    table: MixedTable,
    *,
    minimum_support: float = 0.05,
    minimum_confidence: float = 0.5,
    most: int = 200,
    cancel: CancelToken | None = None,
) -> Rules:
    """Return rules of one or two conditions, strongest evidence first.

    What is tested is chosen by how frequent conditions and conclusion are each for themselves, never by how often they
    meet, so that the correction for many tests holds.

    Parameters
    ----------
    minimum_support:
        Conditions and conclusion each hold in at least this fraction of the rows; found rules also do together.
    minimum_confidence:
        Of the rules that are returned.
    most:
        How many are returned.

    Raises
    ------
    Canceled
        If ``cancel`` was set.
    """
    pool = [pair for at, column in enumerate(table.columns) for pair in items_of(column, table.values[:, at])]
    frequency = [float(np.nanmean(state)) if (state == state).any() else 0.0 for _, state in pool]  # noqa: PLR0124
    frequent = [at for at, share in enumerate(frequency) if minimum_support <= share <= 1 - minimum_support]
    kept = sorted(sorted(frequent, key=lambda at: -frequency[at])[:MOST_ITEMS])
    items = [pool[at] for at in kept]
    index = table.patient_index
    clustered = len(index) > table.patient_count
    tested: list[Rule] = []
    for conditions in _condition_sets(items):
        if cancel is not None:
            cancel.raise_if_canceled()
        tested += _rules_of(conditions, items, index, minimum_support, clustered=clustered)
    p_values = np.array([rule.p for rule in tested]) if clustered else _fisher(tested)
    q_values = benjamini_hochberg(p_values)
    tested = [replace(rule, p=float(p), q=float(q)) for rule, p, q in zip(tested, p_values, q_values, strict=True)]
    lifts = {(rule.conditions[0], rule.conclusion): rule.lift for rule in tested if len(rule.conditions) == 1}
    found = [
        rule
        for rule in tested
        if rule.confidence >= minimum_confidence and rule.support >= minimum_support and rule.lift > 1
        if len(rule.conditions) == 1
        or all(rule.lift > _BETTER * lifts.get((item, rule.conclusion), 0) for item in rule.conditions)
    ]
    found.sort(key=lambda rule: (2.0 if math.isnan(rule.q) else rule.q, -rule.lift))
    made = int((~np.isnan(q_values)).sum())
    return Rules(tuple(found[:most]), made, tuple(item for item, _ in items), len(frequent) - len(kept))


def _condition_sets(items: list[tuple[Item, Floats]]) -> Iterable[tuple[tuple[Item, Floats], ...]]:
    yield from ((item,) for item in items)
    for one, two in itertools.combinations(items, 2):
        if one[0].column != two[0].column:
            yield one, two


def _rules_of(
    conditions: tuple[tuple[Item, Floats], ...],
    items: list[tuple[Item, Floats]],
    index: NDArray[np.intp],
    minimum_support: float,
    *,
    clustered: bool,
) -> list[Rule]:
    columns = {item.column for item, _ in conditions}
    holds = np.prod([state for _, state in conditions], axis=0)
    found = []
    for item, truth in items:
        if item.column in columns:
            continue
        known = ~np.isnan(holds) & ~np.isnan(truth)
        if not known.any():
            continue
        first, second, patients = holds[known], truth[known], index[known]
        if min(first.mean(), second.mean()) < minimum_support or first.min() == first.max() or second.all():
            continue
        # Sums within very few patients have no known distribution: such a rule is not tested.
        if clustered and min(len(np.unique(patients[state == 1])) for state in (first, second)) < FEWEST_WITH_LEVEL:
            continue
        found.append(
            _rule(
                tuple(each for each, _ in conditions),
                item,
                first,
                second,
                patients=patients,
                total=len(index),
                clustered=clustered,
            )
        )
    return found


def _rule(
    conditions: tuple[Item, ...],
    conclusion: Item,
    first: Floats,
    second: Floats,
    *,
    patients: NDArray[np.intp],
    total: int,
    clustered: bool,
) -> Rule:
    count, with_first, with_second = len(first), first.sum(), second.sum()
    together = float((first * second).sum())
    lift = count * together / (with_first * with_second)
    p, test = math.nan, "Fisher's exact, one-sided"
    if clustered:
        # The test has two sides: half of it lies on the side of the lift that was seen.
        half = PatientScores(first, second, patients).p_value / 2
        p, test = (half if lift > 1 else 1 - half), "Hotelling, sums within patients"
    low, high = _lift_interval(first, second, patients, lift)
    return Rule(
        conditions=conditions,
        conclusion=conclusion,
        support=together / count,
        confidence=together / float(with_first),
        lift=float(lift),
        low=low,
        high=high,
        p=p,
        test=test,
        rows=count,
        patients=int((np.bincount(patients) > 0).sum()),
        missing=total - count,
        with_conditions=int(with_first),
        with_conclusion=int(with_second),
        together=int(together),
    )


def _fisher(rules: list[Rule]) -> Floats:
    """Return the one-sided p values of Fisher's exact test, all at once: one by one they would take most of the time."""
    from scipy.stats import hypergeom

    if not rules:
        return np.zeros(0)
    counts = np.array([(rule.together, rule.rows, rule.with_conditions, rule.with_conclusion) for rule in rules])
    together, rows, with_conditions, with_conclusion = counts.T
    return hypergeom.sf(together - 1, rows, with_conditions, with_conclusion)


def _lift_interval(first: Floats, second: Floats, patients: NDArray[np.intp], lift: float) -> tuple[float, float]:
    """Return the 95 % interval of a lift: delta method of its logarithm, with sums within patients."""
    both = first * second
    if not both.any():
        return math.nan, math.nan
    influence = both / both.mean() - first / first.mean() - second / second.mean() + 1
    sums = np.bincount(patients, weights=influence)
    error = math.sqrt(float((sums**2).sum())) / len(first)
    return lift * math.exp(-Z95 * error), lift * math.exp(Z95 * error)
