"""Confidence intervals: known cases, patients as a whole, and the seed."""

import numpy as np
import pytest

from MedDeepRegSegLib.prediction.resampling_patients import mean_interval


def test_as_the_normal_approximation_for_many_patients():
    values = np.random.default_rng(0).normal(0.8, 0.1, 200)
    found = mean_interval(values.tolist(), [f"p{k}" for k in range(200)])
    half = 1.96 * values.std() / np.sqrt(200)
    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert found.high == pytest.approx(values.mean() + half, abs=0.1 * half)
    assert (found.cases, found.patients) == (200, 200)


def test_cases_of_one_patient_stay_together():
    """Ten equal cases of each of ten patients say no more than ten cases."""
    values = np.random.default_rng(1).normal(0.8, 0.1, 10)
    one = mean_interval(values.tolist(), [f"p{k}" for k in range(10)])
    many = mean_interval(np.repeat(values, 10).tolist(), [f"p{k // 10}" for k in range(100)])
    assert (many.low, many.high) == pytest.approx((one.low, one.high))
    apart = mean_interval(np.repeat(values, 10).tolist(), [f"p{k}" for k in range(100)])
    assert apart.high - apart.low < 0.5 * (many.high - many.low)


def test_values_that_are_missing_and_too_few_patients():
    found = mean_interval([0.5, None, 0.7], ["a", "b", "a"])
    assert found.mean == pytest.approx(0.6)
    assert (found.low, found.high, found.cases, found.patients) == (None, None, 2, 1)
    assert mean_interval([None], ["a"]).mean is None


def test_the_seed():
    values, patients = np.random.default_rng(2).random(20).tolist(), list("abcdefghijklmnopqrst")
    assert mean_interval(values, patients, seed=3) == mean_interval(values, patients, seed=3)
    assert mean_interval(values, patients, seed=3) != mean_interval(values, patients, seed=4)
