"""Predictors with known answers."""

import itertools
import math

import numpy as np
import pytest

from MedDeepDiagnosisLib.cases import CaseTable
from MedDeepDiagnosisLib.pathology import Feature, RatingWord

WEIGHTS = np.array([2.0, -1.0, 0.5, 0.0, 3.0, -0.3, 0.0, 1.0, -2.0, 0.2, 0.7, -0.1])


def feature_of(name, *, kind="number", scale="linear", low=-1000.0, high=1000.0, words=(), **more):
    return Feature(
        name=name,
        title=name.capitalize(),
        units="mm" if kind == "number" else "",
        description=f"What {name} is.",
        group=more.pop("group", "measured"),
        kind=kind,
        scale=scale,
        minimum=low,
        maximum=high,
        words=tuple(RatingWord(value, word) for value, word in words),
        required=False,
        measurement=None,
        **more,
    )


def linear(values):
    """Weights as above, missing counts 0."""
    return np.nan_to_num(values) @ WEIGHTS[: values.shape[1]] + 0.25


def crossed(values):
    """With interactions of all features, and an effect of being missing.

    Those of two features alone would be exact in each pair of permutations, as the two halves weigh them equally.
    """
    filled = np.nan_to_num(values, nan=-2.0)
    return 2 * np.tanh(filled[:, 0] * filled[:, 1] * filled[:, 2] + filled.sum(axis=1)) + np.exp(
        0.2 * filled.sum(axis=1)
    )


def by_definition(predict, row, background):
    """Shapley values as the mean over all orders of F features: slow, and as plain as the definition."""
    count = len(row)
    values = np.zeros(count)
    for order in itertools.permutations(range(count)):
        current = background.copy()
        before = predict(current).mean()
        for feature in order:
            current[:, feature] = row[feature]
            after = predict(current).mean()
            values[feature] += after - before
            before = after
    return values / math.factorial(count)


@pytest.fixture(scope="session")
def make_feature():
    return feature_of


@pytest.fixture(scope="session")
def linear_predictor():
    return linear


@pytest.fixture(scope="session")
def weights():
    return WEIGHTS


@pytest.fixture(scope="session")
def crossed_predictor():
    return crossed


@pytest.fixture(scope="session")
def shapley_by_definition():
    return by_definition


@pytest.fixture(scope="session")
def cases():
    """``cases(count, features, missing)``: a table of numbers, one row in ten of values missing if asked."""

    def make(count, features, missing=0.0, seed=0):
        generator = np.random.default_rng(seed)
        values = generator.normal(size=(count, features))
        values[generator.random(values.shape) < missing] = np.nan
        return values

    return make


@pytest.fixture(scope="session")
def lesions():
    """Features of every kind, and 240 known cases of 80 patients."""
    features = (
        feature_of("size", scale="log", low=1.0, high=100.0),
        feature_of("depth", scale="log", low=0.5, high=100.0, relative_to="size", never_above="size"),
        feature_of("edge", kind="ordinal", low=1, high=5, words=[(n, f"Step {n}") for n in range(1, 6)]),
        feature_of("kind", kind="category", low=1, high=3, words=((1, "Solid"), (2, "Mixed"), (3, "Glass"))),
        feature_of("age", low=18, high=110, group="clinical"),
    )
    generator = np.random.default_rng(3)
    person = np.repeat(np.arange(80), 3)
    size = np.exp(generator.normal(2.3, 0.5, 80))[person] * np.exp(generator.normal(0, 0.03, 240))
    values = np.column_stack(
        [
            np.clip(size, 1, 100),
            size * generator.uniform(0.5, 0.98, 240),
            generator.integers(1, 6, 80)[person],
            generator.integers(1, 4, 80)[person],
            generator.uniform(30, 85, 80)[person],
        ]
    ).astype(float)
    values[generator.random(240) < 0.1, 2] = np.nan
    target = (values[:, 0] > 10).astype(float)
    names = tuple(feature.name for feature in features)
    patients = np.array([f"Jane Doe {number}" for number in person])
    return features, CaseTable(names, values, target, patients, np.array([f"scan of Jane {n}" for n in range(240)]))
