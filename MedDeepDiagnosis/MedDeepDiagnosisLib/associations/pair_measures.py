"""The measures of one pair of columns, by the types of both."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.associations import measures
from MedDeepDiagnosisLib.associations.measures import Floats, OddsRatio
from MedDeepDiagnosisLib.associations.resampling import PatientBootstrap, percentile_interval
from MedDeepDiagnosisLib.associations.significance import PatientScores, Permuter, indicators, permutation_p
from MedDeepDiagnosisLib.associations.table import Column

FEWEST_WITH_LEVEL = 10
"""A level that fewer patients have is tested by permutation: sums within so few patients have no known distribution."""

BOOTSTRAP = "patient bootstrap"
BY_PATIENT = "Hotelling, sums within patients"
PERMUTED = "permutation of patients, chi-square"
NONCENTRAL = "noncentral chi-square"
EFFECTIVE = "noncentral chi-square, effective rows"


@dataclass(frozen=True)
class Estimate:
    """One measure of a pair.

    Attributes
    ----------
    measure:
        Its name, for example ``Spearman``.
    value, low, high:
        Estimate and 95 % interval; in [-1, 1] or [0, 1], or bits of mutual information. NaN where undefined.
    interval:
        How the interval was made.
    p, test:
        P value of independence, two-sided, and the test; NaN where none was made.
    q:
        P value corrected for all tests (Benjamini-Hochberg).
    signed:
        Whether the sign says in which direction.
    """

    measure: str
    value: float
    low: float
    high: float
    interval: str
    p: float
    test: str
    q: float = math.nan
    signed: bool = True


@dataclass(frozen=True)
class PairData:
    """The rows of a pair that have both values.

    Attributes
    ----------
    one, two:
        The columns.
    first, second, index:
        (n,) values and numbers of patients.
    both:
        (N,) which rows of the table these are.
    bootstrap:
        Of the whole table.
    clustered:
        Whether rows of one patient must be minded.
    """

    one: Column
    two: Column
    first: Floats
    second: Floats
    index: NDArray[np.intp]
    both: NDArray[np.bool_]
    bootstrap: PatientBootstrap
    clustered: bool

    @property
    def columns(self) -> tuple[tuple[Column, Floats], tuple[Column, Floats]]:
        """Both columns with their values."""
        return (self.one, self.first), (self.two, self.second)

    @property
    def rows(self) -> int:
        """Number of rows with both values."""
        return len(self.first)

    @cached_property
    def patients(self) -> int:
        """Number of patients with both values."""
        return len(np.unique(self.index))

    @cached_property
    def once(self) -> Floats:
        """(1, n) weights of the data as they are."""
        return np.ones((1, self.rows))

    @cached_property
    def first_ranks(self) -> Floats:
        """(1, n) middle ranks."""
        return measures.midranks(self.first, self.once)

    @cached_property
    def second_ranks(self) -> Floats:
        """(1, n) middle ranks."""
        return measures.midranks(self.second, self.once)

    @cached_property
    def weights(self) -> Floats:
        """(B, n) weights of the resamples."""
        return self.bootstrap.weights(self.both)

    def resampled_ranks(self, *, first: bool) -> Floats:
        """Return (B, n) middle ranks in each resample."""
        column, values = (self.one, self.first) if first else (self.two, self.second)
        return self.bootstrap.ranks(column.name, values, self.both)


@dataclass(frozen=True)
class Shuffle:
    """What a permutation test of a pair needs: (N,) codes of both columns, -1 where missing, and who shuffles them."""

    codes: tuple[NDArray[np.intp], NDArray[np.intp]]
    permuter: Permuter
    permutations: int

    def p_value(self) -> float:
        """P value of chi-square by permutation of patients."""
        return permutation_p(*self.codes, _chi_squares, self.permuter, permutations=self.permutations)


Estimates = tuple[tuple[Estimate, ...], OddsRatio | None, str]


def main_estimates(data: PairData, shuffle: Shuffle) -> Estimates:
    """Return the measures of a pair but the mutual information, its odds ratio, and a note."""
    kinds = (data.one.kind, data.two.kind)
    ordered = {"number", "ordinal"}
    if set(kinds) <= ordered:
        both = (_spearman(data), _pearson(data)) if kinds == ("number", "number") else (_spearman(data),)
        return both, None, ""
    if kinds == ("binary", "binary"):
        return _phi(data, shuffle)
    if kinds[0] in ordered:
        return ((_rank_biserial(data, shuffle) if kinds[1] == "binary" else _eta(data, shuffle)),), None, ""
    return (_cramer(data, shuffle),), None, ""


def _by_patient(data: PairData, scores: PatientScores, shuffle: Shuffle) -> tuple[float, str]:
    """Return the p value and the test where patients have several rows."""
    fewest = min(_fewest_with_level(column, values, data.index) for column, values in data.columns)
    p = math.nan if fewest < FEWEST_WITH_LEVEL else scores.p_value
    return (shuffle.p_value(), PERMUTED) if math.isnan(p) else (p, BY_PATIENT)


def _fewest_with_level(column: Column, values: Floats, index: NDArray[np.intp]) -> float:
    if column.kind not in {"binary", "category"}:
        return math.inf
    return min(len(np.unique(index[values == code])) for code in np.unique(values))


def _spearman(data: PairData) -> Estimate:
    ranks, others = data.first_ranks, data.second_ranks
    value = float(measures.correlation(ranks, others, data.once)[0])
    if data.clustered:
        resampled = measures.correlation(
            data.resampled_ranks(first=True), data.resampled_ranks(first=False), data.weights
        )
        low, high = percentile_interval(resampled)
        p = PatientScores(ranks[0], others[0], data.index).p_value
        return Estimate("Spearman", value, low, high, BOOTSTRAP, p, BY_PATIENT)
    low, high = measures.correlation_interval(value, data.rows, ranks=True)
    return Estimate("Spearman", value, low, high, "Fisher z (Bonett-Wright)", _t_test(value, data.rows), "t of ranks")


def _pearson(data: PairData) -> Estimate:
    value = float(measures.correlation(data.first, data.second, data.once)[0])
    if data.clustered:
        low, high = percentile_interval(measures.correlation(data.first, data.second, data.weights))
        p = PatientScores(data.first, data.second, data.index).p_value
        return Estimate("Pearson", value, low, high, BOOTSTRAP, p, BY_PATIENT)
    low, high = measures.correlation_interval(value, data.rows, ranks=False)
    return Estimate("Pearson", value, low, high, "Fisher z", _t_test(value, data.rows), "t")


def _t_test(value: float, count: int) -> float:
    from scipy.special import stdtr

    if abs(value) >= 1:
        return 0.0
    return float(2 * stdtr(count - 2, -abs(value) * math.sqrt((count - 2) / (1 - value**2))))


def _rank_biserial(data: PairData, shuffle: Shuffle) -> Estimate:
    present = data.second
    value = float(measures.rank_biserial(present, data.first_ranks, data.once)[0])
    if data.clustered:
        low, high = percentile_interval(measures.rank_biserial(present, data.resampled_ranks(first=True), data.weights))
        p, test = _by_patient(data, PatientScores(data.first_ranks[0], present, data.index), shuffle)
        return Estimate("rank-biserial", value, low, high, BOOTSTRAP, p, test)
    from scipy.stats import mannwhitneyu

    p = float(mannwhitneyu(data.first[present == 1], data.first[present == 0]).pvalue)
    low, high = measures.rank_biserial_interval(value, int(present.sum()), int((1 - present).sum()))
    return Estimate("rank-biserial", value, low, high, "Newcombe", p, "Mann-Whitney")


def _phi(data: PairData, shuffle: Shuffle) -> Estimates:
    value = float(measures.correlation(data.first, data.second, data.once)[0])
    low, high = percentile_interval(measures.correlation(data.first, data.second, data.weights))
    if data.clustered:
        p, test = _by_patient(data, PatientScores(data.first, data.second, data.index), shuffle)
    else:
        from scipy.stats import fisher_exact

        p, test = float(fisher_exact(measures.contingency(data.first, data.second)).pvalue), "Fisher's exact"
    odds = measures.odds_ratio(data.first, data.second, data.index)
    note = "odds ratio: .5 added to each cell, one is empty" if odds.corrected else ""
    return (Estimate("phi", value, low, high, BOOTSTRAP, p, test),), odds, note


def _eta(data: PairData, shuffle: Shuffle) -> Estimate:
    groups = len(np.unique(data.second))
    statistic = measures.kruskal_wallis(data.second, data.first_ranks[0])
    scores = PatientScores(indicators(data.second), data.first_ranks[0], data.index)
    effect = scores.design_effect if data.clustered else 1.0
    if data.clustered:
        (p, test), interval = _by_patient(data, scores, shuffle), EFFECTIVE
    else:
        from scipy.special import chdtrc

        p, test, interval = float(chdtrc(groups - 1, statistic)), "Kruskal-Wallis", NONCENTRAL
    value = measures.rank_eta(statistic / effect, groups, data.rows / effect)
    low, high = _noncentral(statistic / effect, groups - 1, data.rows / effect - 1, value)
    return Estimate("eta of ranks", value, low, high, interval, p, test, signed=False)


def _cramer(data: PairData, shuffle: Shuffle) -> Estimate:
    table = measures.contingency(data.first, data.second)
    freedom = (table.shape[0] - 1) * (table.shape[1] - 1)
    statistic = measures.chi_square(table)
    expected = table.sum(1, keepdims=True) * table.sum(0, keepdims=True) / table.sum()
    scores = PatientScores(indicators(data.first), indicators(data.second), data.index)
    effect = scores.design_effect if data.clustered else 1.0
    if (expected < 5).mean() > 0.2 or expected.min() < 1:
        # Cochran's rule: below it chi-square has no chi-square distribution, nor have sums within patients theirs.
        p, test = shuffle.p_value(), PERMUTED
    elif data.clustered:
        p, test = _by_patient(data, scores, shuffle)
    else:
        from scipy.special import chdtrc

        p, test = float(chdtrc(freedom, statistic)), "chi-square"
    value = measures.cramers_v(statistic / effect, (table.shape[0], table.shape[1]), data.rows / effect)
    scale = (data.rows / effect) * (min(table.shape) - 1)
    low, high = _noncentral(statistic / effect, freedom, scale, value)
    interval = EFFECTIVE if data.clustered else NONCENTRAL
    return Estimate("Cramer's V", value, low, high, interval, p, test, signed=False)


def _noncentral(statistic: float, freedom: int, scale: float, value: float) -> tuple[float, float]:
    """Return the interval of sqrt(noncentrality / scale), not above 1, that holds the estimate."""
    low, high = (min(1.0, math.sqrt(bound / scale)) for bound in measures.noncentral_interval(statistic, freedom))
    return min(low, value), max(high, value)


def _chi_squares(tables: Floats) -> Floats:
    expected = tables.sum(2, keepdims=True) * tables.sum(1, keepdims=True) / tables.sum((1, 2), keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(expected > 0, (tables - expected) ** 2 / expected, 0.0).sum(axis=(1, 2))
