"""Calibrated models, means and steps of a scale."""

import numpy as np
import pytest

from MedDeepDiagnosisLib.learning.predictors import (
    ConstantPredictor,
    OrdinalPredictor,
    PredictorRecord,
    additive_of,
    predictor_from_arrays,
)
from MedDeepDiagnosisLib.learning.sample import Task
from MedDeepDiagnosisLib.learning.selecting import fit_predictor
from MedDeepDiagnosisLib.learning.stored import StoredArrays
from MedDeepRegSegLib.errors import InputError

NUMBER = Task("number", 0.0, 30.0, ())
SCALE = Task("ordinal", 0.0, 4.0, (0.0, 1.0, 2.0, 4.0))


def rebuilt(predictor, task, features):
    return predictor_from_arrays(predictor.record, task, features, StoredArrays(predictor.arrays()))


def test_a_mean_is_the_mean_and_survives(toy_sample):
    mean = fit_predictor("mean", toy_sample, Task(), members=("additive", "elastic-net"), seed=0)
    parts = [member.predict(toy_sample.values) for member in mean.members]
    assert mean.predict(toy_sample.values) == pytest.approx(np.mean(parts, axis=0))
    back = rebuilt(mean, Task(), toy_sample.features)
    assert np.array_equal(back.predict(toy_sample.values), mean.predict(toy_sample.values))
    assert additive_of(mean) is None
    assert additive_of(mean.members[0]) is not None


def test_numbers_stay_within_what_is_possible(number_sample):
    predictor = fit_predictor("additive", number_sample, NUMBER, seed=0)
    predicted = predictor.predict(number_sample.values)
    assert predicted.max() == 30.0, "the outcome goes on above"
    assert np.array_equal(rebuilt(predictor, NUMBER, number_sample.features).predict(number_sample.values), predicted)


def test_steps_are_reached_in_their_order(toy_sample):
    step = np.clip(np.floor(np.log(toy_sample.table[:, 0]) - 0.5), 0, 3).astype(int)
    sample = toy_sample.with_target(np.array(SCALE.steps)[step])
    predictor = fit_predictor("additive", sample, SCALE, seed=0)
    assert isinstance(predictor, OrdinalPredictor)
    reached = predictor.reached(sample.values)
    assert (np.diff(reached, axis=1) <= 0).all()
    expected = predictor.predict(sample.values)
    assert (expected >= 0).all()
    assert (expected <= 4).all()
    assert np.corrcoef(expected, sample.target)[0, 1] > 0.9
    assert np.array_equal(rebuilt(predictor, SCALE, sample.features).predict(sample.values), expected)


def test_a_step_that_hardly_anyone_reaches_has_its_rate(toy_sample):
    target = (toy_sample.table[:, 0] > 7).astype(float)
    target[:3] = 2.0
    task = Task("ordinal", 0.0, 2.0, (0.0, 1.0, 2.0))
    predictor = fit_predictor("additive", toy_sample.with_target(target), task, seed=0)
    assert isinstance(predictor.members[1], ConstantPredictor)
    assert predictor.members[1].value == pytest.approx(4 / 452)
    back = rebuilt(predictor, task, toy_sample.features)
    assert np.array_equal(back.predict(toy_sample.values), predictor.predict(toy_sample.values))


@pytest.mark.parametrize(
    ("record", "task", "message"),
    [
        (PredictorRecord("mean", {}, "none"), Task(), "a mean of nothing"),
        (PredictorRecord("forest", {}, "none"), Task(), "does not know"),
        (PredictorRecord("additive", {}, "none"), SCALE, "does not fit the steps"),
        (PredictorRecord("additive", {}, "none"), Task(), "lack the array"),
        (
            PredictorRecord("mean", {}, "none", (PredictorRecord("mean", {}, "none"),)),
            Task(),
            "a mean of nothing",
        ),
    ],
)
def test_records_that_do_not_fit_are_refused(toy_sample, record, task, message):
    with pytest.raises(InputError, match=message):
        predictor_from_arrays(record, task, toy_sample.features, StoredArrays({}))
