"""What is fitted, and what the record says of it."""

from dataclasses import replace

import numpy as np
import pytest

from MedDeepDiagnosisLib.fitting import DEFAULT_LEARNERS, fit_model
from MedDeepDiagnosisLib.models.model_card import model_card, score_columns
from MedDeepDiagnosisLib.pathology import RatingWord, Target
from MedDeepRegSegLib.errors import InputError

FAST = {"data_sha256": "0" * 64, "draws": 3, "bootstrap_repeats": 20}


def test_the_first_learner_predicts_and_all_are_scored(pathology, toy_table):
    model, validations = fit_model(toy_table, pathology, learners=("elastic-net", "additive"), **FAST)
    assert [v.name for v in validations] == [
        "measured",
        "all",
        "measured:additive",
        "all:additive",
        "no_information",
        "only_size",
    ]
    assert {fitted.learner for fitted in model.variants.values()} == {"elastic-net"}
    assert model.description.draws == 0
    assert model.description.method("all:additive").binary.auc.value > 0.7
    sets = model.description.variants[1].sets
    assert 0 < sets.present < 1
    with pytest.raises(InputError, match="is unknown"):
        fit_model(toy_table, pathology, learners=("forest",), **FAST)


def test_no_case_is_kept_where_none_shall_be(pathology, toy_table):
    model, _ = fit_model(toy_table, pathology, keep_cases=False, **FAST)
    assert model.known is None
    assert model.description.training.known_cases == 0
    assert "values and outcomes" not in model_card(model.description)
    # No row of the table lies in the weights.
    values = set(np.round(toy_table.values[:, 0], 9))
    for fitted in model.variants.values():
        assert not fitted.background.size
        stored = np.concatenate([array.ravel() for array in fitted.arrays().values()])
        assert len(values & set(np.round(stored, 9))) <= 2  # ends of what is usual, knots
    with pytest.raises(InputError, match="keeps values of cases"):
        fit_model(toy_table, pathology, learners=("elastic-net",), keep_cases=False, **FAST)


@pytest.mark.parametrize("learner", ["additive", "elastic-net"])
def test_a_feature_that_no_case_has_costs_no_cases(pathology, toy_table, learner):
    few = toy_table.rows(np.isin(toy_table.patients, np.unique(toy_table.patients)[:38]))
    with pytest.raises(InputError, match="for 4 features"):
        fit_model(few, pathology, learners=(learner,), **FAST)
    values = few.values.copy()
    values[:, 1:3] = np.nan
    model, _ = fit_model(replace(few, values=values), pathology, learners=(learner,), **FAST)
    assert model.description.method("all").binary.auc.value > 0.6


def test_the_default_has_exact_reasons(toy_model):
    assert DEFAULT_LEARNERS == ("additive",)
    assert toy_model.variants["all"].additive is not None
    assert "restricted cubic splines" in model_card(toy_model.description)
    assert toy_model.description.fairness == ()
    assert "whether it is as good for all is not known" in model_card(toy_model.description)


def test_clinical_features_have_a_baseline_and_groups(pathology, toy_table):
    sex = replace(
        pathology.feature("kind"),
        name="sex",
        title="Sex",
        group="clinical",
        words=(RatingWord(1, "Female"), RatingWord(2, "Male")),
    )
    variant = replace(pathology.variants[1], groups=("measured", "rated", "clinical"))
    changed = replace(pathology, features=(*pathology.features[:3], sex), variants=(variant,))
    table = replace(toy_table, names=("size", "ratio", "edge", "sex"))
    model, validations = fit_model(table, changed, **FAST)
    assert [v.name for v in validations] == ["all", "no_information", "only_clinical", "only_size"]
    assert [group.group for group in model.description.fairness] == ["Female (1)", "Male (2)"]
    card = model_card(model.description)
    assert "| Sex: Female (1) |" in card
    assert "Only clinical features" in card


def test_numbers_are_scored_as_numbers(pathology, toy_table):
    target = Target("height", "Height", reference="Made up.", kind="number", units="mm", minimum=0, maximum=500)
    table = replace(toy_table, target=toy_table.values[:, 0])
    model, validations = fit_model(table, replace(pathology, targets=(target,)), **FAST)
    best, nothing = validations[1], next(v for v in validations if v.name == "no_information")
    assert best.numbers.determination.value > 0.9
    assert nothing.numbers.pearson.value == 0
    assert best.coverage.coverage == pytest.approx(0.9, abs=0.04)
    card = model_card(model.description)
    assert "Pearson R" in score_columns(model.description)
    assert "conformal, from out-of-fold residuals" in card
    with pytest.raises(InputError, match="which is no probability"):
        model.description.scores("all")
    few = table.rows(np.arange(len(table)) < 90)
    with pytest.raises(InputError, match="the table has 30 patients, expected at least 40 for 4 features"):
        fit_model(few, replace(pathology, targets=(target,)), **FAST)
