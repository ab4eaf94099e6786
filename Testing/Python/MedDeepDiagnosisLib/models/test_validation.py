"""Cross-validation that cannot flatter."""

from dataclasses import replace

import numpy as np
import pytest

from MedDeepDiagnosisLib.models.additive import patient_folds
from MedDeepDiagnosisLib.models.validation import check_enough_cases, cross_predict, validate_variants
from MedDeepRegSegLib.errors import InputError


@pytest.fixture(scope="module")
def folds(toy_table):
    return patient_folds(toy_table.patients, 5, seed=0)


def test_every_row_is_predicted_by_a_fit_that_has_not_seen_its_patient(toy_table, folds):
    seen = []

    def fit_predict(train, test):
        assert not np.any(train & test)
        assert not set(toy_table.patients[train]) & set(toy_table.patients[test])
        seen.append(test)
        return np.flatnonzero(test).astype(float)

    assert np.array_equal(cross_predict(fit_predict, folds), np.arange(len(toy_table)))
    assert np.array_equal(np.sum(seen, axis=0), np.ones(len(toy_table)))


def test_variants_beat_their_baselines_where_there_is_something_to_learn(toy_table, pathology):
    results = {v.name: v for v in validate_variants(toy_table, pathology, seed=0, bootstrap_repeats=50)}
    assert list(results) == ["measured", "all", "no_information", "only_size"]
    assert results["all"].scores.auc.value > results["only_size"].scores.auc.value > 0.7
    assert results["all"].scores.brier.value < results["no_information"].scores.brier.value
    assert results["no_information"].scores.auc.value == 0.5
    assert results["all"].scores.auc.low < results["all"].scores.auc.value < results["all"].scores.auc.high


def test_labels_permuted_between_patients_are_not_predicted(toy_table, pathology):
    """A leak of test rows into any learned step would show as an AUC above chance."""
    values = []
    for seed in range(3):
        generator = np.random.default_rng(seed)
        names = np.unique(toy_table.patients)
        partner = dict(zip(names, generator.permutation(names), strict=True))
        order = np.concatenate([np.flatnonzero(toy_table.patients == partner[name]) for name in names])
        permuted = type(toy_table)(
            toy_table.names, toy_table.values, toy_table.target[order], toy_table.patients, toy_table.cases
        )
        results = validate_variants(permuted, pathology, seed=seed, bootstrap_repeats=10)
        values.append(next(v.scores.auc.value for v in results if v.name == "all"))
    assert np.mean(values) == pytest.approx(0.5, abs=0.06)


def test_too_few_patients_for_the_features_are_refused(table_maker, pathology):
    table = table_maker(patients=60)
    check_enough_cases(table, 2)
    with pytest.raises(InputError, match=r"expected at least 60 for 6 features"):
        check_enough_cases(table, 6)


def test_rows_of_few_patients_do_not_count_as_patients(table_maker):
    with pytest.raises(InputError, match="patients"):
        check_enough_cases(table_maker(patients=12, per_patient=100), 2)


@pytest.mark.parametrize("kind", ["number", "ordinal"])
def test_an_outcome_that_is_always_the_same_is_refused(table_maker, kind):
    """Resampling patients until both outcomes occur would never end."""
    table = table_maker(patients=60)
    with pytest.raises(InputError, match="the outcome is 7 in every case"):
        check_enough_cases(replace(table, target=np.full(len(table), 7.0)), 2, kind)
