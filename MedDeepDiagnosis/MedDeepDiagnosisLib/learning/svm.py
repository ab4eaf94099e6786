"""Support vector machine with radial basis functions: found by scikit-learn, kept as arrays and evaluated by numpy.

Its score is a margin, not log-odds: a probability needs a calibration, see
:mod:`~MedDeepDiagnosisLib.learning.calibration`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.learning.columns import Columns, columns_from_arrays, learn_columns
from MedDeepDiagnosisLib.learning.sample import Sample
from MedDeepDiagnosisLib.learning.stored import StoredArrays, prefixed
from MedDeepDiagnosisLib.pathology import Feature
from MedDeepRegSegLib.errors import MissingPackageError

Array = NDArray[np.float64]

SETTINGS = tuple(
    {"softness": softness, "reach": reach, "keep": keep}
    for softness, reach, keep in ((1.0, 0.1, 0.5), (1.0, 0.1, 1.0), (3.0, 0.1, 1.0), (3.0, 0.3, 1.0), (1.0, 0.6, 1.0))
)
"""What is tried inside the folds: C, the multiple of 1 / (number of columns) that is gamma, share of columns kept."""

_BLOCK = 4096


@dataclass(frozen=True)
class SupportVectors:
    """A sum of bells around some of the training cases.

    Attributes
    ----------
    columns, scale:
        The columns, and the (K,) divisors that give each one the same spread.
    vectors, weights, intercept, gamma:
        (S, K) centers, (S,) heights, and the offset; a bell is exp(-gamma distance²).
    unit, center:
        A number is center + unit times the sum; 1 and 0 for margins.
    """

    columns: Columns
    scale: Array
    vectors: Array
    weights: Array
    intercept: float
    gamma: float
    unit: float = 1.0
    center: float = 0.0

    def score(self, values: Array) -> Array:
        """Return (N,) margins or numbers of (N, F) values, NaN where missing."""
        columns = self.columns.of(values) / self.scale
        parts = [self._sum(columns[start : start + _BLOCK]) for start in range(0, len(columns), _BLOCK)]
        return self.center + self.unit * np.concatenate(parts) if parts else np.empty(0)

    def arrays(self) -> dict[str, Array]:
        """Return what :func:`from_arrays` takes."""
        line = np.array([self.intercept, self.gamma, self.unit, self.center])
        own = {"scale": self.scale, "vectors": self.vectors, "weights": self.weights, "line": line}
        return {**prefixed("columns", self.columns.arrays()), **own}

    def _sum(self, columns: Array) -> Array:
        squared = (columns**2).sum(axis=1)[:, None] + (self.vectors**2).sum(axis=1) - 2 * columns @ self.vectors.T
        return np.exp(-self.gamma * np.maximum(squared, 0)) @ self.weights + self.intercept


def from_arrays(features: tuple[Feature, ...], stored: StoredArrays) -> SupportVectors:
    """Return a model from the arrays of a folder; raises InputError if they do not fit."""
    columns = columns_from_arrays(features, stored.within("columns"))
    vectors = stored.get("vectors", None, len(columns.kept))
    line = stored.get("line", 4)
    scale = stored.divisors("scale", len(columns.kept))
    return SupportVectors(columns, scale, vectors, stored.get("weights", len(vectors)), *(float(x) for x in line))


def fit_all(sample: Sample, *, binary: bool, settings: Sequence[dict[str, float]], seed: int) -> list[SupportVectors]:
    """Fit one machine for each of some settings. Nothing here is random.

    Raises
    ------
    MissingPackageError
        If scikit-learn is not installed.
    """
    del seed
    return [_fit(sample, setting, binary=binary) for setting in settings]


def _fit(sample: Sample, setting: dict[str, float], *, binary: bool) -> SupportVectors:
    try:
        from sklearn.svm import SVC, SVR
    except ImportError as error:
        msg = "the support vector machine needs scikit-learn: install it with 'pip install scikit-learn'"
        raise MissingPackageError(msg) from error
    columns = learn_columns(sample, keep=setting["keep"])
    table = columns.of(sample.values)
    spread = table.std(axis=0)
    scale = np.where(spread > 1e-9, spread, 1.0)
    gamma = setting["reach"] / len(columns.kept)
    unit, center = (1.0, 0.0) if binary else (float(sample.target.std()) or 1.0, float(sample.target.mean()))
    cls = SVC if binary else SVR
    machine = cls(C=setting["softness"], gamma=gamma, cache_size=300)
    machine.fit(table / scale, sample.target if binary else (sample.target - center) / unit)
    return SupportVectors(
        columns=columns,
        scale=scale,
        vectors=machine.support_vectors_,
        weights=machine.dual_coef_[0],
        intercept=float(machine.intercept_[0]),
        gamma=gamma,
        unit=unit,
        center=center,
    )
