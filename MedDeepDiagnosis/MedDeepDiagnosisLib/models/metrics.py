"""How good probabilities are: discrimination, calibration, and intervals that respect patients.

Several readings of one patient are not independent, so every interval comes from resampling patients, not rows.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Score = Callable[[Vector, Vector, Vector], float]
"""``score(target, probability, weight)``."""

_TINY = 1e-6


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval from ``low`` to ``high`` (95 %)."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ReliabilityPoint:
    """Cases of like prediction: their mean predicted probability, the observed fraction, and how many they are."""

    predicted: float
    observed: float
    count: int


@dataclass(frozen=True)
class Scores:
    """What out-of-fold probabilities are worth.

    Attributes
    ----------
    auc:
        Area under the receiver operating characteristic; .5 is chance.
    brier:
        Mean squared error of the probability; smaller is better.
    expected_calibration_error:
        Mean distance of predicted and observed fractions over ten bins of equal count.
    calibration_intercept, calibration_slope:
        Of a logistic fit of the outcome on the predicted log-odds; 0 and 1 are perfect.
    reliability:
        The ten bins.
    """

    auc: Estimate
    brier: Estimate
    expected_calibration_error: float
    calibration_intercept: float
    calibration_slope: float
    reliability: tuple[ReliabilityPoint, ...]


def log_odds(probability: Vector) -> Vector:
    """Return log(p / (1 - p)), with p kept within [1e-6, 1 - 1e-6]."""
    clipped = np.clip(probability, _TINY, 1 - _TINY)
    return np.log(clipped / (1 - clipped))


def probability_of(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1 / (1 + exp(-odds)) without overflow, for log-odds of any shape."""
    return 0.5 * (1 + np.tanh(0.5 * odds))


def auc(target: Vector, probability: Vector, weight: Vector | None = None) -> float:
    """Return the weighted area under the ROC curve; ties count one half. NaN if only one class has weight."""
    weight = np.ones_like(probability) if weight is None else weight
    _, group = np.unique(probability, return_inverse=True)
    positive = np.bincount(group, weights=weight * target)
    negative = np.bincount(group, weights=weight * (1 - target))
    below = np.cumsum(negative) - negative
    pairs = positive.sum() * negative.sum()
    return float((positive * (below + 0.5 * negative)).sum() / pairs) if pairs > 0 else float("nan")


def brier(target: Vector, probability: Vector, weight: Vector | None = None) -> float:
    """Return the weighted mean squared difference of probability and outcome."""
    return float(np.average((probability - target) ** 2, weights=weight))


def log_loss(target: Vector, probability: Vector) -> float:
    """Return the mean negative log-likelihood, with probabilities kept within [1e-6, 1 - 1e-6]."""
    clipped = np.clip(probability, _TINY, 1 - _TINY)
    return float(-np.mean(target * np.log(clipped) + (1 - target) * np.log(1 - clipped)))


def reliability(target: Vector, probability: Vector, *, bins: int = 10) -> tuple[ReliabilityPoint, ...]:
    """Return bins of equal count, in ascending order of predicted probability; one bin if all are equal."""
    bins = bins if np.ptp(probability) > 0 else 1
    parts = np.array_split(np.argsort(probability, kind="stable"), min(bins, len(probability)))
    return tuple(
        ReliabilityPoint(float(probability[part].mean()), float(target[part].mean()), len(part)) for part in parts
    )


def expected_calibration_error(points: tuple[ReliabilityPoint, ...]) -> float:
    """Return the mean absolute difference of predicted and observed fraction, weighted by count."""
    counts = np.array([point.count for point in points])
    gaps = np.array([abs(point.predicted - point.observed) for point in points])
    return float((counts * gaps).sum() / counts.sum())


def calibration_line(target: Vector, probability: Vector) -> tuple[float, float]:
    """Return intercept and slope of a logistic regression of the outcome on the predicted log-odds.

    Newton's method, at most 50 steps. If all predictions are equal there is no slope: 0 is returned for it, and for the
    intercept the log-odds of the observed less those of the predicted fraction.
    """
    odds = log_odds(probability)
    if np.ptp(odds) < 1e-9:
        return float(log_odds(np.atleast_1d(target.mean()))[0] - odds[0]), 0.0
    design = np.column_stack([np.ones_like(odds), odds])
    coefficients = np.zeros(2)
    for _ in range(50):
        fitted = probability_of(design @ coefficients)
        curvature = (design * (fitted * (1 - fitted) + 1e-9)[:, None]).T @ design
        step = np.linalg.solve(curvature, design.T @ (target - fitted))
        coefficients += np.clip(step, -3, 3)
        if np.abs(step).max() < 1e-9:
            break
    return float(coefficients[0]), float(coefficients[1])


def patient_bootstrap(
    target: Vector,
    probability: Vector,
    patients: NDArray[np.str_],
    score: Score,
    *,
    seed: int,
    repeats: int = 1000,
) -> Estimate:
    """Return a score with the 95 % percentile interval from resampling whole patients."""
    generator = np.random.default_rng(seed)
    names, index = np.unique(patients, return_inverse=True)
    draws = []
    for _ in range(repeats):
        counts = np.bincount(generator.integers(len(names), size=len(names)), minlength=len(names))
        draws.append(score(target, probability, counts[index].astype(float)))
    low, high = np.nanpercentile(draws, [2.5, 97.5])
    return Estimate(score(target, probability, np.ones_like(target)), float(low), float(high))


def score_probabilities(
    target: Vector, probability: Vector, patients: NDArray[np.str_], *, seed: int, repeats: int = 1000
) -> Scores:
    """Return all scores of out-of-fold probabilities."""
    points = reliability(target, probability)
    intercept, slope = calibration_line(target, probability)
    return Scores(
        auc=patient_bootstrap(target, probability, patients, auc, seed=seed, repeats=repeats),
        brier=patient_bootstrap(target, probability, patients, brier, seed=seed, repeats=repeats),
        expected_calibration_error=expected_calibration_error(points),
        calibration_intercept=intercept,
        calibration_slope=slope,
        reliability=points,
    )


@dataclass(frozen=True)
class NumberScores:
    """What out-of-fold predictions of a number or a step of a scale are worth.

    Attributes
    ----------
    pearson:
        Correlation of outcome and prediction; 0 if all predictions are equal.
    mean_absolute_error:
        In units of the outcome.
    determination:
        R², 1 less the squared error relative to that of the mean outcome; below 0 is worse than the mean.
    points:
        Ten bins of like prediction: mean predicted, mean observed, count.
    """

    pearson: Estimate
    mean_absolute_error: Estimate
    determination: Estimate
    points: tuple[ReliabilityPoint, ...]


def pearson(target: Vector, predicted: Vector, weight: Vector | None = None) -> float:
    """Return the weighted correlation; 0 if either has no spread."""
    weight = np.ones_like(target) if weight is None else weight
    a, b = target - np.average(target, weights=weight), predicted - np.average(predicted, weights=weight)
    spreads = [float(np.sqrt(weight @ part**2 / weight.sum())) for part in (a, b)]
    sizes = [float(np.abs(values).max()) for values in (target, predicted)]
    # Equal values differ from their mean by rounding alone.
    if any(spread <= 1e-12 * max(size, 1e-300) for spread, size in zip(spreads, sizes, strict=True)):
        return 0.0
    return float(weight @ (a * b) / weight.sum() / (spreads[0] * spreads[1]))


def mean_absolute_error(target: Vector, predicted: Vector, weight: Vector | None = None) -> float:
    """Return the weighted mean absolute difference."""
    return float(np.average(np.abs(target - predicted), weights=weight))


def determination(target: Vector, predicted: Vector, weight: Vector | None = None) -> float:
    """Return the weighted R²; NaN if the outcome has no spread."""
    weight = np.ones_like(target) if weight is None else weight
    spread = float(weight @ (target - np.average(target, weights=weight)) ** 2)
    return 1 - float(weight @ (target - predicted) ** 2) / spread if spread > 0 else float("nan")


def score_numbers(
    target: Vector, predicted: Vector, patients: NDArray[np.str_], *, seed: int, repeats: int = 1000
) -> NumberScores:
    """Return all scores of out-of-fold predictions of a number."""

    def estimate(score: Score) -> Estimate:
        return patient_bootstrap(target, predicted, patients, score, seed=seed, repeats=repeats)

    return NumberScores(
        pearson=estimate(pearson),
        mean_absolute_error=estimate(mean_absolute_error),
        determination=estimate(determination),
        points=reliability(target, predicted),
    )
