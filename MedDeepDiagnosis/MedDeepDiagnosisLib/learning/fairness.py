"""Whether a model is as good for women as for men, and for the old as for the young.

Scores of out-of-fold predictions within groups of patients, each with the interval from resampling patients.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.models.metrics import Estimate, auc, brier, mean_absolute_error, patient_bootstrap, pearson
from MedDeepDiagnosisLib.pathology import Feature

Array = NDArray[np.float64]

SEX_NAMES = frozenset({"sex", "gender"})
AGE_NAMES = frozenset({"age", "age_years"})

AGE_EDGES = (50.0, 70.0)
"""Ages that part the groups: below 50, 50 to below 70, 70 and more."""

_LEAST_PATIENTS = 20
_LEAST_OF_EACH_OUTCOME = 5


@dataclass(frozen=True)
class GroupScores:
    """Scores within one group.

    Attributes
    ----------
    feature, group:
        What parts the groups, and which one this is.
    cases, patients, positive:
        How many there are; ``positive`` have the outcome (0 for numbers).
    discrimination:
        AUC of a binary outcome, correlation of a number; None where an outcome is too rare in the group.
    error:
        Brier score of a binary outcome, mean absolute error of a number.
    bias:
        Mean prediction less mean outcome; 0 is calibrated in the large.
    coverage:
        Fraction of conformal sets or intervals that hold the truth; None if none were given.
    """

    feature: str
    group: str
    cases: int
    patients: int
    positive: int
    discrimination: Estimate | None
    error: Estimate
    bias: Estimate
    coverage: Estimate | None


def groups_of(features: Sequence[Feature], values: Array) -> list[tuple[str, str, NDArray[np.bool_]]]:
    """Return feature title, group and (N,) membership, for sex and age where a pathology has them."""
    found: list[tuple[str, str, NDArray[np.bool_]]] = []
    for index, feature in enumerate(features):
        column = values[:, index]
        if feature.name.casefold() in SEX_NAMES:
            for value in np.unique(column[~np.isnan(column)]):
                found.append((feature.title, feature.display(float(value)), column == value))
        if feature.name.casefold() in AGE_NAMES:
            low, high = AGE_EDGES
            found += [
                (feature.title, f"below {low:g}", column < low),
                (feature.title, f"{low:g} to below {high:g}", (column >= low) & (column < high)),
                (feature.title, f"{high:g} and more", column >= high),
            ]
    return found


def score_groups(
    features: Sequence[Feature],
    values: Array,
    target: Array,
    predicted: Array,
    patients: NDArray[np.str_],
    *,
    binary: bool,
    covered: NDArray[np.bool_] | None = None,
    seed: int,
    repeats: int = 500,
) -> tuple[GroupScores, ...]:
    """Score out-of-fold predictions within each group of at least 20 patients.

    Parameters
    ----------
    values:
        (N, F) values of the features, NaN where missing.
    covered:
        (N,) whether the conformal set or interval holds the truth.
    """
    results = []
    for title, group, member in groups_of(features, values):
        people = patients[member]
        count = len(np.unique(people))
        if count < _LEAST_PATIENTS:
            continue
        outcome, guess = target[member], predicted[member]
        results.append(
            GroupScores(
                feature=title,
                group=group,
                cases=int(member.sum()),
                patients=count,
                positive=int(outcome.sum()) if binary else 0,
                discrimination=_discrimination(outcome, guess, people, binary=binary, seed=seed, repeats=repeats),
                error=patient_bootstrap(
                    outcome, guess, people, brier if binary else mean_absolute_error, seed=seed, repeats=repeats
                ),
                bias=patient_bootstrap(outcome, guess, people, _bias, seed=seed, repeats=repeats),
                coverage=None
                if covered is None
                else patient_bootstrap(
                    outcome, covered[member].astype(float), people, _mean_of_second, seed=seed, repeats=repeats
                ),
            )
        )
    return tuple(results)


def largest_gap(groups: Sequence[GroupScores]) -> str:
    """Return in words where the discrimination differs most between groups of one feature; empty if nowhere.

    Only groups whose intervals do not meet are named: others may differ by chance.
    """
    worst, text = 0.0, ""
    for number, first in enumerate(groups):
        for second in groups[number + 1 :]:
            if first.feature != second.feature or first.discrimination is None or second.discrimination is None:
                continue
            a, b = first.discrimination, second.discrimination
            apart = max(a.low, b.low) > min(a.high, b.high)
            if apart and abs(a.value - b.value) > worst:
                worst = abs(a.value - b.value)
                better, poorer = (first, second) if a.value > b.value else (second, first)
                text = f"{poorer.feature}: it tells cases apart less well in {poorer.group} than in {better.group}"
    return text


def _discrimination(
    target: Array, predicted: Array, patients: NDArray[np.str_], *, binary: bool, seed: int, repeats: int
) -> Estimate | None:
    if not binary:
        return patient_bootstrap(target, predicted, patients, pearson, seed=seed, repeats=repeats)
    fewest = min(len(np.unique(patients[target == outcome])) for outcome in (0, 1))
    if fewest < _LEAST_OF_EACH_OUTCOME:
        return None
    return patient_bootstrap(target, predicted, patients, auc, seed=seed, repeats=repeats)


def _bias(target: Array, predicted: Array, weight: Array) -> float:
    return float(np.average(predicted - target, weights=weight))


def _mean_of_second(target: Array, covered: Array, weight: Array) -> float:
    del target
    return float(np.average(covered, weights=weight))
