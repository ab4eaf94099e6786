"""P values that hold when a patient has several rows, by permutation too, and their correction for many tests."""

import math
from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.associations.measures import Floats

EXCEEDANCES = 10
"""A permutation test stops when so many permutations did as well as the data."""

_BATCH = 100


def benjamini_hochberg(p_values: Floats) -> Floats:
    """Return q values (M,): the false discovery rate when all tests with no larger p value are called discoveries.

    NaN, a test that was not made, stays NaN and does not count.

    References
    ----------
    Benjamini Y, Hochberg Y. Controlling the false discovery rate. J R Stat Soc B 1995;57:289-300.
    """
    result = np.full(len(p_values), np.nan)
    made = np.flatnonzero(~np.isnan(p_values))
    order = made[np.argsort(p_values[made], kind="stable")]
    scaled = p_values[order] * len(order) / np.arange(1, len(order) + 1)
    result[order] = np.minimum(1, np.minimum.accumulate(scaled[::-1])[::-1])
    return result


def indicators(codes: Floats) -> Floats:
    """Return (N, K - 1) indicators of all levels of a column of codes but the last."""
    levels = np.unique(codes)
    return (codes[:, None] == levels[None, :-1]).astype(float)


class PatientScores:
    """Test of independence of two sets of scores when rows of one patient are not independent.

    The products of the centered scores are summed within each patient. If the columns are independent these sums have
    mean 0, and Hotelling's T-square of them has an F distribution, however alike the rows of a patient are.

    Parameters
    ----------
    first, second:
        (N,) or (N, K) scores: ranks, values, or indicators of levels.
    patients:
        (N,) number of the patient of each row.

    References
    ----------
    Boos DD. On generalized score tests. Am Stat 1992;46:327-333. Hotelling H. Ann Math Stat 1931;2:360-378.
    """

    def __init__(self, first: Floats, second: Floats, patients: NDArray[np.intp]) -> None:
        one, two = (scores.reshape(len(scores), -1) for scores in (first, second))
        one, two = one - one.mean(0), two - two.mean(0)
        products = (one[:, :, None] * two[:, None, :]).reshape(len(one), -1)
        seen = np.bincount(patients) > 0
        self._sums = np.column_stack([np.bincount(patients, weights=column)[seen] for column in products.T])
        self._one, self._two = one, two

    @cached_property
    def _spread(self) -> Floats:
        centered = self._sums - self._sums.mean(0)
        return centered.T @ centered

    @cached_property
    def _naive(self) -> Floats:
        # Of independent rows: the variance of a product is the product of the variances.
        return len(self._one) * np.kron(_covariance(self._one), _covariance(self._two))

    @property
    def p_value(self) -> float:
        """NaN if there are too few patients for the number of scores."""
        from scipy.special import fdtrc

        patients = len(self._sums)
        freedom = _rank(self._spread)
        if freedom == 0 or patients < 2 * freedom + 8:
            return math.nan
        mean = self._sums.mean(0)
        inverse = np.linalg.pinv(self._spread, hermitian=True)
        square = patients * (patients - 1) * float(mean @ inverse @ mean)
        statistic = square * (patients - freedom) / (freedom * (patients - 1))
        return float(fdtrc(freedom, patients - freedom, statistic))

    @property
    def design_effect(self) -> float:
        """By how much rows of one patient being alike inflates the variance, at least 1.

        References
        ----------
        Rao JNK, Scott AJ. The analysis of categorical data from complex sample surveys. J Am Stat Assoc
        1981;76:221-230: mean of the generalized design effects.
        """
        freedom = max(_rank(self._naive), 1)
        inverse = np.linalg.pinv(self._naive, hermitian=True)
        return max(1.0, float(np.trace(inverse @ self._spread)) / freedom)


class Permuter:
    """Shuffles rows between patients, all rows of a patient together.

    Patients change places with others of the same number of rows, so that whatever is alike within a patient stays so.

    Parameters
    ----------
    patients:
        (N,) number of the patient of each row.
    """

    def __init__(self, patients: NDArray[np.intp], *, seed: int) -> None:
        self._count = len(patients)
        self._seed = seed
        order = np.argsort(patients, kind="stable")
        sizes = np.bincount(patients)
        ends = np.cumsum(sizes)
        self._blocks = [
            np.stack([order[end - size : end] for end in ends[sizes == size]]) for size in np.unique(sizes[sizes > 0])
        ]

    def batches(self, total: int) -> Iterator[NDArray[np.intp]]:
        """Yield (<= 100, N) row numbers, ``total`` permutations in all; the same ones at every call."""
        generator = np.random.default_rng(self._seed)
        for start in range(0, total, _BATCH):
            count = min(_BATCH, total - start)
            rows = np.tile(np.arange(self._count), (count, 1))
            for block in self._blocks:
                orders = np.argsort(generator.random((count, len(block))), axis=1)
                rows[:, block.ravel()] = block[orders].reshape(count, -1)
            yield rows


def permutation_p(
    first: NDArray[np.intp],
    second: NDArray[np.intp],
    statistic: Callable[[Floats], Floats],
    permuter: Permuter,
    *,
    permutations: int,
) -> float:
    """Return the p value of a statistic of the (K, L) table of two columns of codes, larger meaning more dependent.

    Parameters
    ----------
    first, second:
        (N,) codes from 0; -1 where missing. Missing values move with the others.
    statistic:
        From (P, K, L) tables of counts to (P,) values.

    Notes
    -----
    Sampling stops at ``EXCEEDANCES`` permutations that did as well: small p values get all permutations, and clear
    ones cost little.

    References
    ----------
    Besag J, Clifford P. Sequential Monte Carlo p-values. Biometrika 1991;78:301-304.
    """
    shape = (int(first.max()) + 1, int(second.max()) + 1)

    def tables(rows: NDArray[np.intp]) -> Floats:
        moved = second[rows]
        both = (first >= 0) & (moved >= 0)
        cells = first * shape[1] + moved + np.arange(len(rows))[:, None] * shape[0] * shape[1]
        counts = np.bincount(cells[both], minlength=len(rows) * shape[0] * shape[1])
        return counts.reshape(-1, *shape).astype(float)

    observed = statistic(tables(np.arange(len(first))[None, :]))[0]
    done, reached = 0, 0
    for rows in permuter.batches(permutations):
        as_well = statistic(tables(rows)) >= observed - 1e-12
        if reached + as_well.sum() >= EXCEEDANCES:
            last = int(np.flatnonzero(np.cumsum(as_well) + reached >= EXCEEDANCES)[0])
            return EXCEEDANCES / (done + last + 1)
        reached += int(as_well.sum())
        done += len(rows)
    return (reached + 1) / (done + 1)


def _rank(matrix: Floats) -> int:
    return int(matrix[0, 0] > 0) if matrix.shape == (1, 1) else int(np.linalg.matrix_rank(matrix, hermitian=True))


def _covariance(scores: Floats) -> Floats:
    return scores.T @ scores / len(scores)
