"""Sets and intervals hold the truth as often as they promise."""

import numpy as np
import pytest

from MedDeepDiagnosisLib.learning.conformal import (
    IntervalWidths,
    conformal_quantile,
    fit_intervals,
    fit_sets,
    interval_coverage,
    set_coverage,
)
from MedDeepDiagnosisLib.models.metrics import probability_of


def cases(count, seed, *, rare=0.0):
    generator = np.random.default_rng(seed)
    odds = generator.normal(-rare, 2, count)
    return (generator.random(count) < probability_of(odds)).astype(float), probability_of(odds)


@pytest.mark.parametrize("level", [0.8, 0.9, 0.95])
def test_sets_hold_either_outcome_at_the_level(level):
    thresholds = fit_sets(*cases(4000, 0, rare=2.0), level=level)
    target, probability = cases(20_000, 1, rare=2.0)
    sets = thresholds.sets(probability)
    for outcome in (0, 1):
        rows = target == outcome
        assert sets[rows, outcome].mean() == pytest.approx(level, abs=0.02), "Mondrian: the rare outcome too"


def test_sets_promise_it_for_a_model_that_is_wrong():
    target, probability = cases(4000, 0)
    wrong = probability**4
    unseen, also = cases(20_000, 1)
    sets = fit_sets(target, wrong).sets(also**4)
    assert sets[np.arange(len(unseen)), unseen.astype(int)].mean() == pytest.approx(0.9, abs=0.02)


def test_coverage_is_measured_on_other_folds():
    target, probability = cases(4000, 0)
    folds = np.arange(4000) % 5
    coverage = set_coverage(target, probability, folds)
    assert coverage.coverage == pytest.approx(0.9, abs=0.02)
    assert coverage.coverage_present == pytest.approx(0.9, abs=0.03)
    assert coverage.abstention == coverage.both + coverage.empty > 0
    certain = set_coverage(target, np.clip(target, 0.01, 0.99), folds)
    assert (certain.coverage, certain.both) == (1.0, 0.0)
    nothing = set_coverage(target, np.full(4000, 0.5), folds)
    assert nothing.both == 1.0, "no information settles no case"


def test_too_few_cases_exclude_nothing():
    few = fit_sets(np.array([0.0, 1.0]), np.array([0.2, 0.7]))
    assert few.sets(np.array([0.0, 0.5, 1.0])).all()
    assert conformal_quantile(np.arange(8.0), 0.9) == np.inf
    assert conformal_quantile(np.arange(9.0), 0.9) == 8


def test_intervals_hold_numbers_at_the_level_and_widen_where_errors_do():
    generator = np.random.default_rng(0)

    def numbers(count):
        predicted = generator.uniform(0, 40, count)
        return predicted + generator.normal(0, 0.5 + 0.2 * predicted), predicted

    target, predicted = numbers(3000)
    widths = fit_intervals(target, predicted, lowest=-100, highest=200)
    assert list(widths.half_widths) == sorted(widths.half_widths)
    unseen, also = numbers(20_000)
    bounds = widths.intervals(also)
    assert ((bounds[:, 0] <= unseen) & (unseen <= bounds[:, 1])).mean() == pytest.approx(0.9, abs=0.015)
    coverage = interval_coverage(target, predicted, np.arange(3000) % 5, lowest=-100, highest=200)
    assert coverage.coverage == pytest.approx(0.9, abs=0.02)
    assert coverage.abstention == 0
    clipped = fit_intervals(target, predicted, lowest=0, highest=42).intervals(np.array([1.0, 41.0]))
    assert clipped.min() >= 0
    assert clipped.max() <= 42
    few = fit_intervals(target[:5], predicted[:5], lowest=0, highest=42)
    assert few.intervals(np.array([20.0]))[0].tolist() == [0, 42]


@pytest.mark.parametrize(("edges", "widths"), [((1.0,), (2.0,)), ((2.0, 1.0), (1.0, 1.0, 1.0)), ((), (-1.0,))])
def test_widths_that_fit_no_bins_are_refused(edges, widths):
    with pytest.raises(ValueError, match="half widths do not fit"):
        IntervalWidths(0.9, edges, widths, 0.0, 42.0)
