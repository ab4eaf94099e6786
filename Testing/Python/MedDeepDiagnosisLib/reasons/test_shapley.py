"""Shapley values, against closed forms, the definition, and the package shap."""

import itertools
import json
import time
from pathlib import Path

import numpy as np
import pytest

from MedDeepDiagnosisLib.reasons.faithfulness import deletion_test
from MedDeepDiagnosisLib.reasons.predictor import ask, on_log_odds, thinned
from MedDeepDiagnosisLib.reasons.shapley import planned_samples, shapley_values
from MedDeepRegSegLib.errors import Canceled
from MedDeepRegSegLib.jobs.progress import CancelToken

REFERENCE = Path(__file__).resolve().parents[3] / "Data" / "shapley_reference.json"


def total(found):
    return found.prediction - found.base


@pytest.mark.parametrize("features", [1, 2, 6, 10, 12])
@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_linear_model_has_its_closed_form(linear_predictor, weights, cases, features, missing):
    background, row = cases(30, features, missing), cases(1, features, seed=9)[0]
    found = shapley_values(linear_predictor, row, background, seed=0)
    expected = weights[:features] * (row - np.nan_to_num(background).mean(axis=0))
    assert found.values == pytest.approx(expected, abs=1e-9)
    assert found.errors == pytest.approx(0, abs=1e-9), "each walk is exact where features do not interact"
    assert found.exact == (features <= 10)


def test_additive_model_has_its_closed_form_when_sampled(cases):
    terms = (np.sin, np.exp, np.square, np.abs) * 4

    def additive(values):
        return sum(term(values[:, number]) for number, term in enumerate(terms))

    background, row = cases(25, 16), cases(1, 16, seed=5)[0]
    found = shapley_values(additive, row, background, seed=0)
    expected = [term(row[n]) - term(background[:, n]).mean() for n, term in enumerate(terms)]
    assert not found.exact
    assert found.values == pytest.approx(expected, abs=1e-9)


def test_enumeration_is_the_definition(crossed_predictor, shapley_by_definition, cases):
    background, row = cases(7, 5, 0.2), cases(1, 5, seed=4)[0]
    row[3] = np.nan
    found = shapley_values(crossed_predictor, row, background, seed=0)
    assert found.exact
    assert found.values == pytest.approx(shapley_by_definition(crossed_predictor, row, background), abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_sampling_agrees_within_its_standard_errors(crossed_predictor, cases, seed):
    background, row = cases(40, 9, 0.1), cases(1, 9, seed=4 + seed)[0]
    exact = shapley_values(crossed_predictor, row, background, seed=seed)
    sampled = shapley_values(crossed_predictor, row, background, seed=seed, samples=6)
    assert (sampled.errors > 0).all()
    apart = np.abs(sampled.values - exact.values) / sampled.errors
    assert apart.max() < 4
    finer = shapley_values(crossed_predictor, row, background, seed=seed, samples=96)
    assert finer.errors == pytest.approx(sampled.errors / 4, rel=0.35)


def test_standard_errors_are_those_of_repeated_sampling(crossed_predictor, cases):
    background, row = cases(10, 8), cases(1, 8, seed=4)[0]
    runs = [shapley_values(crossed_predictor, row, background, seed=seed, samples=4) for seed in range(60)]
    spread = np.std([run.values for run in runs], axis=0, ddof=1)
    stated = np.sqrt(np.mean([run.errors**2 for run in runs], axis=0))
    assert stated == pytest.approx(spread, rel=0.35)


def product(values):
    return np.nan_to_num(values, nan=3.0).prod(axis=1)


@pytest.mark.parametrize("features", [1, 3, 11, 30])
def test_local_accuracy(crossed_predictor, cases, features):
    predict = product if features < 4 else crossed_predictor
    background, row = cases(20, features, 0.1), cases(1, features, seed=2)[0]
    found = shapley_values(predict, row, background, seed=0)
    assert found.prediction == pytest.approx(predict(row[None])[0])
    assert found.base == pytest.approx(predict(background).mean())
    assert found.values.sum() == pytest.approx(total(found), abs=1e-12 * max(1, abs(total(found)) * 1e3))


def test_rounding_of_single_precision_is_shared_out(crossed_predictor, cases):
    found = shapley_values(
        lambda values: crossed_predictor(values).astype(np.float32), cases(1, 8)[0], cases(20, 8), seed=0
    )
    assert found.values.sum() == pytest.approx(total(found), abs=1e-12)


def test_a_predictor_that_is_not_deterministic_is_refused(cases):
    generator = np.random.default_rng(0)
    with pytest.raises(ValueError, match="different values for the same row"):
        shapley_values(lambda values: generator.normal(size=len(values)), cases(1, 6)[0], cases(9, 6), seed=0)


def test_a_predictor_that_looks_at_other_rows_is_refused(crossed_predictor, cases):
    def predict(values):
        return crossed_predictor(values) - crossed_predictor(values[:1])

    with pytest.raises(ValueError, match="different values for the same row"):
        shapley_values(predict, cases(1, 6)[0], cases(9, 6), seed=0)


def test_pairs_of_permutations_are_exact_for_interactions_of_two(cases):
    def predict(values):
        return values.sum(axis=1) ** 2 + np.tanh(values[:, 0] * values[:, 1])

    background, row = cases(20, 9), cases(1, 9, seed=4)[0]
    exact, sampled = (shapley_values(predict, row, background, seed=0, samples=samples) for samples in (None, 2))
    assert sampled.values == pytest.approx(exact.values, abs=1e-9)
    assert sampled.errors == pytest.approx(0, abs=1e-9)


def test_groups_are_players(crossed_predictor, cases):
    background, row = cases(6, 5), cases(1, 5, seed=4)[0]
    groups = [[0, 1], [2], [4, 3]]
    expected = np.zeros(3)
    for order in itertools.permutations(range(3)):
        current = background.copy()
        for player in order:
            before = crossed_predictor(current).mean()
            current[:, groups[player]] = row[groups[player]]
            expected[player] += (crossed_predictor(current).mean() - before) / 6
    found = shapley_values(crossed_predictor, row, background, seed=0, groups=groups)
    assert found.values == pytest.approx(expected, abs=1e-9)
    assert found.groups == ((0, 1), (2,), (4, 3))


def test_what_the_model_does_not_use_adds_nothing(crossed_predictor, cases):
    found = shapley_values(lambda v: crossed_predictor(v[:, :5]), cases(1, 14)[0], cases(20, 14), seed=0)
    assert found.values[5:] == pytest.approx(0, abs=1e-12)
    assert np.abs(found.values[:5]).max() > 0.1


def test_missing_is_a_value_like_others():
    def predict(values):
        return np.isnan(values[:, 0]) * 2.0 + np.nan_to_num(values[:, 1])

    background = np.array([[1.0, 0.0], [np.nan, 0.0], [2.0, 3.0], [4.0, 1.0]])
    found = shapley_values(predict, np.array([np.nan, 1.0]), background, seed=0)
    assert found.values == pytest.approx([1.5, 0.0])


def test_same_seed_same_values(crossed_predictor, cases):
    row, background = cases(1, 13)[0], cases(20, 13)
    first, again, other = (shapley_values(crossed_predictor, row, background, seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(first.values, again.values)
    assert not np.array_equal(first.values, other.values)


def test_additive_model_of_the_extension_has_its_own_exact_contributions(additive_maker, toy_table):
    model = additive_maker()
    background, row = toy_table.values[::9], toy_table.values[1]
    found = shapley_values(on_log_odds(model.predict), row, background, seed=0)
    own = model.contributions(np.vstack([row, background]))
    assert found.values == pytest.approx(own[0] - own[1:].mean(axis=0), abs=1e-5)


def reference_predictor(content):
    """The trees of the file, evaluated."""

    def predict(values):
        result = np.full(len(values), content["start"])
        for tree in content["trees"]:
            nodes = {name: np.array(column) for name, column in tree.items()}
            at = np.zeros(len(values), dtype=int)
            while not nodes["is_leaf"][at].all():
                value = values[np.arange(len(values)), nodes["feature_idx"][at]]
                missing = np.isnan(value)
                left = np.where(missing, nodes["missing_go_to_left"][at] == 1, value <= nodes["num_threshold"][at])
                further = np.where(left, nodes["left"][at], nodes["right"][at])
                at = np.where(nodes["is_leaf"][at] == 1, at, further)
            result += nodes["value"][at]
        return result

    return predict


@pytest.fixture(scope="module")
def reference():
    """Values of shap 0.51 on gradient boosting; see Testing/Benchmarks/reasons_reference.py."""
    content = json.loads(REFERENCE.read_text(encoding="utf-8"))
    for name in ("rows", "background"):
        content[name] = np.array(content[name], dtype=float)
    return content


def test_agrees_with_shap_on_gradient_boosting(reference):
    predict = reference_predictor(reference)
    assert ask(predict, reference["rows"]) == pytest.approx(reference["predictions"], abs=1e-9), (
        "the trees are read well"
    )
    assert np.isnan(reference["rows"]).any()
    for row, expected in zip(reference["rows"], reference["exact"], strict=True):
        found = shapley_values(predict, row, reference["background"], seed=0, samples=30)
        assert found.errors.max() < 0.03
        assert (np.abs(found.values - expected) <= 4.5 * found.errors + 1e-9).all()


def test_enumeration_agrees_with_shap_on_gradient_boosting(reference, monkeypatch):
    monkeypatch.setattr("MedDeepDiagnosisLib.reasons.shapley.MOST_EXACT_GROUPS", 12)
    predict = reference_predictor(reference)
    found = shapley_values(predict, reference["rows"][0], reference["background"], seed=0)
    assert found.exact
    assert found.values == pytest.approx(reference["exact"][0], abs=1e-6)


@pytest.mark.slow
def test_a_second_for_thirty_features_of_gradient_boosting():
    from sklearn.datasets import load_breast_cancer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    values, target = load_breast_cancer(return_X_y=True)
    seconds = []
    with threadpool_limits(1):
        model = HistGradientBoostingClassifier(random_state=0).fit(values, target)
        for number in range(3):
            start = time.process_time()  # other work on the machine does not count
            found = shapley_values(model.decision_function, values[number], values[:50], seed=0)
            seconds.append(time.process_time() - start)
    assert found.evaluations < 13_500
    assert min(seconds) < 1.0


def test_bad_arguments_and_cancel(linear_predictor, cases):
    with pytest.raises(ValueError, match="one pair has no standard error"):
        shapley_values(linear_predictor, cases(1, 5)[0], cases(5, 5), seed=0, samples=1)
    token = CancelToken()
    token.cancel()
    with pytest.raises(Canceled):
        shapley_values(linear_predictor, cases(1, 5)[0], cases(5, 5), seed=0, cancel=token)


def test_progress_rises(linear_predictor, cases):
    seen = []
    shapley_values(linear_predictor, cases(1, 12)[0], cases(5, 12), seed=0, progress=lambda part, _: seen.append(part))
    assert seen == sorted(seen)
    assert 0 <= seen[0] <= seen[-1] <= 1


def test_samples_are_planned_so_that_they_can_be_had_in_time():
    assert planned_samples(6, 64, evaluations=8000) is None
    assert planned_samples(1, 10**6) is None
    assert planned_samples(14, 64, evaluations=8000) == 8000 // (2 * 13 * 64)
    assert planned_samples(14, 10**5) == 2, "one pair has no standard error"


@pytest.mark.parametrize(("features", "exact"), [(5, True), (8, True), (9, False), (30, False)])
def test_planned_reasons_with_their_check_take_no_more_than_a_second(crossed_predictor, cases, features, exact):
    background, row = thinned(cases(400, features, 0.1), 50, seed=0), cases(1, features, seed=3)[0]
    asked = []

    def predict(values):
        asked.append(len(values))
        return crossed_predictor(values)

    found = shapley_values(predict, row, background, seed=0, samples=planned_samples(features, len(background)))
    assert found.exact == exact
    assert found.values.sum() == pytest.approx(total(found))
    assert deletion_test(predict, row, found, background, seed=0).verdict == "faithful"
    assert sum(asked) < 30_000
