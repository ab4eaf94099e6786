"""Scores of probabilities."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, roc_auc_score

from MedDeepDiagnosisLib.models import metrics


@pytest.fixture
def cases():
    generator = np.random.default_rng(0)
    target = (generator.random(400) < 0.3).astype(float)
    probability = np.clip(0.3 + 0.3 * (target - 0.3) + generator.normal(0, 0.2, 400), 0.01, 0.99).round(2)
    patients = np.array([f"P{number}" for number in np.repeat(np.arange(100), 4)])
    return target, probability, patients


def test_auc_and_brier_agree_with_scikit_learn(cases):
    target, probability, _ = cases
    weight = np.random.default_rng(1).integers(0, 4, 400).astype(float)
    assert metrics.auc(target, probability) == pytest.approx(roc_auc_score(target, probability))
    assert metrics.auc(target, probability, weight) == pytest.approx(
        roc_auc_score(target, probability, sample_weight=weight)
    )
    assert metrics.brier(target, probability) == pytest.approx(brier_score_loss(target, probability))


def test_auc_of_one_class_is_undefined():
    assert np.isnan(metrics.auc(np.ones(5), np.linspace(0, 1, 5)))


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=30))
@settings(max_examples=50)
def test_auc_is_the_part_of_pairs_in_order(pairs):
    target = np.array([float(outcome) for outcome, _ in pairs])
    score = np.array([float(value) for _, value in pairs])
    if 0 < target.sum() < len(target):
        gaps = score[target == 1][:, None] - score[target == 0][None]
        assert metrics.auc(target, score) == pytest.approx(((gaps > 0) + 0.5 * (gaps == 0)).mean())


def test_calibration_line_agrees_with_scikit_learn(cases):
    target, probability, _ = cases
    intercept, slope = metrics.calibration_line(target, probability)
    reference = LogisticRegression(C=1e9, tol=1e-10).fit(metrics.log_odds(probability)[:, None], target)
    assert intercept == pytest.approx(reference.intercept_[0], abs=1e-3)
    assert slope == pytest.approx(reference.coef_[0, 0], abs=1e-3)


def test_calibration_line_of_equal_predictions_has_no_slope():
    target = np.array([1.0, 0, 0, 0])
    assert metrics.calibration_line(target, np.full(4, 0.5)) == (pytest.approx(np.log(1 / 3)), 0.0)
    assert metrics.calibration_line(target, np.full(4, 0.25)) == (pytest.approx(0), 0.0)


def test_calibration_error_sees_overconfidence():
    generator = np.random.default_rng(2)
    truth = generator.random(5000)
    target = (generator.random(5000) < truth).astype(float)
    honest = metrics.expected_calibration_error(metrics.reliability(target, truth))
    bold = metrics.expected_calibration_error(metrics.reliability(target, (truth > 0.5) * 0.98 + 0.01))
    assert honest < 0.03
    assert bold > 0.2
    points = metrics.reliability(target, truth)
    assert [point.count for point in points] == [500] * 10
    assert [point.predicted for point in points] == sorted(point.predicted for point in points)


def test_equal_predictions_make_one_bin():
    (point,) = metrics.reliability(np.array([0.0, 1, 1, 0]), np.full(4, 0.4))
    assert (point.predicted, point.observed, point.count) == (0.4, 0.5, 4)


def test_interval_resamples_patients_not_rows(cases):
    target, probability, patients = cases
    estimate = metrics.patient_bootstrap(target, probability, patients, metrics.auc, seed=0, repeats=200)
    assert estimate.low < estimate.value < estimate.high
    # Each case ten times over, by the same patients, is no more evidence.
    copies = metrics.patient_bootstrap(
        np.tile(target, 10), np.tile(probability, 10), np.tile(patients, 10), metrics.auc, seed=0, repeats=200
    )
    assert copies == estimate
    same = metrics.patient_bootstrap(target, probability, patients, metrics.auc, seed=0, repeats=200)
    assert same == estimate


def test_probability_and_log_odds_are_inverse_without_overflow():
    odds = np.array([-800.0, -3, 0, 3, 800])
    assert np.isfinite(metrics.probability_of(odds)).all()
    assert metrics.log_odds(metrics.probability_of(odds))[1:4] == pytest.approx([-3, 0, 3])
