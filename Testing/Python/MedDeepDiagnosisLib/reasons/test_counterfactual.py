"""Counterfactuals of models whose thresholds are known."""

import re

import numpy as np
import pytest

from MedDeepDiagnosisLib.reasons.counterfactual import Counterfactual, counterfactual, default_immutable
from MedDeepDiagnosisLib.reasons.nearest import learn_scales
from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.progress import CancelToken

ROW = np.array([8.0, 6.0, 2.0, 1.0, 50.0])


@pytest.fixture(scope="module")
def scales(lesions):
    return learn_scales(*lesions)


@pytest.fixture(scope="module")
def known(lesions):
    return lesions[1].values


def by_size(values):
    """Above .5 from a size of 12 mm on."""
    return 1 / (1 + np.exp(-(values[:, 0] - 12)))


def by_many(values):
    """Size, edge and kind are all needed."""
    return 0.2 * (values[:, 0] > 11) + 0.2 * (np.nan_to_num(values[:, 2]) >= 4) + 0.2 * (values[:, 3] == 3)


def test_the_one_feature_that_counts_moves_just_to_the_threshold(scales, known):
    found = counterfactual(by_size, ROW, scales, known, threshold=0.5)
    assert found.found
    (change,) = found.changes
    assert change.feature == "size"
    assert change.value == 12.0
    assert change.before == "8 mm"
    assert found.start == pytest.approx(by_size(ROW[None])[0])
    assert found.start < 0.5 <= found.end == change.prediction


def test_what_is_shown_crosses_too(scales, known):
    def predict(values):
        return 1 / (1 + np.exp(-5 * (np.log(values[:, 0]) - np.log(11.8371))))

    (change,) = counterfactual(predict, ROW, scales, known, threshold=0.5).changes
    shown = float(re.match(r"[\d.]+", change.after)[0])
    assert predict(np.array([[shown, 6, 2, 1, 50]]))[0] >= 0.5
    assert change.value == pytest.approx(shown)


def test_downwards_too(scales, known):
    row = np.array([20.0, 15, 2, 1, 50])
    found = counterfactual(by_size, row, scales, known, threshold=0.5)
    assert found.end < 0.5 < found.start
    assert 11.5 <= found.changes[0].value < 12


@pytest.mark.parametrize(("threshold", "count"), [(0.2, 1), (0.4, 2), (0.6, 3)])
def test_as_few_features_as_it_takes(scales, known, threshold, count):
    found = counterfactual(by_many, ROW, scales, known, threshold=threshold - 0.01)
    assert found.found
    assert len(found.changes) == count
    current = ROW.copy()
    names = [feature.name for feature in scales.features]
    for change in found.changes:
        current[names.index(change.feature)] = change.value
        assert change.prediction == pytest.approx(by_many(current[None])[0]), "each step is predicted anew"
    assert found.end == found.changes[-1].prediction
    assert by_many(current[None])[0] == found.end


def test_ratings_move_by_as_few_steps_as_it_takes(scales, known):
    def predict(values):
        return (np.nan_to_num(values[:, 2]) >= 4).astype(float)

    (change,) = counterfactual(predict, ROW, scales, known, threshold=0.5).changes
    assert change.value == 4
    assert change.after == "Step 4 (4)"
    assert change.size == pytest.approx(2 / 4)


def test_the_smaller_of_two_ways(scales, known):
    def predict(values):
        near, far = values[:, 0] > 9, values[:, 4] > 84
        return (near | far).astype(float)

    (change,) = counterfactual(predict, ROW, scales, known, threshold=0.5).changes
    assert change.feature == "size"


def test_what_must_not_change_does_not(scales, known):
    def predict(values):
        return (values[:, 4] > 60).astype(float)

    free = counterfactual(predict, ROW, scales, known, threshold=0.5)
    fixed = counterfactual(predict, ROW, scales, known, threshold=0.5, immutable=default_immutable(scales.features))
    assert free.changes[0].feature == "age"
    assert default_immutable(scales.features) == {"age"}
    assert not fixed.found
    assert "makes the prediction cross" in fixed.note


def test_none_within_the_training_range(scales, known):
    largest = known[:, 0].max()
    found = counterfactual(
        lambda values: (values[:, 0] > largest * 1.01).astype(float), ROW, scales, known, threshold=0.5
    )
    assert isinstance(found, Counterfactual)
    assert not found.found
    assert found.changes == ()
    assert "up to 3" in found.note


def test_what_is_relative_goes_along_in_proportion(scales, known):
    def predict(values):
        return 1 / (1 + np.exp(-(values[:, 1] - 12)))

    found = counterfactual(predict, ROW, scales, known, threshold=0.5)
    (change,) = found.changes
    assert change.feature == "size", "a depth of 12 mm needs a larger lesion"
    assert change.value == 16.0
    assert change.along == "in proportion: Depth 6 mm to 12 mm"
    assert change.prediction == pytest.approx(predict(np.array([[0, change.value * 0.75]]))[0])


@pytest.mark.parametrize("immutable", [("size",), ("depth",), ("size", "depth")])
def test_values_stay_plausible_together(scales, known, immutable):
    """A depth of 12 mm in a lesion of 8 mm is impossible; and size cannot change when the depth must not."""

    def predict(values):
        return 1 / (1 + np.exp(-(values[:, 1] - 12)))

    assert not counterfactual(predict, ROW, scales, known, threshold=0.5, immutable=immutable).found


def test_a_ratio_changes_within_those_of_known_cases(scales, known):
    ratios = known[:, 1] / known[:, 0]

    def flat(values):
        return (values[:, 1] / values[:, 0] < 0.6).astype(float)

    (change,) = counterfactual(flat, ROW, scales, known, threshold=0.5).changes
    assert change.feature == "depth"
    assert 0.55 * 8 < change.value < 0.6 * 8
    impossible = counterfactual(
        lambda values: (values[:, 1] / values[:, 0] < ratios.min() - 0.01).astype(float),
        ROW,
        scales,
        known,
        threshold=0.5,
    )
    assert not impossible.found


def test_missing_values_stay_missing(scales, known):
    row = ROW.copy()
    row[2] = np.nan

    def predict(values):
        assert np.isnan(values[:, 2]).all()
        return by_size(values)

    assert counterfactual(predict, row, scales, known, threshold=0.5).found
    nothing = counterfactual(
        lambda values: np.zeros(len(values)),
        row,
        scales,
        known,
        threshold=0.5,
        immutable=[f.name for f in scales.features],
    )
    assert "No feature may change" in nothing.note


def test_deterministic_and_affordable(scales, known):
    asked = []

    def predict(values):
        asked.append(len(values))
        return by_many(values)

    first = counterfactual(predict, ROW, scales, known, threshold=0.59)
    assert sum(asked) < 5000
    assert counterfactual(predict, ROW, scales, known, threshold=0.59) == first


def test_never_worded_as_advice(scales, known):
    found = counterfactual(by_size, ROW, scales, known, threshold=0.5)
    assert "no advice" in found.statement


def test_unusable_input(scales, known):
    with pytest.raises(InputError, match="weight: no feature of the model"):
        counterfactual(by_size, ROW, scales, known, threshold=0.5, immutable=("weight",))
    with pytest.raises(InputError, match="expected 1 to 3"):
        counterfactual(by_size, ROW, scales, known, threshold=0.5, most_changes=4)
    token = CancelToken()
    token.cancel()
    with pytest.raises(Canceled):
        counterfactual(by_size, ROW, scales, known, threshold=0.5, cancel=token)
