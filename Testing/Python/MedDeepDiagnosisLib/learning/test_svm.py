"""Support vectors against scikit-learn."""

import numpy as np
import pytest

from MedDeepDiagnosisLib.learning import svm
from MedDeepDiagnosisLib.learning.stored import StoredArrays
from MedDeepDiagnosisLib.models.metrics import auc, pearson

sklearn_svm = pytest.importorskip("sklearn.svm")


def test_margins_equal_those_of_scikit_learn(toy_sample):
    setting = svm.SETTINGS[1]
    (model,) = svm.fit_all(toy_sample, binary=True, settings=[setting], seed=0)
    table = model.columns.of(toy_sample.values) / model.scale
    other = sklearn_svm.SVC(C=setting["softness"], gamma=model.gamma).fit(table, toy_sample.target)
    assert model.score(toy_sample.values) == pytest.approx(other.decision_function(table), abs=1e-9)
    assert auc(toy_sample.target, model.score(toy_sample.values)) > 0.8


def test_numbers_are_in_their_units(number_sample):
    (model,) = svm.fit_all(number_sample, binary=False, settings=[svm.SETTINGS[3]], seed=0)
    predicted = model.score(number_sample.values)
    assert pearson(number_sample.target, predicted) > 0.98
    assert np.abs(predicted - number_sample.target).mean() < 1.5


def test_it_survives_as_arrays(toy_sample):
    (model,) = svm.fit_all(toy_sample, binary=True, settings=[svm.SETTINGS[0]], seed=0)
    back = svm.from_arrays(toy_sample.features, StoredArrays(model.arrays()))
    assert np.array_equal(back.score(toy_sample.values), model.score(toy_sample.values))
    assert model.score(toy_sample.values[:0]).shape == (0,)
