"""Tests hold when rows of a patient are alike, and many tests are corrected."""

import math

import numpy as np
import pytest
from scipy import stats

from MedDeepDiagnosisLib.associations import significance
from MedDeepDiagnosisLib.associations.measures import mutual_information
from MedDeepDiagnosisLib.associations.significance import (
    PatientScores,
    Permuter,
    benjamini_hochberg,
    indicators,
    permutation_p,
)


def test_q_values_are_scipys_and_nan_does_not_count():
    p_values = np.random.default_rng(0).random(40) ** 3
    np.testing.assert_allclose(benjamini_hochberg(p_values), stats.false_discovery_control(p_values))
    gaps = np.insert(p_values, [3, 20], np.nan)
    result = benjamini_hochberg(gaps)
    assert np.isnan(result).sum() == 2
    np.testing.assert_allclose(result[~np.isnan(result)], stats.false_discovery_control(p_values))


def alike(seed, kinds=2, patients=60):
    """Two columns that are independent, but whose rows are alike within patients of 1 to 8 rows."""
    generator = np.random.default_rng(seed)
    index = np.repeat(np.arange(patients), generator.integers(1, 9, patients))
    columns = [generator.normal(size=patients)[index] + 0.3 * generator.normal(size=len(index)) for _ in range(kinds)]
    return index, columns


def test_false_alarms_of_rows_that_are_alike():
    by_patient, naive = [], []
    for seed in range(400):
        index, (first, second) = alike(seed)
        by_patient.append(PatientScores(stats.rankdata(first), stats.rankdata(second), index).p_value)
        naive.append(stats.spearmanr(first, second).pvalue)
    assert np.mean(np.array(naive) < 0.05) > 0.2, "the mistake that this guards against"
    assert 0.02 < np.mean(np.array(by_patient) < 0.05) < 0.085


def test_false_alarms_of_levels():
    p_values = []
    for seed in range(300):
        index, (first, second) = alike(seed, patients=120)
        levels = np.digitize(first, [-0.5, 0.5]).astype(float)
        others = np.digitize(second, [-0.7, 0.2]).astype(float)
        p_values.append(PatientScores(indicators(levels), indicators(others), index).p_value)
    assert 0.015 < np.mean(np.array(p_values) < 0.05) < 0.09


def test_one_row_each_is_like_the_classic_test():
    generator = np.random.default_rng(4)
    first = generator.normal(size=300)
    second = 0.15 * first + generator.normal(size=300)
    scores = PatientScores(stats.rankdata(first), stats.rankdata(second), np.arange(300))
    assert math.log(scores.p_value) == pytest.approx(math.log(stats.spearmanr(first, second).pvalue), rel=0.2)
    assert scores.design_effect == pytest.approx(1, abs=0.15)


def test_repeated_rows_add_no_evidence():
    generator = np.random.default_rng(5)
    first, second = generator.normal(size=(2, 80))
    once = PatientScores(first, second, np.arange(80))
    often = PatientScores(np.repeat(first, 6), np.repeat(second, 6), np.repeat(np.arange(80), 6))
    assert often.p_value == pytest.approx(once.p_value)
    assert often.design_effect == pytest.approx(6, rel=0.3)


def test_too_few_patients_are_not_tested():
    codes = np.arange(12) % 4
    assert math.isnan(PatientScores(indicators(codes * 1.0), indicators(codes[::-1] * 1.0), np.arange(12)).p_value)


def test_permutations_keep_patients_together():
    index = np.array([0, 0, 1, 2, 2, 3, 4, 4, 4])
    permuter = Permuter(index, seed=1)
    rows = np.concatenate(list(permuter.batches(150)))
    assert rows.shape == (150, 9)
    assert (np.sort(rows, axis=1) == np.arange(9)).all()
    moved = index[rows]
    assert (moved[:, 0] == moved[:, 1]).all()
    assert (moved[:, 6:] == 4).all(), "no other patient has three rows"
    assert {2, 0} == set(moved[:, 0].tolist())
    np.testing.assert_array_equal(rows, np.concatenate(list(permuter.batches(150))))


def exact_p(table):
    """Of the mutual information of a 2 x 2 table: over all tables with the same sums."""
    (a, b), (c, _), count = *table, table.sum()
    every = np.arange(max(0, 2 * a + b + c - count), min(a + b, a + c) + 1)
    tables = np.array([[[x, a + b - x], [a + c - x, count - 2 * a - b - c + x]] for x in every], float)
    information = mutual_information(tables)
    chance = stats.hypergeom.pmf(every, count, a + b, a + c)
    return chance[information >= mutual_information(table[None].astype(float))[0] - 1e-9].sum()


def test_permutation_p_is_exact_and_uniform_without_dependence(monkeypatch):
    generator = np.random.default_rng(0)
    first = generator.integers(0, 2, 60)
    second = np.where(generator.random(60) < 0.7, first, 1 - first)
    permuter = Permuter(np.arange(60), seed=0)
    table = np.array([[((first == a) & (second == b)).sum() for b in (0, 1)] for a in (0, 1)])
    with monkeypatch.context() as patch:
        patch.setattr(significance, "EXCEEDANCES", 1000)
        p = permutation_p(first, second, mutual_information, permuter, permutations=9999)
    assert p == pytest.approx(exact_p(table), rel=0.3)
    p_values = []
    for _ in range(200):
        codes = generator.integers(0, 4, (2, 80))
        codes[:, generator.random(80) < 0.1] = -1
        p_values.append(permutation_p(*codes, mutual_information, Permuter(np.arange(80), seed=7), permutations=199))
    assert stats.kstest(p_values, "uniform").pvalue > 0.001
    assert np.mean(np.array(p_values) <= 0.05) < 0.1


def test_permutation_p_of_rows_that_are_alike():
    p_values = []
    for seed in range(150):
        index, (first, second) = alike(seed, patients=100)
        codes = [np.digitize(column, [-0.5, 0.5]) for column in (first, second)]
        p_values.append(permutation_p(*codes, mutual_information, Permuter(index, seed=seed), permutations=199))
    assert np.mean(np.array(p_values) <= 0.05) < 0.1


def test_clear_cases_stop_early_and_strong_ones_reach_the_floor():
    codes = np.arange(40) % 2
    permuter = Permuter(np.arange(40), seed=0)
    assert permutation_p(codes, codes, mutual_information, permuter, permutations=199) == 1 / 200
    assert permutation_p(codes, codes * 0, mutual_information, permuter, permutations=199) == 1
