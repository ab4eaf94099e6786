"""From scores to probabilities: sigmoid and isotonic calibration on out-of-fold scores.

Sources: Platt JC, Probabilistic outputs for support vector machines, 1999 (sigmoid, with his smoothed targets);
Zadrozny B, Elkan C, KDD 2002 (isotonic).
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.learning.stored import StoredArrays
from MedDeepDiagnosisLib.models.additive import patient_folds
from MedDeepDiagnosisLib.models.metrics import log_loss, probability_of
from MedDeepRegSegLib.errors import InputError

Array = NDArray[np.float64]
Method = Literal["none", "sigmoid", "isotonic"]

LEAST_FOR_ISOTONIC = 1000
"""With fewer cases the steps follow chance (as scikit-learn's guide on calibration warns)."""

_WORTH = 0.002
"""The more flexible method must lower the log loss by this much: otherwise it learned chance."""


@dataclass(frozen=True)
class Calibration:
    """A rising map from scores to probabilities.

    Attributes
    ----------
    method:
        ``none``: the score is the log-odds; ``sigmoid``: the log-odds are a line of it; ``isotonic``: steps, joined
        by lines.
    knots, values:
        (K,) ascending scores and their probabilities (isotonic); slope and intercept as ``values`` (sigmoid).
    """

    method: Method = "none"
    knots: Array = field(default_factory=lambda: np.empty(0))
    values: Array = field(default_factory=lambda: np.empty(0))

    def probability(self, scores: Array) -> Array:
        """Return (N,) probabilities of (N,) scores."""
        if self.method == "sigmoid":
            return probability_of(self.values[0] * scores + self.values[1])
        if self.method == "isotonic":
            return np.interp(scores, self.knots, self.values)
        return probability_of(scores)

    def arrays(self) -> dict[str, Array]:
        """Return what :func:`calibration_from_arrays` takes."""
        return {"knots": self.knots, "values": self.values}


def calibration_from_arrays(method: Method, stored: StoredArrays) -> Calibration:
    """Return a calibration from the arrays of a model folder; raises InputError if they do not fit the method."""
    knots = stored.get("knots", None)
    count = {"none": 0, "sigmoid": 2}.get(method, len(knots))
    values = stored.get("values", count)
    rising = len(knots) and (np.diff(knots) > 0).all() and (np.diff(values) >= 0).all()
    if method == "isotonic" and not (rising and values[0] >= 0 and values[-1] <= 1):
        msg = "the isotonic calibration of the weights does not rise from 0 to 1; get the model again"
        raise InputError(msg)
    return Calibration(method, knots, values)


def fit_sigmoid(target: Array, scores: Array) -> Calibration:
    """Fit a line from scores to log-odds by maximum likelihood, with Platt's targets, which are never 0 or 1."""
    positive, negative = target.sum(), (1 - target).sum()
    smoothed = np.where(target > 0, (positive + 1) / (positive + 2), 1 / (negative + 2))
    rate = smoothed.mean()
    level = Calibration("sigmoid", np.empty(0), np.array([0.0, np.log(rate / (1 - rate))]))
    if np.ptp(scores) <= 1e-12 * max(float(np.abs(scores).max()), 1e-300):
        return level  # equal scores say nothing, and a line through them has no slope
    center, spread = scores.mean(), scores.std()
    design = np.column_stack([(scores - center) / spread, np.ones_like(scores)])
    line = np.zeros(2)
    for _ in range(100):
        fitted = probability_of(design @ line)
        curvature = (design * (fitted * (1 - fitted) + 1e-9)[:, None]).T @ design
        step = np.linalg.solve(curvature, design.T @ (smoothed - fitted))
        line += np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-10:
            break
    if line[0] <= 0:
        return level  # a falling line would say that the score is worth less than nothing; then it says nothing
    return Calibration("sigmoid", np.empty(0), np.array([line[0] / spread, line[1] - line[0] * center / spread]))


def fit_isotonic(target: Array, scores: Array) -> Calibration:
    """Fit the rising steps of least squares, each pulled towards one half by one case of either outcome.

    The pull keeps the probabilities from 0 and 1, which no finite number of cases can show.
    """
    knots, group = np.unique(scores, return_inverse=True)
    weights = np.bincount(group).astype(float)
    sums = np.bincount(group, weights=target)
    blocks: list[list[float]] = []  # sum, weight, first and last score
    for total, weight, score in zip(sums, weights, knots, strict=True):
        blocks.append([total, weight, score, score])
        while len(blocks) > 1 and blocks[-2][0] * blocks[-1][1] >= blocks[-1][0] * blocks[-2][1]:
            last = blocks.pop()
            blocks[-1] = [blocks[-1][0] + last[0], blocks[-1][1] + last[1], blocks[-1][2], last[3]]
    points: list[float] = []
    values: list[float] = []
    for total, weight, first, final in blocks:
        ends = [first] if first == final else [first, final]
        points += ends
        values += [(total + 1) / (weight + 2)] * len(ends)
    # The pull is stronger on small blocks, so order is restored after it.
    return Calibration("isotonic", np.array(points), np.maximum.accumulate(values))


def fit_calibration(method: Method, target: Array, scores: Array) -> Calibration:
    """Fit a calibration of that method."""
    if method == "none":
        return Calibration()
    return fit_sigmoid(target, scores) if method == "sigmoid" else fit_isotonic(target, scores)


def choose_calibration(
    target: Array, scores: Array, patients: NDArray[np.str_], *, seed: int, folds: int = 5, log_odds: bool = True
) -> Calibration:
    """Choose the method by patient-grouped cross-validation on out-of-fold scores, then fit it on all of them.

    Parameters
    ----------
    target, scores, patients:
        (N,) 0 or 1, out-of-fold scores, and whose row it is.
    log_odds:
        Whether the scores are log-odds, so that no calibration is a choice.
    """
    fold = patient_folds(patients, folds, seed=seed)
    methods: tuple[Method, ...] = ("none", "sigmoid", "isotonic") if log_odds else ("sigmoid", "isotonic")
    if len(target) < LEAST_FOR_ISOTONIC:
        methods = methods[:-1]
    best, least = methods[0], np.inf
    for method in methods:
        held_out = np.zeros(len(target))
        for number in range(folds):
            test = fold == number
            held_out[test] = fit_calibration(method, target[~test], scores[~test]).probability(scores[test])
        loss = log_loss(target, held_out)
        if loss < least - (_WORTH if np.isfinite(least) else 0):
            best, least = method, loss
    return fit_calibration(best, target, scores)
