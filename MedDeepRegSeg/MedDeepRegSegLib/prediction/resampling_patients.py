"""Confidence intervals of means over cases, by drawing patients anew.

Cases of one patient resemble each other, so patients are drawn, not cases: the percentile bootstrap over clusters of
B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap" (1993), chapters 8 and 13.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_DRAWS = 2000
_LIMITS = (2.5, 97.5)


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A mean and how sure it is.

    Attributes
    ----------
    mean : float or None
        None without any value.
    low, high : float or None
        95 % confidence interval; None for fewer than 2 patients, which say nothing of others. With fewer than about 10
        patients it is too narrow.
    cases, patients : int
        That have a value.
    """

    mean: float | None
    low: float | None
    high: float | None
    cases: int
    patients: int


def mean_interval(values: Sequence[float | None], patients: Sequence[str], *, seed: int = 0) -> Interval:
    """Return the mean over cases and its 95 % confidence interval.

    Parameters
    ----------
    values : sequence of float or None
        Of each case; those without a value do not count.
    patients : sequence of str
        Whose each case is.
    seed : int
        The same seed gives the same interval.
    """
    known = [(patient, value) for patient, value in zip(patients, values, strict=True) if value is not None]
    if not known:
        return Interval(mean=None, low=None, high=None, cases=0, patients=0)
    names, group = np.unique([patient for patient, _ in known], return_inverse=True)
    numbers = np.array([value for _, value in known], float)
    mean = float(numbers.mean())
    if len(names) < 2:
        return Interval(mean=mean, low=None, high=None, cases=len(known), patients=len(names))
    sums, counts = np.bincount(group, numbers), np.bincount(group)
    drawn = np.random.default_rng(seed).integers(0, len(names), (_DRAWS, len(names)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.percentile(means, _LIMITS)
    return Interval(mean=mean, low=float(low), high=float(high), cases=len(known), patients=len(names))
