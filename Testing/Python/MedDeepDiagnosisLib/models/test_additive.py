"""The additive logistic model."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from MedDeepDiagnosisLib.models.additive import fit_ridge, patient_folds
from MedDeepDiagnosisLib.models.metrics import log_odds
from MedDeepRegSegLib.errors import Canceled
from MedDeepRegSegLib.jobs.progress import CancelToken


@pytest.fixture
def fitted(additive_maker):
    return additive_maker(draws=30)


@pytest.mark.parametrize("seed", range(5))
def test_folds_never_share_a_patient_and_are_alike_in_size(seed):
    generator = np.random.default_rng(seed)
    patients = np.array([f"P{number}" for number in generator.integers(0, 60, 400)])
    folds = patient_folds(patients, 5, seed=seed)
    for name in np.unique(patients):
        assert len(np.unique(folds[patients == name])) == 1
    counts = np.bincount(folds)
    assert len(counts) == 5
    assert counts.max() - counts.min() <= 15
    assert np.array_equal(folds, patient_folds(patients, 5, seed=seed))
    assert not np.array_equal(folds, patient_folds(patients, 5, seed=seed + 100))


def test_too_few_patients_for_the_folds():
    with pytest.raises(ValueError, match="2 patients cannot be divided into 5 folds"):
        patient_folds(np.array(["A", "B", "B"]), 5, seed=0)


def test_contributions_and_intercept_sum_to_the_log_odds_exactly(fitted, toy_table):
    total = fitted.contributions(toy_table.values).sum(axis=1) + fitted.intercept
    assert total == pytest.approx(log_odds(fitted.predict(toy_table.values)), abs=1e-6)


def test_mean_contribution_over_the_training_data_is_zero(fitted, toy_table):
    mean = fitted.contributions(toy_table.values).mean(axis=0)
    assert mean == pytest.approx(0, abs=1e-9)


def test_it_finds_what_matters(fitted, toy_table):
    assert roc_auc_score(toy_table.target, fitted.predict(toy_table.values)) > 0.8
    spread = fitted.contributions(toy_table.values).std(axis=0)
    assert spread.argmax() == 0, "size drives the made-up outcome"
    assert spread[1] < 0.3 * spread[0], "ratio has no effect"
    case = np.array([[8.0, 0, 1, 1], [8, 0, 2, 1], [8, 0, 3, 1]])
    assert np.all(np.diff(fitted.predict(case)) > 0), "a blurred edge raises it"


@pytest.mark.parametrize("penalty", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_fit_agrees_with_scikit_learn(fitted, toy_table, penalty, weighted):
    columns = fitted.encoding.columns(toy_table.values)
    weight = np.random.default_rng(0).integers(0, 3, len(toy_table)).astype(float) if weighted else None
    reference = LogisticRegression(C=penalty, solver="newton-cholesky", tol=1e-9, max_iter=500)
    reference.fit(columns, toy_table.target, sample_weight=weight)
    own = fit_ridge(columns, toy_table.target, penalty, weight)
    assert own[:-1] == pytest.approx(reference.coef_[0], abs=1e-4)
    assert own[-1] == pytest.approx(reference.intercept_[0], abs=1e-4)


def test_fit_stays_finite_where_the_outcomes_separate_or_only_one_occurs():
    columns = np.linspace(-1, 1, 20)[:, None]
    separated = fit_ridge(columns, (columns[:, 0] > 0).astype(float), 1e6)
    assert np.isfinite(separated).all()
    assert separated[0] > 10
    assert np.isfinite(fit_ridge(columns, np.ones(20), 1.0)).all()


def test_interval_is_wider_where_there_are_few_cases(fitted):
    usual = np.array([[np.exp(2), 0, 2, 1.0]])
    extreme = np.array([[np.exp(2), 6.0, 2, 1]])
    (low, high), (low_far, high_far) = fitted.interval(usual)[0], fitted.interval(extreme)[0]
    assert low < fitted.predict(usual)[0] < high
    assert high_far - low_far > 2 * (high - low)


def test_extreme_inputs_give_finite_probabilities(fitted):
    rows = np.array([[1e-3, 1e6, 3, 2], [1e9, -1e6, 1, 1], [np.nan] * 4])
    with np.errstate(all="raise"):
        probability = fitted.predict(rows)
    assert np.isfinite(probability).all()
    assert ((probability >= 0) & (probability <= 1)).all()


def test_same_seed_same_model(additive_maker, fitted):
    again = additive_maker(draws=30)
    assert np.array_equal(again.coefficients, fitted.coefficients)
    assert np.array_equal(again.draw_coefficients, fitted.draw_coefficients)
    other = additive_maker(seed=1, draws=30)
    assert not np.array_equal(other.draw_coefficients, fitted.draw_coefficients)


def test_cancel_stops_the_refits(additive_maker):
    token = CancelToken()
    token.cancel()
    with pytest.raises(Canceled):
        additive_maker(draws=30, cancel=token)
