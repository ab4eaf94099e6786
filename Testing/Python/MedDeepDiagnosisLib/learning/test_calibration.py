"""Scores to probabilities."""

import numpy as np
import pytest

from MedDeepDiagnosisLib.learning.calibration import (
    Calibration,
    calibration_from_arrays,
    choose_calibration,
    fit_calibration,
    fit_isotonic,
    fit_sigmoid,
)
from MedDeepDiagnosisLib.learning.stored import StoredArrays
from MedDeepDiagnosisLib.models.metrics import expected_calibration_error, probability_of, reliability
from MedDeepRegSegLib.errors import InputError


def drawn(bend, count=4000, seed=0):
    """Scores, and outcomes with log-odds bend(score); four rows for each patient."""
    generator = np.random.default_rng(seed)
    scores = generator.normal(0, 2, count)
    target = (generator.random(count) < probability_of(bend(scores))).astype(float)
    return target, scores, np.repeat(np.arange(count // 4), 4).astype(str)


def test_sigmoid_finds_the_line():
    target, scores, _ = drawn(lambda score: 0.5 * score - 1)
    assert fit_sigmoid(target, scores).values == pytest.approx([0.5, -1], abs=0.1)


def test_sigmoid_is_finite_where_the_outcomes_are_apart_and_never_falls():
    apart = fit_sigmoid(np.array([0.0, 0, 1, 1]), np.array([1.0, 2, 3, 4]))
    assert 0 < apart.probability(np.array([-10.0, 20]))[0] < 0.5
    falling = fit_sigmoid(np.array([1.0, 1, 0, 0] * 10), np.array([1.0, 2, 3, 4] * 10))
    assert falling.values[0] == 0


def test_isotonic_equals_scikit_learn_up_to_its_pull():
    isotonic = pytest.importorskip("sklearn.isotonic")
    target, scores, _ = drawn(np.tanh)
    ours = fit_isotonic(target, scores)
    other = isotonic.IsotonicRegression(out_of_bounds="clip").fit(scores, target)
    inside = np.sort(scores)[100:-100]
    assert np.abs(ours.probability(inside) - other.predict(inside)).mean() < 0.02
    everywhere = ours.probability(np.linspace(-20, 20, 500))
    assert (np.diff(everywhere) >= 0).all()
    assert 0 < everywhere.min() < everywhere.max() < 1


@pytest.mark.parametrize(
    ("bend", "method"),
    [
        (lambda score: score, "none"),
        (lambda score: 0.3 * score + 1, "sigmoid"),
        (lambda score: 4.0 * (score > 1) - 2, "isotonic"),
    ],
)
def test_the_method_that_fits_is_chosen(bend, method):
    target, scores, patients = drawn(bend)
    assert choose_calibration(target, scores, patients, seed=0).method == method


def test_margins_are_never_taken_as_they_are():
    target, scores, patients = drawn(lambda score: score)
    assert choose_calibration(target, scores, patients, seed=0, log_odds=False).method == "sigmoid"


def test_calibration_helps_on_cases_not_seen():
    target, scores, patients = drawn(lambda score: 0.3 * score + 1)
    unseen, unseen_scores, _ = drawn(lambda score: 0.3 * score + 1, seed=1)
    chosen = choose_calibration(target, scores, patients, seed=0)

    def error(calibration):
        return expected_calibration_error(reliability(unseen, calibration.probability(unseen_scores)))

    assert error(chosen) < 0.03 < error(Calibration())


@pytest.mark.parametrize("method", ["none", "sigmoid", "isotonic"])
def test_calibrations_survive_as_arrays(method):
    target, scores, _ = drawn(np.tanh)
    fitted = fit_calibration(method, target, scores)
    back = calibration_from_arrays(method, StoredArrays(fitted.arrays()))
    assert np.array_equal(back.probability(scores), fitted.probability(scores))
    with pytest.raises(InputError):
        calibration_from_arrays("sigmoid", StoredArrays({"knots": np.zeros(0), "values": np.zeros(3)}))


def test_equal_scores_say_nothing_but_the_rate():
    """A support vector machine of constant columns gives every case the same margin."""
    target = np.array([1.0, 0, 0, 0] * 10)
    level = fit_sigmoid(target, np.full(40, -1.0))
    assert level.values[0] == 0
    assert level.probability(np.array([-1.0, 5.0])) == pytest.approx([0.25, 0.25], abs=0.03)
    falling = fit_sigmoid(target, -target)
    assert falling.values == pytest.approx(level.values), "the rate of the cases, not that of the falling line's middle"


def test_steps_that_fall_or_are_none_are_refused():
    for knots, values in (([], []), ([0.0, 1.0], [0.9, 0.1]), ([1.0, 0.0], [0.1, 0.9]), ([0.0, 1.0], [0.1, 1.5])):
        stored = StoredArrays({"knots": np.array(knots), "values": np.array(values)})
        with pytest.raises(InputError, match="does not rise"):
            calibration_from_arrays("isotonic", stored)
