"""An additive logistic model: the log-odds are an intercept plus one term for each feature.

Because the terms only add up, the share of every feature in a prediction is exact, not an approximation. Fitting
and predicting need numpy alone.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.models.encoding import Encoding, learn_encoding
from MedDeepDiagnosisLib.models.metrics import log_loss, probability_of
from MedDeepDiagnosisLib.pathology import Feature
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress

PENALTIES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Inverse strengths C of the ridge penalty that are tried inside the folds."""

_NEWTON_STEPS = 60
_NEWTON_TOLERANCE = 1e-6

Array = NDArray[np.float64]


@dataclass(frozen=True)
class AdditiveModel:
    """A fitted model.

    Attributes
    ----------
    encoding:
        From (N, F) feature values to (N, C) columns.
    coefficients, intercept:
        (C,) and () log-odds. The intercept is the log-odds of the mean case.
    draw_coefficients, draw_intercepts:
        (B, C) and (B,) of fits to resampled patients: how far the model depends on who was in the training data.
        B is 0 inside cross-validation.
    penalty:
        The C that was chosen.
    """

    encoding: Encoding
    coefficients: Array
    intercept: float
    draw_coefficients: Array
    draw_intercepts: Array
    penalty: float

    def predict(self, values: Array) -> Array:
        """Return (N,) probabilities for (N, F) values, NaN where missing."""
        return probability_of(self.encoding.columns(values) @ self.coefficients + self.intercept)

    def contributions(self, values: Array) -> Array:
        """Return (N, F) log-odds that each feature adds to those of the mean case. With the intercept they sum up."""
        return self._by_feature(self.encoding.columns(values) * self.coefficients)

    def interval(self, values: Array, *, level: float = 0.9) -> Array:
        """Return (N, 2) bounds that hold the central ``level`` of the refitted models' probabilities."""
        odds = self.encoding.columns(values) @ self.draw_coefficients.T + self.draw_intercepts
        tails = [50 * (1 - level), 50 * (1 + level)]
        return np.percentile(probability_of(odds), tails, axis=1).T

    def _by_feature(self, columns: Array) -> Array:
        shares = np.zeros((len(columns), len(self.encoding.features)))
        np.add.at(shares.T, self.encoding.owner, columns.T)
        return shares


def patient_folds(patients: NDArray[np.str_], count: int, *, seed: int) -> NDArray[np.int64]:
    """Return (N,) fold numbers in which all rows of a patient share one fold.

    Patients are shuffled, then each goes to the fold with the fewest rows so far.

    Raises
    ------
    ValueError
        If there are fewer patients than folds.
    """
    names, index, rows = np.unique(patients, return_inverse=True, return_counts=True)
    if len(names) < count:
        msg = f"{len(names)} patients cannot be divided into {count} folds"
        raise ValueError(msg)
    fold_of = np.zeros(len(names), dtype=np.int64)
    filled = np.zeros(count)
    for patient in np.random.default_rng(seed).permutation(len(names)):
        smallest = int(filled.argmin())
        fold_of[patient] = smallest
        filled[smallest] += rows[patient]
    return fold_of[index]


def fit_additive(
    features: Sequence[Feature],
    values: Array,
    target: Array,
    patients: NDArray[np.str_],
    *,
    seed: int,
    inner_folds: int = 4,
    draws: int = 0,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> AdditiveModel:
    """Fit a model; the ridge penalty is chosen by patient-grouped cross-validation within these rows alone.

    Parameters
    ----------
    values:
        (N, F) training values, NaN where missing.
    target:
        (N,) 0 or 1; both must occur.
    draws:
        How many times to refit on resampled patients for :meth:`AdditiveModel.interval`.

    Raises
    ------
    Canceled
        If ``cancel`` was set.
    """
    with _one_blas_thread():
        return _fit_additive(
            features,
            values,
            target,
            patients,
            seed,
            inner_folds=inner_folds,
            draws=draws,
            progress=progress,
            cancel=cancel,
        )


def _fit_additive(
    features: Sequence[Feature],
    values: Array,
    target: Array,
    patients: NDArray[np.str_],
    seed: int,
    *,
    inner_folds: int,
    draws: int,
    progress: Progress,
    cancel: CancelToken | None,
) -> AdditiveModel:
    penalty = _choose_penalty(features, values, target, patients, seed=seed, folds=inner_folds, cancel=cancel)
    encoding = learn_encoding(features, values)
    columns = encoding.columns(values)
    fitted = fit_ridge(columns, target, penalty)
    refits = np.zeros((draws, len(fitted)))
    generator = np.random.default_rng(seed)
    names, index = np.unique(patients, return_inverse=True)
    for draw in range(draws):
        progress(draw / draws, "refitting on resampled patients")
        _look(cancel)
        weight = np.zeros(len(target))
        while len(np.unique(target[weight > 0])) < 2:
            counts = np.bincount(generator.integers(len(names), size=len(names)), minlength=len(names))
            weight = counts[index].astype(float)
        refits[draw] = fit_ridge(columns, target, penalty, weight, start=fitted)
    return AdditiveModel(encoding, fitted[:-1], float(fitted[-1]), refits[:, :-1], refits[:, -1], penalty)


def _choose_penalty(
    features: Sequence[Feature],
    values: Array,
    target: Array,
    patients: NDArray[np.str_],
    *,
    seed: int,
    folds: int,
    cancel: CancelToken | None,
) -> float:
    """Return the C with the smallest cross-validated log loss; the strongest penalty among equals."""
    fold = patient_folds(patients, folds, seed=seed)
    probabilities = np.zeros((len(PENALTIES), len(target)))
    for held_out in range(folds):
        train, test = fold != held_out, fold == held_out
        encoding = learn_encoding(features, values[train])
        train_columns, test_columns = encoding.columns(values[train]), encoding.columns(values[test])
        fitted = None
        for row, penalty in enumerate(PENALTIES):
            _look(cancel)
            fitted = fit_ridge(train_columns, target[train], penalty, start=fitted)
            probabilities[row, test] = probability_of(test_columns @ fitted[:-1] + fitted[-1])
    return PENALTIES[int(np.argmin([log_loss(target, row) for row in probabilities]))]


def fit_ridge(
    columns: Array, target: Array, penalty: float, weight: Array | None = None, *, start: Array | None = None
) -> Array:
    """Fit a ridge logistic regression by Newton's method with step halving.

    Minimizes ``|coefficients|² / 2 + penalty * sum(weight * loss)``; the intercept is free, except for a pull of 1e-6
    that keeps it finite where only one outcome occurs.

    Parameters
    ----------
    columns:
        (N, C) centered columns.
    penalty:
        Inverse strength, called C in scikit-learn.
    weight:
        (N,) weights of the rows; 1 if None.
    start:
        Result of a similar fit, to begin from.

    Returns
    -------
    (C + 1,) coefficients, then the intercept.
    """
    design = np.column_stack([columns, np.ones(len(columns))])
    weight = np.full(len(target), penalty) if weight is None else penalty * weight
    ridge = np.append(np.ones(columns.shape[1]), 1e-6)
    current = np.zeros(design.shape[1]) if start is None else start.copy()
    sign = 2 * target - 1

    def objective(candidate: Array) -> float:
        loss = weight @ np.logaddexp(0, -sign * (design @ candidate))
        return float(loss + 0.5 * (ridge * candidate) @ candidate)

    value = objective(current)
    for _ in range(_NEWTON_STEPS):
        fitted = probability_of(design @ current)
        gradient = design.T @ (weight * (fitted - target)) + ridge * current
        scaled = design * np.sqrt(weight * fitted * (1 - fitted))[:, None]
        curvature = scaled.T @ scaled + np.diag(ridge)  # numpy sees the symmetry and halves the work
        step = np.linalg.solve(curvature, gradient)
        length = 1.0
        # The objective is convex: a whole step is taken unless it overshoots.
        while (new := objective(current - length * step)) > value + 1e-12 * abs(value) and length > 1e-6:
            length /= 2
        current = current - length * step
        value = new
        if length * np.abs(step).max() < _NEWTON_TOLERANCE:
            break
    return current


def _one_blas_thread() -> AbstractContextManager[object]:
    """Keep the linear algebra on one thread: these matrices are small, and threads make it four times slower here.

    It also makes the result independent of the number of cores. threadpoolctl comes with scikit-learn; without it the
    result is the same to rounding.
    """
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return nullcontext()
    return threadpool_limits(1, user_api="blas")


def _look(cancel: CancelToken | None) -> None:
    if cancel is not None:
        cancel.raise_if_canceled()
