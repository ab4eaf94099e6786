"""Elastic-net logistic and linear regression, in numpy alone.

Minimizes ``mean(loss) + strength * (ratio * |b|_1 + (1 - ratio) / 2 * |b|_2^2)`` by accelerated proximal gradient
steps with restart (Beck A, Teboulle M, SIAM J Imaging Sciences 2009;2:183-202; O'Donoghue B, Candès E, 2015). The
intercept is free.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.learning.columns import Columns, columns_from_arrays, learn_columns
from MedDeepDiagnosisLib.learning.sample import Sample
from MedDeepDiagnosisLib.learning.stored import StoredArrays, prefixed
from MedDeepDiagnosisLib.models.metrics import probability_of
from MedDeepDiagnosisLib.pathology import Feature

Array = NDArray[np.float64]

SETTINGS = tuple(
    {"strength": strength, "ratio": ratio, "splines": splines}
    for splines in (0.0, 1.0)
    for ratio in (0.7, 0.1)
    for strength in (0.1, 0.03, 0.01, 0.003, 0.001)
)
"""What is tried inside the folds, the simplest first."""

_STEPS = 500
_TOLERANCE = 1e-6


@dataclass(frozen=True)
class ElasticNet:
    """A line of columns: log-odds of an outcome, or a number."""

    columns: Columns
    coefficients: Array
    intercept: float

    def score(self, values: Array) -> Array:
        """Return (N,) log-odds or numbers of (N, F) values, NaN where missing."""
        return self.columns.of(values) @ self.coefficients + self.intercept

    def arrays(self) -> dict[str, Array]:
        """Return what :func:`from_arrays` takes."""
        line = np.append(self.coefficients, self.intercept)
        return {**prefixed("columns", self.columns.arrays()), "line": line}


def from_arrays(features: tuple[Feature, ...], stored: StoredArrays) -> ElasticNet:
    """Return a model from the arrays of a folder; raises InputError if they do not fit."""
    columns = columns_from_arrays(features, stored.within("columns"))
    line = stored.get("line", len(columns.kept) + 1)
    return ElasticNet(columns, line[:-1], float(line[-1]))


def fit_all(sample: Sample, *, binary: bool, settings: Sequence[dict[str, float]], seed: int) -> list[ElasticNet]:
    """Fit one model for each of some settings; neighbors begin from each other. Nothing here is random."""
    del seed
    models: list[ElasticNet] = []
    learned: dict[float, tuple[Columns, Array]] = {}
    start, before = None, None
    for setting in settings:
        splines, ratio = setting["splines"], setting["ratio"]
        if splines not in learned:
            columns = learn_columns(sample, splines=bool(splines))
            learned[splines] = columns, columns.of(sample.values)
        start = start if before == (splines, ratio) else None
        columns, table = learned[splines]
        start = fit_line(table, sample.target, binary=binary, strength=setting["strength"], ratio=ratio, start=start)
        before = (splines, ratio)
        models.append(ElasticNet(columns, start[:-1], float(start[-1])))
    return models


def fit_line(
    columns: Array, target: Array, *, binary: bool, strength: float, ratio: float, start: Array | None = None
) -> Array:
    """Return (C + 1,) coefficients, then the intercept, of (N, C) columns.

    For numbers the penalty is in units of the outcome's standard deviation, so that it does not depend on its units.
    """
    count = len(target)
    center, unit = (0.0, 1.0) if binary else (float(target.mean()), float(target.std()) or 1.0)
    outcome = target if binary else (target - center) / unit
    design = np.column_stack([columns, np.ones(count)])
    bend = 0.25 if binary else 1.0
    length = 1 / (bend * float(np.linalg.eigvalsh(design.T @ design / count)[-1]) + strength * (1 - ratio) + 1e-12)
    l1 = strength * ratio * length * np.append(np.ones(columns.shape[1]), 0.0)
    l2 = strength * (1 - ratio) * np.append(np.ones(columns.shape[1]), 0.0)
    current = np.zeros(design.shape[1])
    if start is not None:
        current = start / unit
        current[-1] = (start[-1] - center) / unit
    ahead, speed = current.copy(), 1.0
    for _ in range(_STEPS):
        fitted = design @ ahead
        residual = (probability_of(fitted) if binary else fitted) - outcome
        moved = ahead - length * (design.T @ residual / count + l2 * ahead)
        new = np.sign(moved) * np.maximum(np.abs(moved) - l1, 0)
        change = new - current
        if (ahead - new) @ change > 0:
            speed = 1.0  # it has overshot: begin again from here
        faster = 0.5 * (1 + np.sqrt(1 + 4 * speed**2))
        ahead = new + (speed - 1) / faster * change
        current, speed = new, faster
        if np.abs(change).max() < _TOLERANCE:
            break
    line = current * unit
    line[-1] += center
    return line
