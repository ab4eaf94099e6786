"""An additive model: the log-odds of an outcome, or a number, are an intercept plus one term for each feature.

Because the terms only add up, the share of every feature in a prediction is exact, not an approximation. Fitting
and predicting need numpy alone.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.learning.stored import StoredArrays
from MedDeepDiagnosisLib.models.encoding import Encoding, encoding_arrays, encoding_from_arrays, learn_encoding
from MedDeepDiagnosisLib.models.metrics import probability_of
from MedDeepDiagnosisLib.pathology import Feature
from MedDeepRegSegLib.errors import InputError
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
    binary:
        Whether the sum is log-odds; else it is a number.
    """

    encoding: Encoding
    coefficients: Array
    intercept: float
    draw_coefficients: Array
    draw_intercepts: Array
    penalty: float
    binary: bool = True

    def score(self, values: Array) -> Array:
        """Return (N,) log-odds or numbers for (N, F or more) values, NaN where missing; only the first F count."""
        return self._columns(values) @ self.coefficients + self.intercept

    def predict(self, values: Array) -> Array:
        """Return (N,) probabilities or numbers for (N, F) values, NaN where missing."""
        return self._linked(self.score(values))

    def contributions(self, values: Array) -> Array:
        """Return (N, F) log-odds (or units) that each feature adds to those of the mean case. With the intercept they sum up."""
        return self._by_feature(self._columns(values) * self.coefficients)

    def interval(self, values: Array, *, level: float = 0.9) -> Array:
        """Return (N, 2) bounds that hold the central ``level`` of the refitted models' probabilities or numbers."""
        sums = self._columns(values) @ self.draw_coefficients.T + self.draw_intercepts
        tails = [50 * (1 - level), 50 * (1 + level)]
        return np.percentile(self._linked(sums), tails, axis=1).T

    def arrays(self) -> dict[str, Array]:
        """Return what :func:`additive_from_arrays` takes."""
        return {
            **{f"encoding/{name}": array for name, array in encoding_arrays(self.encoding).items()},
            "coefficients": np.vstack([self.coefficients, self.draw_coefficients]),
            "intercepts": np.append(self.intercept, self.draw_intercepts),
            "line": np.array([self.penalty, float(self.binary)]),
        }

    def _columns(self, values: Array) -> Array:
        return self.encoding.columns(values[:, : len(self.encoding.features)])

    def _linked(self, sums: Array) -> Array:
        return probability_of(sums) if self.binary else sums

    def _by_feature(self, columns: Array) -> Array:
        shares = np.zeros((len(columns), len(self.encoding.features)))
        np.add.at(shares.T, self.encoding.owner, columns.T)
        return shares


def additive_from_arrays(features: tuple[Feature, ...], stored: StoredArrays) -> AdditiveModel:
    """Return a model from the arrays of a folder; raises InputError if they do not fit the features."""
    encoding = encoding_from_arrays(features, stored.within("encoding"))
    coefficients = stored.get("coefficients", None, len(encoding.center))
    if not len(coefficients):
        msg = "the weights hold no coefficients of the additive model; get the model again"
        raise InputError(msg)
    intercepts = stored.get("intercepts", len(coefficients))
    penalty, binary = stored.get("line", 2)
    return AdditiveModel(
        encoding,
        coefficients[0],
        float(intercepts[0]),
        coefficients[1:],
        intercepts[1:],
        float(penalty),
        binary=bool(binary),
    )


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


def fit_additive_path(
    features: Sequence[Feature], values: Array, target: Array, penalties: Sequence[float], *, binary: bool = True
) -> list[AdditiveModel]:
    """Fit one model without draws for each penalty, in their order; each begins from the one before."""
    encoding = learn_encoding(features, values)
    columns = encoding.columns(values)
    models: list[AdditiveModel] = []
    fitted = None
    for penalty in penalties:
        fitted = _fit(columns, target, penalty, binary=binary, start=fitted)
        none, no_columns = np.zeros(0), np.zeros((0, columns.shape[1]))
        models.append(AdditiveModel(encoding, fitted[:-1], float(fitted[-1]), no_columns, none, penalty, binary=binary))
    return models


def with_draws(
    model: AdditiveModel,
    values: Array,
    target: Array,
    patients: NDArray[np.str_],
    *,
    seed: int,
    draws: int,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> AdditiveModel:
    """Return the model with ``draws`` refits on resampled patients, for :meth:`AdditiveModel.interval`."""
    columns = model.encoding.columns(values)
    fitted = np.append(model.coefficients, model.intercept)
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
        refits[draw] = _fit(columns, target, model.penalty, weight, binary=model.binary, start=fitted)
    return replace(model, draw_coefficients=refits[:, :-1], draw_intercepts=refits[:, -1])


def _fit(
    columns: Array,
    target: Array,
    penalty: float,
    weight: Array | None = None,
    *,
    binary: bool,
    start: Array | None = None,
) -> Array:
    if binary:
        return fit_ridge(columns, target, penalty, weight, start=start)
    return fit_ridge_line(columns, target, penalty, weight)


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


def fit_ridge_line(columns: Array, target: Array, penalty: float, weight: Array | None = None) -> Array:
    """Fit a ridge regression of squared loss, with a free intercept.

    Coefficients scale with the outcome, so the penalty does not depend on its units.

    Returns
    -------
    (C + 1,) coefficients, then the intercept.
    """
    weight = np.ones(len(target)) if weight is None else weight
    total = weight.sum()
    center, middle = weight @ target / total, weight @ columns / total
    shifted = columns - middle
    scaled = shifted * (penalty * weight)[:, None]
    coefficients = np.linalg.solve(scaled.T @ shifted + np.eye(columns.shape[1]), scaled.T @ (target - center))
    return np.append(coefficients, center - middle @ coefficients)


def one_blas_thread() -> AbstractContextManager[object]:
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
