"""How often the outcome was present among cases of like prediction, with an interval.

Whatever the learner, this says how firmly the data fix a probability: out-of-fold predictions are compared with what
was observed near them, over resampled patients.
"""

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.models.metrics import log_odds

Array = NDArray[np.float64]

LEVEL = 0.9

_POINTS = 31
_WIDTH = 0.5
"""Cases count as like by a bell of this standard deviation of log-odds, or wider where there are few."""

_LEAST_CASES = 20
_WIDEST = 3.0


def probability_band(
    target: Array,
    probability: Array,
    patients: NDArray[np.str_],
    *,
    seed: int,
    repeats: int = 200,
    level: float = LEVEL,
) -> Array:
    """Return (G, 3): probabilities, and the bounds of the observed fraction among cases of like prediction.

    Parameters
    ----------
    target, probability:
        (N,) 0 or 1, and out-of-fold probabilities.
    repeats:
        How many times patients are resampled.
    level:
        The central part of the resampled fractions that lies between the bounds.
    """
    odds = log_odds(probability)
    grid = np.unique(np.quantile(odds, np.linspace(0, 1, _POINTS)))
    generator = np.random.default_rng(seed)
    names, index = np.unique(patients, return_inverse=True)
    kernel = np.stack([_bell(odds, point) for point in grid])  # (G, N)
    # One case of either outcome, spread as all cases are: a fraction of 0 or 1 is never certain.
    rate = float(target.mean())
    fractions = np.zeros((repeats, len(grid)))
    for repeat in range(repeats):
        counts = np.bincount(generator.integers(len(names), size=len(names)), minlength=len(names))
        weighted = kernel * counts[index]
        fractions[repeat] = (weighted @ target + rate) / (weighted.sum(axis=1) + 1)
    low, high = np.percentile(fractions, [50 * (1 - level), 50 * (1 + level)], axis=0)
    return np.column_stack([1 / (1 + np.exp(-grid)), low, high])


def band_at(band: Array, probability: float) -> tuple[float, float]:
    """Return the bounds for a probability; they hold it."""
    low, high = (float(np.interp(probability, band[:, 0], band[:, column])) for column in (1, 2))
    return min(low, probability), max(high, probability)


def _bell(odds: Array, point: float) -> Array:
    width = _WIDTH
    while True:
        weights: Array = np.exp(-0.5 * ((odds - point) / width) ** 2)
        if weights.sum() >= _LEAST_CASES or width > _WIDEST:
            return weights
        width *= 1.5
