"""Scores by sex and age."""

from dataclasses import replace

import numpy as np
import pytest

from MedDeepDiagnosisLib.learning.conformal import held_out_sets, holds
from MedDeepDiagnosisLib.learning.fairness import largest_gap, score_groups
from MedDeepDiagnosisLib.models.metrics import probability_of
from MedDeepDiagnosisLib.pathology import RatingWord


@pytest.fixture
def features(pathology):
    sex = replace(
        pathology.feature("kind"), name="sex", title="Sex", words=(RatingWord(1, "Female"), RatingWord(2, "Male"))
    )
    return (sex, replace(pathology.feature("ratio"), name="age", title="Age"), pathology.feature("size"))


@pytest.fixture
def people():
    """A model that knows all about women and nothing about men; few are old."""
    generator = np.random.default_rng(0)
    sex, age = generator.integers(1, 3, 2000).astype(float), generator.uniform(20, 69.9, 2000)
    age[:10] = 80
    odds = generator.normal(0, 2, 2000)
    target = (generator.random(2000) < probability_of(odds)).astype(float)
    shown = np.where(sex == 1, odds, generator.permutation(odds))
    return np.column_stack([sex, age, np.ones(2000)]), target, probability_of(shown), np.arange(2000).astype(str)


def test_a_model_that_knows_women_alone_shows(features, people):
    values, target, predicted, patients = people
    covered = holds(held_out_sets(target, predicted, np.arange(2000) % 5), target)
    groups = score_groups(
        features, values, target, predicted, patients, binary=True, covered=covered, seed=0, repeats=50
    )
    assert [(group.feature, group.group) for group in groups] == [
        ("Sex", "Female (1)"),
        ("Sex", "Male (2)"),
        ("Age", "below 50"),
        ("Age", "50 to below 70"),
    ], "ten old people are too few"
    women, men = groups[:2]
    assert women.discrimination.value > 0.85
    assert men.discrimination.value == pytest.approx(0.5, abs=0.05)
    assert men.coverage.value < 0.9 < women.coverage.value
    assert women.cases + men.cases == 2000
    assert "less well in Male (2) than in Female (1)" in largest_gap(groups)
    assert largest_gap(groups[2:]) == ""


def test_numbers_have_groups_too_and_rare_outcomes_no_auc(features, people):
    values, _, predicted, patients = people
    number = 10 * predicted
    covered = np.arange(2000) % 2 == 0
    groups = score_groups(
        features, values, number, number + 1, patients, binary=False, covered=covered, seed=0, repeats=20
    )
    assert groups[0].bias.value == pytest.approx(1)
    assert groups[0].discrimination.value == pytest.approx(1)
    assert groups[0].positive == 0
    rare = np.zeros(2000)
    rare[:3] = 1
    groups = score_groups(features, values, rare, predicted, patients, binary=True, seed=0, repeats=20)
    assert groups[0].discrimination is None
    assert groups[0].coverage is None
    assert score_groups(features[2:], values[:, 2:], rare, predicted, patients, binary=True, seed=0) == ()
