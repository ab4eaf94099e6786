"""Permutation importance, against models whose needs are known."""

import numpy as np
import pytest

from MedDeepDiagnosisLib.models.metrics import auc, brier
from MedDeepDiagnosisLib.reasons.importance import _rows_of_others, permutation_importance
from MedDeepRegSegLib.errors import Canceled
from MedDeepRegSegLib.jobs.progress import CancelToken


@pytest.fixture(scope="module")
def held_out():
    """Probabilities from features 0 (strong) and 1 (weak); feature 2 is not used; 3 is a copy of 0."""
    generator = np.random.default_rng(0)
    person = np.repeat(np.arange(120), 3)
    values = generator.normal(size=(120, 4))[person] + 0.1 * generator.normal(size=(360, 4))
    values[:, 3] = values[:, 0]
    odds = 2.0 * values[:, 0] + 0.6 * values[:, 1]
    target = (generator.random(120)[person] < 1 / (1 + np.exp(-odds))).astype(float)
    return values, target, np.array([f"P{number}" for number in person])


def predict(values):
    return 1 / (1 + np.exp(-2.0 * values[:, 0] - 0.6 * values[:, 1]))


def shared(values):
    """Uses feature 0 and its copy alike."""
    return 1 / (1 + np.exp(-(values[:, 0] + values[:, 3]) - 0.6 * values[:, 1]))


def test_what_is_used_matters_in_the_order_of_its_use(held_out):
    found = permutation_importance(predict, *held_out, auc, seed=0)
    drops = [item.drop for item in found]
    assert drops[0] > 0.2 > drops[1] > 0.005
    assert drops[2] == drops[3] == 0
    assert [found[2].low, found[2].high, found[2].deviation] == pytest.approx([0, 0, 0], abs=1e-12)
    assert found[0].low < drops[0] < found[0].high
    assert found[0].low > 0.1


def test_permuting_all_features_leaves_chance(held_out):
    values, target, patients = held_out
    found = permutation_importance(predict, values, target, patients, auc, seed=0, groups=[[0, 1, 2, 3]], repeats=20)[0]
    assert auc(target, predict(values)) - found.drop == pytest.approx(0.5, abs=0.05)


def test_copies_hide_each_other_unless_grouped(held_out):
    alone = permutation_importance(shared, *held_out, auc, seed=0, draws=20)
    grouped = permutation_importance(shared, *held_out, auc, seed=0, draws=20, groups=[[0, 3], [1], [2]])
    assert grouped[0].drop > 1.5 * alone[0].drop
    assert grouped[0].group == (0, 3)


def test_a_score_where_smaller_is_better(held_out):
    found = permutation_importance(predict, *held_out, brier, seed=0, larger_is_better=False)
    assert found[0].drop > 0.05
    assert found[2].drop == 0


def test_interval_holds_the_importance_in_new_patients():
    """Of 25 samples of 60 patients, the interval of nearly all holds the importance in very many patients."""

    def sample(count, seed):
        generator = np.random.default_rng(seed)
        values = generator.normal(size=(count, 2))
        target = (generator.random(count) < predict(values)).astype(float)
        return values, target, np.arange(count).astype(str)

    truth = permutation_importance(predict, *sample(20000, 99), auc, seed=0, draws=1)[0].drop
    found = [
        permutation_importance(predict, *sample(60, seed), auc, seed=seed, repeats=5, draws=80)[0] for seed in range(25)
    ]
    inside = np.mean([item.low <= truth <= item.high for item in found])
    assert inside >= 0.8
    assert np.median([item.high - item.low for item in found]) < 0.6


def test_values_come_from_another_patient_who_is_one_for_all_rows():
    generator = np.random.default_rng(0)
    index = generator.integers(0, 30, 200)
    _, index, rows = np.unique(index, return_inverse=True, return_counts=True)
    for _ in range(20):
        source = _rows_of_others(index, rows, generator)
        assert (index[source] != index).all()
        for patient in range(len(rows)):
            assert len(np.unique(index[source][index == patient])) == 1


def test_rows_of_a_patient_with_as_many_are_all_used():
    index = np.repeat(np.arange(10), 4)
    source = _rows_of_others(index, np.full(10, 4), np.random.default_rng(1))
    assert sorted(source) == list(range(40))


def test_same_seed_same_result(held_out):
    first, again, other = (permutation_importance(predict, *held_out, auc, seed=s, draws=20) for s in (1, 1, 2))
    assert first == again
    assert first != other


def test_what_does_not_fit(held_out):
    values, target, patients = held_out
    with pytest.raises(ValueError, match="1 patients"):
        permutation_importance(predict, values, target, np.full(len(target), "A"), auc, seed=0)
    with pytest.raises(ValueError, match=r"expected \(N, F\)"):
        permutation_importance(predict, values, target[:-1], patients, auc, seed=0)
    token = CancelToken()
    token.cancel()
    with pytest.raises(Canceled):
        permutation_importance(predict, values, target, patients, auc, seed=0, cancel=token)
