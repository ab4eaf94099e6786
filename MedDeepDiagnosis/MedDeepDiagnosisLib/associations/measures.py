"""How strongly two columns go together: effect sizes, and their intervals in closed form.

Measures with an order take weights (B, N), one row for each resample, so that the estimate (weights of 1) and every
resample of a bootstrap are one and the same formula. Ties get middle ranks.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

Z95 = 1.959963984540054
"""Two-sided 95 % point of the standard normal distribution."""


def midranks(values: Floats, weights: Floats) -> Floats:
    """Return (B, N) middle ranks of ``values`` (N,) when row n counts ``weights`` (B, N) times.

    Examples
    --------
    >>> midranks(np.array([3.0, 1.0, 3.0]), np.ones((1, 3)))
    array([[2.5, 1. , 2.5]])
    """
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    order = np.argsort(inverse, kind="stable")
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    mass = np.add.reduceat(weights[:, order], starts, axis=1)
    return (np.cumsum(mass, axis=1) - mass / 2 + 0.5)[:, inverse]


def correlation(first: Floats, second: Floats, weights: Floats) -> Floats:
    """Return (B,) weighted Pearson correlations of (N,) or (B, N) values; NaN where one does not vary.

    Of middle ranks this is Spearman's correlation, of two binary columns phi.
    """
    total = weights.sum(axis=1)
    one, two = np.broadcast_to(first, weights.shape), np.broadcast_to(second, weights.shape)
    one = one - (np.einsum("bn,bn->b", weights, one) / total)[:, None]
    two = two - (np.einsum("bn,bn->b", weights, two) / total)[:, None]
    scale = np.einsum("bn,bn,bn->b", weights, one, one) * np.einsum("bn,bn,bn->b", weights, two, two)
    with np.errstate(invalid="ignore", divide="ignore"):
        result = np.einsum("bn,bn,bn->b", weights, one, two) / np.sqrt(scale)
    return np.where(scale > 0, np.clip(result, -1, 1), np.nan)


def rank_biserial(present: Floats, ranks: Floats, weights: Floats) -> Floats:
    """Return (B,) rank-biserial correlations: 2 AUC - 1, above 0 where values are larger in rows with ``present`` 1.

    Parameters
    ----------
    present:
        (N,) 0 or 1.
    ranks:
        (B, N) middle ranks of the values.

    References
    ----------
    Cureton EE. Rank-biserial correlation. Psychometrika 1956;21:287-290.
    """
    with_it = np.einsum("bn,n->b", weights, present)
    total = weights.sum(axis=1)
    without = total - with_it
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_with = np.einsum("bn,bn,n->b", weights, ranks, present) / with_it
        mean_without = np.einsum("bn,bn,n->b", weights, ranks, 1 - present) / without
        result = 2 * (mean_with - mean_without) / total
    return np.where((with_it > 0) & (without > 0), result, np.nan)


def contingency(first: Floats, second: Floats) -> Floats:
    """Return the (K, L) table of counts of two columns of codes, without empty rows and columns."""
    _, one = np.unique(first, return_inverse=True)
    _, two = np.unique(second, return_inverse=True)
    table = np.zeros((one.max() + 1, two.max() + 1))
    np.add.at(table, (one, two), 1)
    return table


def chi_square(table: Floats) -> float:
    """Return Pearson's chi-square of a table of counts, without Yates' correction."""
    expected = table.sum(1, keepdims=True) * table.sum(0, keepdims=True) / table.sum()
    return float(((table - expected) ** 2 / expected).sum())


def cramers_v(chi2: float, shape: tuple[int, int], count: float) -> float:
    """Return the bias-corrected Cramer's V in [0, 1].

    Parameters
    ----------
    chi2, shape:
        Chi-square of a (K, L) table.
    count:
        Number of rows; where rows of one patient are alike, the effective number (and chi-square divided as much).

    References
    ----------
    Bergsma W. A bias-correction for Cramer's V and Tschuprow's T. J Korean Stat Soc 2013;42:323-328.
    """
    rows, columns = shape
    square = max(0.0, chi2 / count - (rows - 1) * (columns - 1) / (count - 1))
    rows_left = rows - (rows - 1) ** 2 / (count - 1)
    columns_left = columns - (columns - 1) ** 2 / (count - 1)
    least = min(rows_left, columns_left) - 1
    return min(1.0, math.sqrt(square / least)) if least > 0 else math.nan


def kruskal_wallis(codes: Floats, ranks: Floats) -> float:
    """Return the Kruskal-Wallis H, corrected for ties, of middle ranks (N,) in groups (N,)."""
    mean = ranks.mean()
    between = sum(
        (codes == code).sum() * (ranks[codes == code].mean() - mean) ** 2 for code in np.unique(codes).tolist()
    )
    return float((len(ranks) - 1) * between / ((ranks - mean) ** 2).sum())


def rank_eta(statistic: float, groups: int, count: float) -> float:
    """Return the correlation ratio of ranks in [0, 1] from Kruskal-Wallis' H: the root of (H - k + 1) / (n - k).

    References
    ----------
    Tomczak M, Tomczak E. The need to report effect size estimates revisited. Trends Sport Sci 2014;1:19-25, eq. 8.
    """
    if count <= groups:
        return math.nan
    return min(1.0, math.sqrt(max(0.0, (statistic - groups + 1) / (count - groups))))


def mutual_information(tables: Floats) -> Floats:
    """Return (P,) mutual information in bits of (P, K, L) tables of counts, as they are (no correction of bias)."""
    total = tables.sum(axis=(1, 2), keepdims=True)
    expected = tables.sum(2, keepdims=True) * tables.sum(1, keepdims=True) / total
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(tables > 0, tables / total * np.log2(tables / expected), 0.0)
    return parts.sum(axis=(1, 2))


@dataclass(frozen=True)
class OddsRatio:
    """Odds ratio of a 2 x 2 table with its 95 % interval; ``corrected`` where .5 was added to every cell."""

    value: float
    low: float
    high: float
    corrected: bool


def odds_ratio(first: Floats, second: Floats, patients: NDArray[np.intp]) -> OddsRatio:
    """Return the odds ratio of two binary columns with Woolf's interval.

    Where a cell of the 2 x 2 table is empty, .5 is added to each (Haldane-Anscombe). Where patients have several rows,
    the variance of the logarithm is that of sums of influences within patients, which is Woolf's where they have one.

    Parameters
    ----------
    first, second:
        (N,) 0 or 1.
    patients:
        (N,) number of the patient of each row.

    References
    ----------
    Woolf B. On estimating the relation between blood group and disease. Ann Hum Genet 1955;19:251-253.
    Haldane JBS. Ann Hum Genet 1956;20:309-311. Anscombe FJ. Biometrika 1956;43:461-464.
    """
    cells = np.array([[((first == one) & (second == two)).sum() for two in (0, 1)] for one in (0, 1)], float)
    corrected = bool((cells == 0).any())
    if corrected:
        cells += 0.5
        error = math.sqrt((1 / cells).sum())
    else:
        signs = np.array([[1.0, -1.0], [-1.0, 1.0]]) / cells
        influence = signs[first.astype(int), second.astype(int)]
        error = math.sqrt(float((np.bincount(patients, weights=influence) ** 2).sum()))
    log = math.log(cells[0, 0] * cells[1, 1] / (cells[0, 1] * cells[1, 0]))
    return OddsRatio(_exp(log), _exp(log - Z95 * error), _exp(log + Z95 * error), corrected)


def correlation_interval(value: float, count: int, *, ranks: bool) -> tuple[float, float]:
    """Return the 95 % interval of a correlation by Fisher's z; NaN below 5 rows.

    Of ranks, the error of z is sqrt((1 + r^2 / 2) / (n - 3)).

    References
    ----------
    Bonett DG, Wright TA. Sample size requirements for estimating Pearson, Kendall and Spearman correlations.
    Psychometrika 2000;65:23-28.
    """
    if count < 5 or math.isnan(value):
        return math.nan, math.nan
    if abs(value) >= 1:
        return value, value
    error = math.sqrt((1 + value**2 / 2 if ranks else 1) / (count - 3))
    return math.tanh(math.atanh(value) - Z95 * error), math.tanh(math.atanh(value) + Z95 * error)


def rank_biserial_interval(value: float, with_it: int, without: int) -> tuple[float, float]:
    """Return the 95 % interval of a rank-biserial correlation by inverting a score test of the area under the curve.

    References
    ----------
    Newcombe RG. Confidence intervals for an effect size measure based on the Mann-Whitney statistic. Part 2.
    Stat Med 2006;25:559-573, method 5.
    """
    area = (value + 1) / 2
    size = (with_it + without) / 2 - 1

    def distance(theta: float) -> float:
        spread = 1 + size * (1 - theta) / (2 - theta) + size * theta / (1 + theta)
        return (theta - area) ** 2 - Z95**2 * theta * (1 - theta) * spread / (with_it * without)

    low = 0.0 if area <= 0 else _root(distance, 0.0, min(area, 1 - 1e-9))
    high = 1.0 if area >= 1 else _root(distance, max(area, 1e-9), 1.0)
    return 2 * low - 1, 2 * high - 1


def noncentral_interval(statistic: float, freedom: int) -> tuple[float, float]:
    """Return the 95 % interval of the noncentrality of a chi-square distribution that gave ``statistic``.

    References
    ----------
    Smithson M. Confidence intervals. Sage 2003, chapter 4.
    """
    if not math.isfinite(statistic):
        return math.nan, math.nan
    if statistic > 2000:  # far out the distribution is normal with mean f + l and variance 2 f + 4 l
        middle, spread = statistic - freedom + 2 * Z95**2, 2 * Z95 * math.sqrt(statistic - freedom / 2 + Z95**2)
        return max(0.0, middle - spread), middle + spread
    from scipy.special import chndtr

    def excess(quantile: float) -> Callable[[float], float]:
        return lambda shift: float(chndtr(statistic, freedom, shift)) - quantile

    top = statistic + 20 * math.sqrt(statistic + 1) + 40
    low = _root(excess(0.975), 1e-12, top) if excess(0.975)(1e-12) > 0 else 0.0
    high = _root(excess(0.025), 1e-12, top) if excess(0.025)(1e-12) > 0 else 0.0
    return low, high


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    from scipy.optimize import brentq

    return float(brentq(function, low, high, xtol=1e-12))


def _exp(value: float) -> float:
    return math.exp(min(max(value, -700.0), 700.0))
