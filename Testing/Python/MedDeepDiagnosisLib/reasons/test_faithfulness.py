"""The deletion test: what it passes, what it fails, and how often it errs."""

from dataclasses import replace

import numpy as np
import pytest

from MedDeepDiagnosisLib.reasons.faithfulness import deletion_test, order_test
from MedDeepDiagnosisLib.reasons.shapley import shapley_values


@pytest.fixture
def explained(linear_predictor, cases):
    row, background = cases(1, 12, seed=7)[0], cases(40, 12)
    return row, background, shapley_values(linear_predictor, row, background, seed=0)


def test_shapley_values_pass(linear_predictor, explained):
    row, background, found = explained
    check = deletion_test(linear_predictor, row, found, background, seed=0)
    assert check.verdict == "faithful"
    assert check.p_value == pytest.approx(1 / 60)
    assert check.area > 3 * abs(check.random_area)
    assert check.falling[0] < found.prediction < check.rising[0]
    assert check.removed[0] == 1
    assert check.removed[-1] == 11


def test_reversed_reasons_fail(linear_predictor, explained):
    row, background, found = explained
    check = deletion_test(linear_predictor, row, replace(found, values=-found.values), background, seed=0)
    assert check.verdict == "not shown"
    assert check.p_value > 0.95
    assert check.area < 0


def test_reasons_of_other_features_fail_about_as_often_as_chance_says(linear_predictor, explained):
    row, background, found = explained
    generator = np.random.default_rng(1)
    p_values = [
        deletion_test(
            linear_predictor, row, replace(found, values=generator.normal(size=12)), background, seed=number
        ).p_value
        for number in range(150)
    ]
    assert np.mean(np.array(p_values) <= 0.05) < 0.12
    assert 0.4 < np.mean(p_values) < 0.6


def test_additive_areas_are_largest_for_the_true_order(linear_predictor, explained):
    row, background, found = explained
    own = deletion_test(linear_predictor, row, found, background, seed=0, orders=199)
    assert own.p_value == pytest.approx(1 / 200)


def test_groups_are_removed_as_wholes(crossed_predictor, cases):
    row, background = cases(1, 12, seed=7)[0], cases(30, 12)
    groups = [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9], [10, 11]]
    found = shapley_values(crossed_predictor, row, background, seed=0, groups=groups)
    check = deletion_test(crossed_predictor, row, found, background, seed=0)
    assert check.removed == (1, 2, 3, 4, 5)
    assert check.verdict == "faithful"


@pytest.mark.parametrize("features", [1, 2, 3])
def test_few_features_cannot_be_tested(linear_predictor, cases, features):
    row, background = cases(1, features, seed=7)[0], cases(40, features)
    check = deletion_test(
        linear_predictor, row, shapley_values(linear_predictor, row, background, seed=0), background, seed=0
    )
    assert check.verdict == "not testable"


def test_all_orders_are_tried_where_they_are_few():
    weights = np.array([4.0, 2.0, 1.0, -3.0])
    check = order_test(lambda kept: kept @ weights, weights, seed=0)
    assert check.orders == 24
    assert check.p_value == pytest.approx(1 / 24)
    assert check.verdict == "faithful"
    other = order_test(lambda kept: kept @ weights, weights[[1, 0, 2, 3]], seed=0)
    # Better are the true order, and the one that swaps 2 and 1, which lie closer together than 4 and 2.
    assert other.p_value == pytest.approx(3 / 24)
    assert other.verdict == "not shown"


def test_a_constant_predictor_cannot_be_tested(cases, linear_predictor):
    row, background = cases(1, 12)[0], cases(20, 12)
    found = shapley_values(linear_predictor, row, background, seed=0)
    assert deletion_test(lambda v: np.full(len(v), 0.3), row, found, background, seed=0).verdict == "not testable"


def test_nothing_kept_is_never_asked_about():
    def worth(kept):
        assert kept.any(axis=1).all()
        assert not kept.all(axis=1).any()
        return kept.sum(axis=1).astype(float) + kept[:, 0]

    order_test(worth, np.arange(8.0), seed=0)


def test_too_few_orders_are_refused():
    with pytest.raises(ValueError, match="19 or more"):
        order_test(lambda kept: kept.sum(axis=1), np.arange(5.0), seed=0, orders=18)


def test_same_seed_same_result(crossed_predictor, cases):
    row, background = cases(1, 12)[0], cases(30, 12)
    found = shapley_values(crossed_predictor, row, background, seed=0)
    first, again = (deletion_test(crossed_predictor, row, found, background, seed=5) for _ in range(2))
    assert first == again
