"""What a model relies on: features that carry the outcome, and not those that do not."""

from dataclasses import replace

import numpy as np
import pytest

from MedDeepDiagnosisLib.models.relied_on import LESION_TITLE, relied_on
from MedDeepDiagnosisLib.models.validation import validate_variants
from MedDeepDiagnosisLib.pathology import Target


@pytest.fixture(scope="module")
def validated(toy_table, pathology):
    return {v.name: v for v in validate_variants(toy_table, pathology, seed=0, bootstrap_repeats=5)}


def test_what_carries_the_outcome_comes_first(validated, toy_table, pathology):
    found = relied_on(validated["all"], toy_table, pathology.features_of("all"), seed=0)
    assert found[0].title == "Size"
    assert [one.drop for one in found] == sorted((one.drop for one in found), reverse=True)
    by_title = {one.title: one for one in found}
    assert by_title["Size"].low > 0.05
    assert by_title["Ratio"].low <= 0 <= by_title["Ratio"].high
    assert {(one.variant, one.score) for one in found} == {("all", "AUC")}
    assert all(one.low <= one.drop <= one.high for one in found)


def test_every_case_is_predicted_by_the_model_that_has_not_seen_its_patient(validated, toy_table, pathology):
    """Without permuting anything, the models of the folds give the out-of-fold predictions."""
    one = validated["all"]
    values = toy_table.select([feature.name for feature in pathology.features_of("all")])
    for fold, model in one.models.items():
        own = one.folds == fold
        np.testing.assert_allclose(model(values[own]), one.probabilities[own], atol=1e-12)
    assert set(one.models) == set(one.folds.tolist())
    assert validated["only_size"].models == {}


def test_numbers_and_images(toy_table, pathology):
    pytest.importorskip("torch")
    target = Target("score", "Score", "", "", "", "Made up.", kind="number", units="", minimum=-90.0, maximum=90.0)
    image = np.random.default_rng(0).normal(size=(len(toy_table), 2))
    table = replace(toy_table, target=10 * image[:, 0], lesion=image).rows(np.arange(0, len(toy_table), 3))
    small = replace(pathology, targets=(target,), variants=pathology.variants[:1])
    validated = validate_variants(table, small, learners=("network",), seed=0, bootstrap_repeats=5)[0]
    found = relied_on(validated, table, small.features_of(validated.name), seed=0)
    assert found[0].title == LESION_TITLE
    assert (found[0].score, found[0].low > 0.3) == ("R", True)
