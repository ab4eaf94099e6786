"""Shuffled outcomes."""

import numpy as np
import pytest

from MedDeepDiagnosisLib.learning.permutation import permutation_test
from MedDeepDiagnosisLib.learning.sample import Task
from MedDeepDiagnosisLib.learning.selecting import fit_predictor
from MedDeepDiagnosisLib.models.additive import patient_folds
from MedDeepDiagnosisLib.models.metrics import auc
from MedDeepDiagnosisLib.models.validation import cross_predict
from MedDeepRegSegLib.errors import Canceled
from MedDeepRegSegLib.jobs.progress import CancelToken


def test_a_clean_validation_finds_nothing_in_shuffled_outcomes(toy_sample):
    folds = patient_folds(toy_sample.patients, 5, seed=0)

    def validated(target):
        sample = toy_sample.with_target(target)

        def fit_predict(train, test):
            return fit_predictor("additive", sample.rows(train), Task(), seed=0).predict(sample.values[test])

        return cross_predict(fit_predict, folds)

    result = permutation_test(toy_sample.target, validated, auc, repeats=6, seed=0)
    assert result.observed > 0.8
    assert result.mean == pytest.approx(0.5, abs=0.08)
    assert result.p_value == pytest.approx(1 / 7)


def test_a_leak_shows(toy_sample):
    result = permutation_test(toy_sample.target, lambda target: target, auc, repeats=3, seed=0)
    assert result.mean == 1.0
    assert result.p_value == 1.0


def test_it_can_be_canceled(toy_sample):
    token = CancelToken()
    token.cancel()
    with pytest.raises(Canceled):
        permutation_test(toy_sample.target, np.copy, auc, repeats=3, seed=0, cancel=token)
