"""Conformal prediction: sets of outcomes, or an interval of a number, that hold the truth at a chosen rate.

The thresholds come from out-of-fold predictions, so the models that they are used with have seen slightly more cases
(cross-conformal). The promised rate holds on average over cases that are exchangeable with those learned from; several
rows of one patient weaken the promise, so the coverage that is reported is measured on patients that the thresholds
have not seen.

Sources: Vovk V, Conditional validity of inductive conformal predictors, 2012 (Mondrian: a threshold for each outcome);
Vovk V, Cross-conformal predictors, 2015; Lei J et al., JASA 2018 (residuals).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEVEL = 0.9
"""Rate at which a set or an interval shall hold the truth."""

_LEAST_FOR_BINS = 150
_BINS = 3


@dataclass(frozen=True)
class SetThresholds:
    """A case may be present if 1 - probability is at most ``present``, and absent if probability is at most ``absent``."""

    level: float
    present: float
    absent: float

    def sets(self, probability: Array) -> NDArray[np.bool_]:
        """Return (N, 2): whether the set holds absent, and whether it holds present."""
        return np.column_stack([probability <= self.absent, 1 - probability <= self.present])


@dataclass(frozen=True)
class IntervalWidths:
    """Half widths of intervals, by how large the predicted value is.

    Attributes
    ----------
    level:
        Rate of intervals that shall hold the truth.
    edges:
        Ascending predicted values between the bins; one fewer than ``half_widths``.
    half_widths:
        In units of the outcome.
    lowest, highest:
        Of the outcome; intervals do not go beyond.
    """

    level: float
    edges: tuple[float, ...]
    half_widths: tuple[float, ...]
    lowest: float
    highest: float

    def __post_init__(self) -> None:
        """Check that there is a width for each bin; raises ValueError."""
        edges, widths = np.array(self.edges), np.array(self.half_widths)
        if len(widths) != len(edges) + 1 or (np.diff(edges) <= 0).any() or (widths < 0).any():
            msg = "half widths do not fit the ascending edges between them, expected one more of them, none below 0"
            raise ValueError(msg)

    def intervals(self, predicted: Array) -> Array:
        """Return (N, 2) bounds (inclusive)."""
        half = np.array(self.half_widths)[np.searchsorted(np.array(self.edges), predicted, side="right")]
        return np.clip(np.column_stack([predicted - half, predicted + half]), self.lowest, self.highest)


@dataclass(frozen=True)
class Coverage:
    """What sets or intervals are worth on patients that their thresholds have not seen.

    Attributes
    ----------
    level:
        The rate that was asked for.
    coverage:
        Fraction of cases whose set or interval holds the truth.
    coverage_present, coverage_absent:
        The same among cases with and without the outcome; equal to ``coverage`` for numbers.
    both, empty:
        Fractions of cases whose set holds both outcomes or none: the model abstains. 0 for numbers.
    width:
        Mean width of the intervals, in units of the outcome; mean size of the sets.
    """

    level: float
    coverage: float
    coverage_present: float
    coverage_absent: float
    both: float
    empty: float
    width: float

    @property
    def abstention(self) -> float:
        """Fraction of cases without one clear outcome."""
        return self.both + self.empty


def conformal_quantile(scores: Array, level: float) -> float:
    """Return the ceil((n + 1) level)-th smallest score; infinite if n is too small for the level."""
    rank = int(np.ceil((len(scores) + 1) * level - 1e-9))
    return float("inf") if rank > len(scores) else float(np.sort(scores)[max(rank, 1) - 1])


def fit_sets(target: Array, probability: Array, *, level: float = LEVEL) -> SetThresholds:
    """Return the thresholds of out-of-fold probabilities, one for each outcome. Too few cases exclude nothing: 1."""
    present = conformal_quantile(1 - probability[target == 1], level)
    absent = conformal_quantile(probability[target == 0], level)
    return SetThresholds(level, min(present, 1.0), min(absent, 1.0))


def fit_intervals(
    target: Array, predicted: Array, *, lowest: float, highest: float, level: float = LEVEL
) -> IntervalWidths:
    """Return half widths from out-of-fold predictions: the quantile of absolute residuals in thirds of the prediction.

    There is one bin if there are fewer than 150 cases. Too few cases for the level give the whole range.
    """
    bins = _BINS if len(target) >= _LEAST_FOR_BINS else 1
    edges = np.unique(np.quantile(predicted, np.linspace(0, 1, bins + 1)[1:-1])) if bins > 1 else np.empty(0)
    number = np.searchsorted(edges, predicted, side="right")
    residuals = np.abs(target - predicted)
    halves = [conformal_quantile(residuals[number == index], level) for index in range(len(edges) + 1)]
    return IntervalWidths(
        level, tuple(edges.tolist()), tuple(min(half, highest - lowest) for half in halves), lowest, highest
    )


def held_out_sets(
    target: Array, probability: Array, folds: NDArray[np.int64], *, level: float = LEVEL
) -> NDArray[np.bool_]:
    """Return (N, 2) sets of out-of-fold probabilities (absent, present); thresholds of a fold come from the others.

    Parameters
    ----------
    folds:
        (N,) fold numbers that keep patients together.
    """
    sets = np.zeros((len(target), 2), dtype=bool)
    for number in np.unique(folds):
        test = folds == number
        sets[test] = fit_sets(target[~test], probability[~test], level=level).sets(probability[test])
    return sets


def held_out_intervals(
    target: Array, predicted: Array, folds: NDArray[np.int64], *, lowest: float, highest: float, level: float = LEVEL
) -> Array:
    """Return (N, 2) intervals of out-of-fold predictions; the widths of a fold come from the other folds."""
    bounds = np.zeros((len(target), 2))
    for number in np.unique(folds):
        test = folds == number
        widths = fit_intervals(target[~test], predicted[~test], lowest=lowest, highest=highest, level=level)
        bounds[test] = widths.intervals(predicted[test])
    return bounds


def set_coverage(target: Array, probability: Array, folds: NDArray[np.int64], *, level: float = LEVEL) -> Coverage:
    """Measure the sets of :func:`held_out_sets`."""
    sets = held_out_sets(target, probability, folds, level=level)
    covered = holds(sets, target)
    size = sets.sum(axis=1)
    return Coverage(
        level=level,
        coverage=float(covered.mean()),
        coverage_present=float(covered[target == 1].mean()) if (target == 1).any() else float(covered.mean()),
        coverage_absent=float(covered[target == 0].mean()) if (target == 0).any() else float(covered.mean()),
        both=float((size == 2).mean()),
        empty=float((size == 0).mean()),
        width=float(size.mean()),
    )


def holds(sets: NDArray[np.bool_], target: Array) -> NDArray[np.bool_]:
    """Return (N,) whether (N, 2) sets hold the outcome."""
    return sets[np.arange(len(target)), target.astype(int)]


def interval_coverage(
    target: Array, predicted: Array, folds: NDArray[np.int64], *, lowest: float, highest: float, level: float = LEVEL
) -> Coverage:
    """Measure the intervals of :func:`held_out_intervals`."""
    bounds = held_out_intervals(target, predicted, folds, lowest=lowest, highest=highest, level=level)
    covered = float(((bounds[:, 0] <= target) & (target <= bounds[:, 1])).mean())
    return Coverage(level, covered, covered, covered, 0.0, 0.0, float(np.mean(bounds[:, 1] - bounds[:, 0])))
