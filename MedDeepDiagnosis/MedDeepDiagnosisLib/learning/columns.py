"""Impute, filter and select: from feature values to the columns of a learner that needs complete numbers.

Imputing is done by :mod:`~MedDeepDiagnosisLib.models.encoding`: a missing value gets the mean of its columns. Numbers
that enter as lines are straightened: a power that makes them most like a normal distribution (Yeo IK, Johnson RA,
Biometrika 2000;87:954-959), as a long tail would otherwise rule the line. The filter drops columns that say nothing in the training rows. What is left can be thinned out to the columns that go
with the outcome most. All of it is learned from the training rows of a fold alone.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.learning.sample import Sample
from MedDeepDiagnosisLib.learning.stored import StoredArrays, prefixed
from MedDeepDiagnosisLib.models.encoding import Encoding, encoding_arrays, encoding_from_arrays, learn_encoding
from MedDeepDiagnosisLib.pathology import Feature

Array = NDArray[np.float64]

_LEAST_ROWS = 3
"""A column whose value differs from the rest in fewer rows than this says nothing."""

_POWERS = np.linspace(-4, 3, 29)
"""Powers that are tried."""

_CLEARLY_BETTER = 2.0
"""Gain of log likelihood that a power must bring."""

_SAME = 0.9999
"""Columns that go together this closely are one."""


@dataclass(frozen=True)
class Columns:
    """(N, K) columns of (N, F) values: those numbered ``kept`` of an encoding.

    Attributes
    ----------
    powers, start, center, scale:
        (K,) of each column: power of Yeo and Johnson, the value that it is counted from, and mean and spread of what
        comes out. A power of 1 leaves a column as it is.
    """

    encoding: Encoding
    kept: NDArray[np.int64]
    powers: Array
    start: Array
    center: Array
    scale: Array

    def of(self, values: Array) -> Array:
        """Return (N, K) columns of (N, F or more) values; what goes beyond the table is left away."""
        table = values[:, : len(self.encoding.features)]
        columns = self.encoding.columns(table)[:, self.kept]
        bent = self.powers != 1
        if bent.any():
            # A missing value is 0 here, the mean; it stays the mean.
            missing = np.isnan(table)[:, self.encoding.owner[self.kept[bent]]]
            straight = yeo_johnson(columns[:, bent] - self.start[bent], self.powers[bent])
            columns[:, bent] = np.where(missing, 0.0, (straight - self.center[bent]) / self.scale[bent])
        return columns

    def arrays(self) -> dict[str, Array]:
        """Return what :func:`columns_from_arrays` takes."""
        own = {"powers": self.powers, "start": self.start, "center": self.center, "scale": self.scale}
        return {**prefixed("encoding", encoding_arrays(self.encoding)), "kept": self.kept.astype(float), **own}


def columns_from_arrays(features: tuple[Feature, ...], stored: StoredArrays) -> Columns:
    """Return columns from the arrays of a model folder; raises InputError if they do not fit."""
    encoding = encoding_from_arrays(features, stored.within("encoding"))
    kept = stored.indices("kept", None, below=len(encoding.center))
    powers, start, center = (stored.get(name, len(kept)) for name in ("powers", "start", "center"))
    return Columns(encoding, kept, powers, start, center, stored.divisors("scale", len(kept)))


def learn_columns(sample: Sample, *, splines: bool = False, keep: float = 1.0) -> Columns:
    """Learn the columns of a sample.

    Parameters
    ----------
    splines:
        Whether numbers may bend, see :func:`~MedDeepDiagnosisLib.models.encoding.learn_encoding`.
    keep:
        Share of the columns that are kept, those with the largest absolute correlation with the outcome.
    """
    encoding = learn_encoding(sample.features, sample.table, splines=splines)
    columns = encoding.columns(sample.table)
    kept = _filtered(columns)
    if keep < 1 and len(kept) > 1:
        count = max(1, int(np.ceil(keep * len(kept))))
        strength = np.abs(_correlations(columns[:, kept], sample.target))
        kept = np.sort(kept[np.argsort(-strength, kind="stable")[:count]])
    return _straightened(encoding, kept, columns[:, kept], sample.table, straighten=not splines)


def yeo_johnson(values: Array, powers: Array) -> Array:
    """Return (N, K) values to the (K,) powers of Yeo and Johnson (their eq. 2.1), a rising map that keeps 0."""
    up, down = np.maximum(values, 0), np.maximum(-values, 0)
    positive = np.where(np.abs(powers) < 1e-9, np.log1p(up), ((1 + up) ** powers - 1) / _nonzero(powers))
    mirrored = 2 - powers
    negative = np.where(np.abs(mirrored) < 1e-9, np.log1p(down), ((1 + down) ** mirrored - 1) / _nonzero(mirrored))
    return np.where(values >= 0, positive, -negative)


def _nonzero(values: Array) -> Array:
    return np.where(np.abs(values) < 1e-9, 1.0, values)


def _straightened(
    encoding: Encoding, kept: NDArray[np.int64], columns: Array, table: Array, *, straighten: bool
) -> Columns:
    count = len(kept)
    powers, start, center, scale = np.ones(count), np.zeros(count), np.zeros(count), np.ones(count)
    for index, owner in enumerate(encoding.owner[kept] if straighten else ()):
        given = columns[~np.isnan(table[:, owner]), index]
        if encoding.features[owner].kind != "number" or np.ptp(given) < 1e-9:
            continue
        start[index] = given.min()
        powers[index] = _best_power(given - start[index])
        if powers[index] != 1:
            straight = yeo_johnson((given - start[index])[:, None], powers[index : index + 1])[:, 0]
            center[index], scale[index] = straight.mean(), straight.std()
    return Columns(encoding, kept, powers, start, center, scale)


def _best_power(values: Array) -> float:
    """Return the power with the largest likelihood of a normal distribution; 1 unless another is clearly better."""
    straight = yeo_johnson(values[:, None], _POWERS)
    logarithm = np.log1p(values).sum()
    likelihood = -0.5 * len(values) * np.log(straight.var(axis=0) + 1e-300) + (_POWERS - 1) * logarithm
    best = int(np.argmax(likelihood))
    plain = int(np.flatnonzero(_POWERS == 1)[0])
    return float(_POWERS[best]) if likelihood[best] > likelihood[plain] + _CLEARLY_BETTER else 1.0


def _filtered(columns: Array) -> NDArray[np.int64]:
    usual = np.median(columns, axis=0)
    differing = (np.abs(columns - usual) > 1e-9).sum(axis=0)
    candidates = np.flatnonzero(differing >= _LEAST_ROWS)
    if not len(candidates):
        return np.array([0])
    together = np.abs(np.corrcoef(columns[:, candidates], rowvar=False)).reshape(len(candidates), -1)
    repeats = np.triu(together > _SAME, k=1).any(axis=0)
    return candidates[~repeats]


def _correlations(columns: Array, target: Array) -> Array:
    centered, outcome = columns - columns.mean(axis=0), target - target.mean()
    norm = np.linalg.norm(centered, axis=0) * np.linalg.norm(outcome)
    return centered.T @ outcome / np.where(norm > 0, norm, 1)
