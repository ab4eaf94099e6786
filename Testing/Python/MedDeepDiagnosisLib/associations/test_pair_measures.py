"""Each pair of types gets its measure, and the test is scipy's where each patient has one row."""

import numpy as np
import pytest
from scipy import stats

from MedDeepDiagnosisLib.associations.pair_measures import BOOTSTRAP, BY_PATIENT
from MedDeepDiagnosisLib.associations.pairs import associate

MEASURES = {
    ("number", "number"): "Spearman",
    ("number", "ordinal"): "Spearman",
    ("ordinal", "ordinal"): "Spearman",
    ("number", "binary"): "rank-biserial",
    ("ordinal", "binary"): "rank-biserial",
    ("binary", "binary"): "phi",
    ("number", "category"): "eta of ranks",
    ("ordinal", "category"): "eta of ranks",
    ("binary", "category"): "Cramer's V",
    ("category", "category"): "Cramer's V",
}


def kind(name):
    return name.rpartition("_")[0]


@pytest.fixture(scope="module")
def classic(mixed):
    table = mixed(3, linked=True)
    return table, associate(table, resamples=50, permutations=99)


def scipy_p(table, pair):
    (one, first), (two, second) = table.column(pair.first), table.column(pair.second)
    both = ~np.isnan(first) & ~np.isnan(second)
    first, second = first[both], second[both]
    kinds = (one.kind, two.kind)
    if set(kinds) <= {"number", "ordinal"}:
        return stats.spearmanr(first, second).pvalue
    groups = [first[second == code] for code in np.unique(second)]
    if kinds[0] in {"number", "ordinal"}:
        return (stats.mannwhitneyu(*groups) if kinds[1] == "binary" else stats.kruskal(*groups)).pvalue
    counts = stats.contingency.crosstab(first, second).count
    if kinds == ("binary", "binary"):
        return stats.fisher_exact(counts).pvalue
    return stats.chi2_contingency(counts, correction=False).pvalue


def test_measures_and_tests_by_type(classic):
    table, result = classic
    assert not result.clustered
    for pair in result.pairs:
        assert pair.main.measure == MEASURES[kind(pair.first), kind(pair.second)]
        assert pair.main.p == pytest.approx(scipy_p(table, pair), rel=1e-6)
        assert pair.main.low <= pair.main.value <= pair.main.high
        assert pair.main.interval
        assert pair.main.test
        assert pair.main.signed == (pair.main.measure not in {"eta of ranks", "Cramer's V"})


def test_numbers_get_pearson_and_two_binaries_an_odds_ratio(classic):
    _, result = classic
    for pair in result.pairs:
        kinds = (kind(pair.first), kind(pair.second))
        assert (pair.odds_ratio is not None) == (kinds == ("binary", "binary"))
        assert ("Pearson" in [estimate.measure for estimate in pair.estimates]) == (kinds == ("number", "number"))


def test_several_rows_of_a_patient_are_minded(mixed):
    result = associate(mixed(1, patients=60, rows_each=4), resamples=60, permutations=99)
    assert result.clustered
    for pair in result.pairs:
        assert pair.main.test == BY_PATIENT
        assert pair.main.low <= pair.main.value <= pair.main.high
        assert pair.main.interval == (BOOTSTRAP if pair.main.signed else "noncentral chi-square, effective rows")
        assert 55 <= pair.patients <= 60


def test_sparse_tables_are_permuted(mixed):
    table = mixed(0, patients=14, gaps=0.0)
    tests = {pair.main.test for pair in associate(table, resamples=20, permutations=99).pairs}
    assert "permutation of patients, chi-square" in tests


def test_an_empty_cell_is_told(mixed):
    table = mixed(0)
    column = [column.name for column in table.columns].index
    table.values[:, column("binary_2")] = np.where(table.values[:, column("binary_1")] == 1, 1.0, np.arange(120) % 2)
    pairs = associate(table, resamples=20, permutations=99).pairs
    (pair,) = [pair for pair in pairs if (pair.first, pair.second) == ("binary_1", "binary_2")]
    assert pair.odds_ratio.corrected
    assert ".5 added" in pair.note


def test_levels_that_few_patients_have_are_permuted(mixed):
    """Three patients of many rows each look like much evidence to sums within patients."""
    false_alarms, seeds = 0, range(12)
    for seed in seeds:
        table = mixed(seed, patients=60, rows_each=4, gaps=0.0)
        names = [column.name for column in table.columns]
        rare = (table.patient_index < 3).astype(float)
        table.values[:, names.index("binary_2")] = rare
        pairs = associate(table, resamples=2, permutations=99).pairs
        with_rare = [pair for pair in pairs if "binary_2" in (pair.first, pair.second)]
        assert {pair.main.test for pair in with_rare} == {"permutation of patients, chi-square"}
        false_alarms += sum(pair.main.p < 0.05 for pair in with_rare)
    assert false_alarms / (7 * len(seeds)) < 0.12
