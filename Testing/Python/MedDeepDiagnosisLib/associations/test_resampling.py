"""Patients drawn with replacement."""

import math

import numpy as np

from MedDeepDiagnosisLib.associations.measures import correlation, midranks
from MedDeepDiagnosisLib.associations.resampling import PatientBootstrap, percentile_interval


def test_patients_are_drawn_whole_and_the_seed_repeats():
    index = np.array([0, 0, 0, 1, 2, 2])
    weights = PatientBootstrap(index, count=50, seed=1).weights(np.ones(6, bool))
    assert (weights[:, 0] == weights[:, 2]).all()
    assert (weights[:, 4] == weights[:, 5]).all()
    assert (weights[:, [0, 3, 4]].sum(1) == 3).all()
    np.testing.assert_array_equal(weights, PatientBootstrap(index, count=50, seed=1).weights(np.ones(6, bool)))
    assert not np.array_equal(weights, PatientBootstrap(index, count=50, seed=2).weights(np.ones(6, bool)))


def test_ranks_are_those_of_the_chosen_rows_and_kept():
    values = np.array([3.0, 1.0, np.nan, 2.0, 5.0])
    rows = ~np.isnan(values)
    bootstrap = PatientBootstrap(np.arange(5), count=20, seed=0)
    ranks = bootstrap.ranks("a", values[rows], rows)
    np.testing.assert_allclose(ranks, midranks(values[rows], bootstrap.weights(rows)), rtol=1e-6)
    assert bootstrap.ranks("a", values[rows], rows) is ranks


def test_intervals_cover_when_rows_of_a_patient_are_alike():
    """Between patients the true correlation is .5; intervals by row would cover far less."""
    inside, narrow = [], []
    for seed in range(120):
        generator = np.random.default_rng(seed)
        index = np.repeat(np.arange(50), 6)
        common, own = generator.normal(size=(2, 50))
        first, second = common[index], (0.5 * common + math.sqrt(0.75) * own)[index]
        weights = PatientBootstrap(index, count=200, seed=seed).weights(np.ones(300, bool))
        low, high = percentile_interval(correlation(first, second, weights))
        inside.append(low <= 0.5 <= high)
        each = PatientBootstrap(np.arange(300), count=200, seed=seed).weights(np.ones(300, bool))
        low, high = percentile_interval(correlation(first, second, each))
        narrow.append(low <= 0.5 <= high)
    assert np.mean(inside) >= 0.88
    assert np.mean(narrow) < 0.75


def test_mostly_undefined_estimates_give_no_interval():
    values = np.linspace(0, 1, 101)
    assert percentile_interval(values) == (0.025, 0.975)
    values[:20] = np.nan
    assert math.isnan(percentile_interval(values)[0])
