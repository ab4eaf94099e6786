"""Our trees against scikit-learn's."""

from dataclasses import replace

import numpy as np
import pytest

from MedDeepDiagnosisLib.learning import boosting
from MedDeepDiagnosisLib.learning.stored import StoredArrays
from MedDeepDiagnosisLib.models.encoding import on_scale
from MedDeepRegSegLib.errors import InputError

pytest.importorskip("sklearn")


@pytest.fixture(scope="module")
def unseen(table_values):
    """Rows that were not learned from, some with missing values."""
    return table_values


@pytest.fixture(scope="module")
def table_values():
    generator = np.random.default_rng(5)
    values = np.column_stack(
        [
            np.exp(generator.normal(2, 0.8, 400)),
            generator.normal(0, 1, 400),
            generator.integers(1, 4, 400),
            generator.integers(1, 3, 400),
        ]
    ).astype(float)
    values[generator.random(values.shape) < 0.2] = np.nan
    return values


def test_probabilities_equal_those_of_scikit_learn(toy_sample, unseen):
    other = boosting.grow(toy_sample, binary=True, trees=60, leaves=8, seed=0)
    trees = boosting.exported(toy_sample.features, other)
    for values in (toy_sample.values, unseen):
        expected = other.predict_proba(on_scale(toy_sample.features, values))[:, 1]
        assert 1 / (1 + np.exp(-trees.score(values))) == pytest.approx(expected, abs=1e-12)


def test_numbers_equal_those_of_scikit_learn(number_sample, unseen):
    other = boosting.grow(number_sample, binary=False, trees=60, leaves=8, seed=0)
    trees = boosting.exported(number_sample.features, other)
    assert trees.score(unseen) == pytest.approx(other.predict(on_scale(number_sample.features, unseen)), abs=1e-9)


def test_the_first_trees_are_the_model_of_fewer_trees(toy_sample, unseen):
    settings = [{"trees": 30.0, "leaves": 4.0}, {"trees": 60.0, "leaves": 4.0}]
    few, many = boosting.fit_all(toy_sample, binary=True, settings=settings, seed=0)
    other = boosting.exported(toy_sample.features, boosting.grow(toy_sample, binary=True, trees=30, leaves=4, seed=0))
    assert np.array_equal(few.score(unseen), other.score(unseen))
    assert len(many.roots) == 60


def test_trees_survive_as_arrays_and_endless_ones_are_refused(toy_sample, unseen):
    (trees,) = boosting.fit_all(toy_sample, binary=True, settings=boosting.SETTINGS[:1], seed=0)
    back = boosting.from_arrays(toy_sample.features, StoredArrays(trees.arrays()))
    assert np.array_equal(back.score(unseen), trees.score(unseen))
    arrays = trees.arrays()
    inner = int(np.flatnonzero(arrays["left"] != np.arange(len(arrays["left"])))[0])
    arrays["left"] = arrays["left"].copy()
    arrays["left"][inner] = inner
    with pytest.raises(InputError, match="do not lead to leaves"):
        boosting.from_arrays(toy_sample.features, StoredArrays(arrays))

    arrays = {name: array[:0] for name, array in trees.arrays().items()} | {"roots": np.zeros(1), "start": np.zeros(1)}
    with pytest.raises(InputError, match="points to what is not there"):
        boosting.from_arrays(toy_sample.features, StoredArrays(arrays))


def test_a_feature_without_any_value_is_never_asked_about(toy_sample, unseen):
    values = toy_sample.values.copy()
    values[:, 2] = np.nan
    without = replace(toy_sample, values=values)
    (trees,) = boosting.fit_all(without, binary=True, settings=boosting.SETTINGS[:1], seed=0)
    assert 2 not in trees.feature[trees.left != np.arange(len(trees.left))]
    given = unseen.copy()
    given[:, 2] = 3.0
    assert np.array_equal(trees.score(given), trees.score(unseen))
