"""Points that one curve explains, found among points of which many may belong elsewhere (RANSAC).

Sources: M. Fischler, R. Bolles, "Random sample consensus", Communications of the ACM 24 (1981); the score that counts how
well points fit, not only that they do, is MSAC of P. Torr, A. Zisserman, "MLESAC", CVIU 78 (2000).
"""

import math
from collections.abc import Callable

import numpy as np

_BATCH = 64
_MOST_BATCHES = 16  # about 1000 samples
_CERTAINTY = 0.999
_MOST_SCORED = 300  # points that a curve is scored at

Distances = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From sampled points (S, m, D) and all points (N, D): distance of each point to each curve, (S, N); infinite for none."""


def consensus(points: np.ndarray, sample: int, distances: Distances, *, tolerance: float, seed: int) -> np.ndarray:
    """Return which points lie within ``tolerance`` of the curve through a few of them that explains the most.

    Parameters
    ----------
    points:
        (N, D), N at least ``sample``.
    sample:
        Number of points that a curve is made from.
    distances:
        Makes curves and measures them.
    tolerance:
        Largest distance of a point that belongs to the curve, above 0, in the units of the points.
    seed:
        Of the drawing of samples.

    Returns
    -------
    numpy.ndarray
        (N,) boolean. All False where no sample gives a curve.
    """
    generator = np.random.default_rng(seed)
    count = len(points)
    scored = points if count <= _MOST_SCORED else points[generator.choice(count, _MOST_SCORED, replace=False)]
    best, best_cost, share = None, math.inf, 0.0
    for batch in range(_MOST_BATCHES):
        chosen = np.argsort(generator.random((_BATCH, count)), axis=1)[:, :sample]
        samples = points[chosen]
        found = distances(samples, scored)
        cost = np.minimum(found, tolerance) ** 2
        totals = cost.sum(axis=1)
        winner = int(totals.argmin())
        if totals[winner] < best_cost and np.isfinite(found[winner]).any():
            best, best_cost = samples[winner : winner + 1], float(totals[winner])
            share = float((found[winner] <= tolerance).mean())
        # So many samples give one of good points only with that certainty.
        tried = (batch + 1) * _BATCH
        if share > 0 and (1 - share**sample) ** tried <= 1 - _CERTAINTY:
            break
    if best is None:
        return np.zeros(count, bool)
    return distances(best, points)[0] <= tolerance
