"""Patients drawn with replacement: intervals that hold when a patient has several rows."""

import math

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.associations.measures import Floats, midranks

_MOST_BYTES = 300_000_000


class PatientBootstrap:
    """Draws patients with replacement; a row counts as often as its patient was drawn.

    Parameters
    ----------
    patients:
        (N,) number of the patient of each row.
    count:
        Number of resamples.
    """

    def __init__(self, patients: NDArray[np.intp], *, count: int, seed: int) -> None:
        generator = np.random.default_rng(seed)
        number = int(patients.max(initial=-1)) + 1
        drawn = generator.multinomial(number, np.full(number, 1 / number), size=count)
        self._weights = drawn[:, patients].astype(np.float32)
        self._ranks: dict[tuple[str, bytes], Floats] = {}

    def weights(self, rows: NDArray[np.bool_]) -> Floats:
        """Return (B, n) how often each of these rows counts."""
        return self._weights if rows.all() else self._weights[:, rows]

    def ranks(self, name: str, values: Floats, rows: NDArray[np.bool_]) -> Floats:
        """Return (B, n) middle ranks of a column within these rows, kept for the next pair that needs them."""
        key = (name, np.packbits(rows).tobytes())
        if key not in self._ranks:
            # Ranks are exact in single precision: they are halves below 2**23.
            made = midranks(values, self.weights(rows)).astype(np.float32)
            while self._ranks and sum(kept.nbytes for kept in self._ranks.values()) + made.nbytes > _MOST_BYTES:
                self._ranks.pop(next(iter(self._ranks)))
            self._ranks[key] = made
        return self._ranks[key]


def percentile_interval(values: Floats) -> tuple[float, float]:
    """Return the 2.5 and 97.5 percentiles of resampled estimates; NaN if more than a tenth are undefined.

    References
    ----------
    Efron B, Tibshirani RJ. An introduction to the bootstrap. Chapman & Hall 1993, chapter 13.
    """
    known = values[~np.isnan(values)]
    if len(known) < 0.9 * len(values):
        return math.nan, math.nan
    low, high = np.quantile(known, [0.025, 0.975])
    return float(low), float(high)
