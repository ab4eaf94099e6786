"""Impute, filter, select."""

from dataclasses import replace

import numpy as np
import pytest

from MedDeepDiagnosisLib.learning.columns import columns_from_arrays, learn_columns, yeo_johnson
from MedDeepDiagnosisLib.learning.sample import sample_of
from MedDeepDiagnosisLib.learning.stored import StoredArrays


def test_missing_values_get_the_mean_of_the_training_rows(toy_sample):
    columns = learn_columns(toy_sample)
    missing = np.full((1, 4), np.nan)
    assert np.array_equal(columns.of(missing), np.zeros((1, len(columns.kept))))
    assert np.isfinite(columns.of(toy_sample.values)).all()


def test_columns_that_say_nothing_and_repeats_are_dropped(toy_sample):
    size = toy_sample.features[0]
    features = (*toy_sample.features, replace(size, name="twin"), replace(size, name="fixed"))
    values = np.column_stack([toy_sample.values, toy_sample.values[:, 0] * 2, np.full(len(toy_sample.values), 7.0)])
    sample = sample_of(features, values, toy_sample.target, toy_sample.patients)
    owners = set(learn_columns(sample).encoding.owner[learn_columns(sample).kept].tolist())
    assert owners == {0, 1, 2, 3}


def test_selection_keeps_what_goes_with_the_outcome(toy_sample):
    one = learn_columns(toy_sample, keep=0.2)
    owners = one.encoding.owner[one.kept]
    assert len(one.kept) == 1
    assert owners[0] == 0, "size says most"


def test_columns_survive_as_arrays(toy_sample):
    columns = learn_columns(toy_sample, splines=True, keep=0.7)
    arrays = {name: np.asarray(array, dtype=float) for name, array in columns.arrays().items()}
    back = columns_from_arrays(toy_sample.features, StoredArrays(arrays))
    assert np.array_equal(back.of(toy_sample.values), columns.of(toy_sample.values))


def test_long_tails_are_straightened_and_others_left(toy_sample, pathology):
    generator = np.random.default_rng(0)
    tail = np.exp(generator.normal(0, 1.2, 450))
    features = (replace(pathology.feature("ratio"), name="tail"), pathology.feature("ratio"))
    values = np.column_stack([tail, generator.normal(0, 1, 450)])
    values[:5, 0] = np.nan
    sample = sample_of(features, values, toy_sample.target, toy_sample.patients)
    columns = learn_columns(sample)
    straight = columns.of(values)

    def skew(column):
        return float(np.mean(((column - column.mean()) / column.std()) ** 3))

    assert columns.powers[1] == pytest.approx(1, abs=0.5)
    assert abs(skew(straight[5:, 0])) < 0.5 < skew(tail[5:])
    assert straight[:5, 0].tolist() == [0] * 5, "a missing value stays the mean"
    assert straight[5:, 0].mean() == pytest.approx(0, abs=1e-9)
    assert np.isfinite(columns.of(np.array([[-1e3, 0.0], [1e6, 0.0]]))).all()
    back = columns_from_arrays(features, StoredArrays({k: np.asarray(v, float) for k, v in columns.arrays().items()}))
    assert np.array_equal(back.of(values), straight)


def test_powers_equal_those_of_scipy():
    stats = pytest.importorskip("scipy.stats")
    values = np.linspace(-3, 5, 50)
    for power in (-1.5, 0.0, 0.5, 1.0, 2.0, 3.0):
        ours = yeo_johnson(values[:, None], np.array([power]))[:, 0]
        assert ours == pytest.approx(stats.yeojohnson(values, power))
