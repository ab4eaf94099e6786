"""The additive model among the learners."""

import numpy as np
import pytest

from MedDeepDiagnosisLib.learning import additive
from MedDeepDiagnosisLib.learning.stored import StoredArrays
from MedDeepDiagnosisLib.models.additive import with_draws
from MedDeepDiagnosisLib.models.metrics import pearson


def test_it_is_the_same_model_as_fitted_alone(toy_sample, additive_maker):
    alone = additive_maker()
    models = additive.fit_all(toy_sample, binary=True, settings=additive.SETTINGS, seed=0)
    model = models[additive.SETTINGS.index({"penalty": alone.penalty})]
    assert model.predict(toy_sample.values) == pytest.approx(alone.predict(toy_sample.values), abs=1e-4)


def test_numbers_are_a_sum_of_terms_too(number_sample):
    models = additive.fit_all(number_sample, binary=False, settings=additive.SETTINGS, seed=0)
    model = with_draws(models[-1], number_sample.table, number_sample.target, number_sample.patients, seed=0, draws=10)
    predicted = model.predict(number_sample.values)
    assert pearson(number_sample.target, predicted) > 0.99
    shares = model.contributions(number_sample.values)
    assert shares.sum(axis=1) + model.intercept == pytest.approx(predicted)
    bounds = model.interval(number_sample.values)
    assert (bounds[:, 0] <= bounds[:, 1]).all()
    shifted = additive.fit_all(
        number_sample.with_target(1000 * number_sample.target + 5), binary=False, settings=additive.SETTINGS, seed=0
    )
    assert shifted[3].predict(number_sample.values) == pytest.approx(
        1000 * models[3].predict(number_sample.values) + 5
    ), "units of the outcome do not matter"


@pytest.mark.parametrize("binary", [True, False])
def test_it_survives_as_arrays(toy_sample, binary):
    model = additive.fit_all(toy_sample, binary=binary, settings=additive.SETTINGS[:1], seed=0)[0]
    back = additive.from_arrays(toy_sample.features, StoredArrays(model.arrays()))
    assert np.array_equal(back.predict(toy_sample.values), model.predict(toy_sample.values))
    assert back.binary == binary
