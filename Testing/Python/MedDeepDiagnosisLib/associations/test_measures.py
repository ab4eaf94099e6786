"""Measures against scipy and closed forms."""

import math

import numpy as np
import pytest
from scipy import stats

from MedDeepDiagnosisLib.associations import measures


@pytest.fixture
def pair():
    generator = np.random.default_rng(1)
    first = np.round(generator.normal(size=90), 1)  # ties
    return first, np.round(0.6 * first + generator.normal(size=90), 1)


def once(values):
    return np.ones((1, len(values)))


def test_ranks_and_correlations_are_scipys(pair):
    first, second = pair
    ranks = measures.midranks(first, once(first))
    np.testing.assert_allclose(ranks[0], stats.rankdata(first))
    others = measures.midranks(second, once(first))
    spearman = measures.correlation(ranks, others, once(first))[0]
    assert spearman == pytest.approx(stats.spearmanr(first, second).statistic)
    pearson = measures.correlation(first, second, once(first))[0]
    assert pearson == pytest.approx(stats.pearsonr(first, second).statistic)


def test_weights_mean_repeated_rows(pair):
    first, second = pair
    counts = np.random.default_rng(2).integers(0, 4, len(first))
    repeated_first, repeated_second = np.repeat(first, counts), np.repeat(second, counts)
    weights = counts[None].astype(float)
    ranks, others = measures.midranks(first, weights), measures.midranks(second, weights)
    spearman = measures.correlation(ranks, others, weights)[0]
    assert spearman == pytest.approx(stats.spearmanr(repeated_first, repeated_second).statistic)
    present = (second > 0).astype(float)
    biserial = measures.rank_biserial(present, ranks, weights)[0]
    repeated = np.repeat(present, counts)
    u = stats.mannwhitneyu(repeated_first[repeated == 1], repeated_first[repeated == 0]).statistic
    assert biserial == pytest.approx(2 * u / (repeated.sum() * (1 - repeated).sum()) - 1)


def test_constants_have_no_correlation():
    ones = np.ones(5)
    assert math.isnan(measures.correlation(ones, np.arange(5.0), once(ones))[0])
    assert math.isnan(measures.rank_biserial(ones, np.arange(5.0)[None], once(ones))[0])


def test_chi_square_and_kruskal_are_scipys(pair):
    first, second = pair
    codes, others = np.digitize(first, [-1, 0, 1]).astype(float), np.digitize(second, [-0.5, 0.5]).astype(float)
    table = measures.contingency(codes, others)
    assert measures.chi_square(table) == pytest.approx(stats.chi2_contingency(table, correction=False).statistic)
    groups = [second[codes == code] for code in np.unique(codes)]
    ranks = stats.rankdata(second)
    assert measures.kruskal_wallis(codes, ranks) == pytest.approx(stats.kruskal(*groups).statistic)


def test_bias_corrected_v():
    # Bergsma 2013, worked by hand for a 2 x 3 table of 60 rows.
    table = np.array([[20.0, 10, 5], [5, 10, 10]])
    chi2, n = measures.chi_square(table), 60
    square = chi2 / n - 2 / 59
    expected = math.sqrt(square / min(1 - 1 / 59, 2 - 4 / 59))
    assert measures.cramers_v(chi2, (2, 3), n) == pytest.approx(expected)
    assert expected < stats.contingency.association(table.astype(int))
    assert measures.cramers_v(0.5, (2, 3), n) == 0
    perfect = np.diag([20.0, 20, 20])
    assert measures.cramers_v(measures.chi_square(perfect), (3, 3), 60) == pytest.approx(1, abs=1e-9)


def test_v_of_independent_columns_is_not_biased():
    generator = np.random.default_rng(0)
    plain, mended = [], []
    for _ in range(200):
        table = measures.contingency(*generator.integers(0, 5, (2, 80)).astype(float))
        plain.append(math.sqrt(measures.chi_square(table) / 80 / 4))
        mended.append(measures.cramers_v(measures.chi_square(table), table.shape, 80))
    assert np.mean(plain) > 0.2
    assert np.mean(mended) < 0.08


def test_eta_ends_at_none_and_nearly_all():
    codes = np.repeat([0.0, 1.0, 2.0], 30)
    clear = measures.kruskal_wallis(codes, stats.rankdata(codes))
    assert measures.rank_eta(clear, 3, 90) == pytest.approx(1)
    assert measures.rank_eta(1.0, 3, 90) == 0
    assert measures.rank_eta(20.0, 3, 90) == pytest.approx(math.sqrt(18 / 87))


def test_mutual_information_of_known_tables():
    tables = np.array([[[25.0, 25], [25, 25]], [[50, 0], [0, 50]], [[40, 10], [10, 40]]])
    noisy = 1 + 0.8 * math.log2(0.8) + 0.2 * math.log2(0.2)  # binary symmetric channel
    np.testing.assert_allclose(measures.mutual_information(tables), [0, 1, noisy], atol=1e-12)
    g = stats.chi2_contingency(tables[2], correction=False, lambda_="log-likelihood").statistic
    assert 2 * 100 * math.log(2) * noisy == pytest.approx(g)


def of_table(table):
    first = np.repeat([0.0, 0, 1, 1], np.ravel(table))
    return first, np.repeat([0.0, 1, 0, 1], np.ravel(table))


def test_odds_ratio_is_scipys_with_woolfs_interval():
    table = [[30, 12], [9, 25]]
    first, second = of_table(table)
    odds = measures.odds_ratio(first, second, np.arange(len(first)))
    known = stats.contingency.odds_ratio(np.array(table), kind="sample")
    interval = known.confidence_interval(0.95)
    assert (odds.value, odds.low, odds.high) == pytest.approx((known.statistic, interval.low, interval.high))
    assert not odds.corrected


def test_an_empty_cell_gets_haldanes_half():
    first, second = of_table([[10, 0], [4, 6]])
    odds = measures.odds_ratio(first, second, np.arange(20))
    assert odds.corrected
    assert odds.value == pytest.approx(10.5 * 6.5 / (0.5 * 4.5))
    error = math.sqrt(1 / 10.5 + 1 / 0.5 + 1 / 4.5 + 1 / 6.5)
    assert math.log(odds.high / odds.value) == pytest.approx(1.959964 * error, rel=1e-5)


def test_rows_of_one_patient_widen_the_odds_ratio():
    first, second = of_table([[30, 12], [9, 25]])
    twice = np.repeat(np.arange(len(first)), 2)
    odds = measures.odds_ratio(np.repeat(first, 2), np.repeat(second, 2), twice)
    alone = measures.odds_ratio(first, second, np.arange(len(first)))
    assert (odds.low, odds.high) == pytest.approx((alone.low, alone.high))


def test_correlation_intervals():
    low, high = measures.correlation_interval(0.5, 50, ranks=False)
    known = math.atanh(0.5) + np.array([-1, 1]) * 1.959964 / math.sqrt(47)
    assert (low, high) == pytest.approx(tuple(np.tanh(known)), rel=1e-5)
    wider = measures.correlation_interval(0.5, 50, ranks=True)
    assert wider[0] < low < high < wider[1]
    assert measures.correlation_interval(1.0, 50, ranks=True) == (1.0, 1.0)
    assert math.isnan(measures.correlation_interval(0.5, 4, ranks=True)[0])


def coverage(make, truth, count=300):
    return np.mean([low <= truth <= high for low, high in (make(seed) for seed in range(count))])


def test_rank_biserial_interval_covers():
    shift = 0.8
    truth = 2 * stats.norm.cdf(shift / math.sqrt(2)) - 1

    def make(seed):
        generator = np.random.default_rng(seed)
        one, two = generator.normal(shift, 1, 25), generator.normal(0, 1, 40)
        u = stats.mannwhitneyu(one, two).statistic
        return measures.rank_biserial_interval(2 * u / 1000 - 1, 25, 40)

    assert 0.92 <= coverage(make, truth) <= 0.99
    assert measures.rank_biserial_interval(1.0, 20, 20)[1] == 1
    assert measures.rank_biserial_interval(1.0, 20, 20)[0] == pytest.approx(0.82, abs=0.08)


@pytest.mark.parametrize("shift", [0.0, 6.0, 3000.0])
def test_noncentral_interval_covers(shift):
    draws = stats.ncx2.rvs(4, shift, size=300, random_state=1) if shift else stats.chi2.rvs(4, size=300, random_state=1)
    inside = coverage(lambda seed: measures.noncentral_interval(float(draws[seed]), 4), shift)
    assert 0.92 <= inside <= 0.99


def test_far_out_the_noncentral_interval_goes_on():
    near, far = measures.noncentral_interval(1999.0, 4), measures.noncentral_interval(2001.0, 4)
    np.testing.assert_allclose(near, far, rtol=0.004)
