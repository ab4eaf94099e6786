"""Elastic net against scikit-learn."""

import numpy as np
import pytest

from MedDeepDiagnosisLib.learning import elastic_net
from MedDeepDiagnosisLib.learning.stored import StoredArrays

RATIO = 0.5
sklearn_linear = pytest.importorskip("sklearn.linear_model")


@pytest.fixture
def columns():
    generator = np.random.default_rng(0)
    table = generator.normal(size=(300, 6))
    table[:, 5] = table[:, 4] + 0.1 * generator.normal(size=300)
    odds = table @ np.array([1.5, -1, 0, 0, 0.5, 0]) + 0.3
    return table, (generator.random(300) < 1 / (1 + np.exp(-odds))).astype(float), odds


@pytest.mark.parametrize("strength", [0.1, 0.01])
def test_numbers_equal_those_of_scikit_learn(columns, strength):
    table, _, odds = columns
    target = 40 * odds + 7
    line = elastic_net.fit_line(table, target, binary=False, strength=strength, ratio=RATIO)
    unit = target.std()
    other = sklearn_linear.ElasticNet(alpha=strength, l1_ratio=RATIO, tol=1e-10, max_iter=100_000)
    other.fit(table, target / unit)
    assert line[:-1] == pytest.approx(other.coef_ * unit, abs=2e-3 * unit)
    assert line[-1] == pytest.approx(other.intercept_ * unit, abs=2e-3 * unit)


@pytest.mark.parametrize("strength", [0.1, 0.01])
def test_log_odds_equal_those_of_scikit_learn(columns, strength):
    table, target, _ = columns
    line = elastic_net.fit_line(table, target, binary=True, strength=strength, ratio=RATIO)
    other = sklearn_linear.LogisticRegression(
        solver="saga", C=1 / (strength * len(target)), l1_ratio=RATIO, tol=1e-8, max_iter=20_000
    )
    other.fit(table, target)
    assert line[:-1] == pytest.approx(other.coef_[0], abs=3e-3)
    assert line[-1] == pytest.approx(other.intercept_[0], abs=3e-3)
    assert (line[:-1] == 0).sum() == (np.abs(other.coef_[0]) < 1e-9).sum(), "the same features are left out"


def test_settings_keep_their_order_and_models_survive(toy_sample):
    models = elastic_net.fit_all(toy_sample, binary=True, settings=elastic_net.SETTINGS, seed=0)
    assert len(models) == len(elastic_net.SETTINGS)
    sizes = [np.abs(model.coefficients).sum() for model in models[:5]]
    assert sizes == sorted(sizes), "a weaker penalty leaves larger coefficients"
    back = elastic_net.from_arrays(toy_sample.features, StoredArrays(models[-1].arrays()))
    assert np.array_equal(back.score(toy_sample.values), models[-1].score(toy_sample.values))
