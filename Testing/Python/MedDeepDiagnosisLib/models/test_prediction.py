"""Assessing one case."""

from dataclasses import replace

import numpy as np
import pytest

from MedDeepDiagnosisLib.fitting import fit_model
from MedDeepDiagnosisLib.models.metrics import log_odds
from MedDeepDiagnosisLib.models.prediction import choose_variant, predict_case
from MedDeepDiagnosisLib.pathology import Target
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.schema import from_json, to_json

CASE = {"size": 8, "ratio": 0.2, "edge": "Blurred", "kind": 1}


def test_reasons_sum_to_the_probability(toy_model):
    prediction = predict_case(toy_model, CASE, case="lesion 1")
    total = log_odds(np.array(prediction.mean_case_probability)) + sum(c.log_odds for c in prediction.contributions)
    assert total == pytest.approx(log_odds(np.array(prediction.probability)), abs=1e-6)
    sizes = [abs(part.log_odds) for part in prediction.contributions]
    assert sizes == sorted(sizes, reverse=True)
    edge = next(part for part in prediction.contributions if part.feature == "edge")
    assert edge.value == "Blurred (3)"
    assert edge.log_odds > 0
    assert edge.odds_factor == pytest.approx(np.exp(edge.log_odds))


def test_relative_values_are_shown_with_their_ratio(pathology, toy_table):
    size = pathology.features[0]
    length = replace(size, name="length", title="Length", required=False, relative_to="size")
    related = replace(pathology, features=(*pathology.features, length))
    values = np.column_stack([toy_table.values, toy_table.values[:, 0] * 1.5])
    table = replace(toy_table, names=(*toy_table.names, "length"), values=values)
    model, _ = fit_model(table, related, data_sha256="0" * 64, draws=5, bootstrap_repeats=5)
    prediction = predict_case(model, {**CASE, "length": 10})
    shown = next(part.value for part in prediction.contributions if part.feature == "length")
    assert shown == "10 mm, 1.25 × size"


def test_unusual_ratios_of_usual_values_abstain(pathology, toy_table):
    size = pathology.features[0]
    length = replace(size, name="length", title="Length", required=False, relative_to="size")
    related = replace(pathology, features=(*pathology.features, length))
    ratio = 1.5 * np.exp(np.random.default_rng(1).normal(0, 0.1, len(toy_table)))
    values = np.column_stack([toy_table.values, toy_table.values[:, 0] * ratio])
    table = replace(toy_table, names=(*toy_table.names, "length"), values=values)
    model, _ = fit_model(table, related, data_sha256="0" * 64, draws=20, bootstrap_repeats=5)
    small, large = np.percentile(table.values[:, 0], [20, 80])
    for usual in (small, large):
        reasons = predict_case(model, {**CASE, "size": usual, "length": 1.5 * usual}).abstention_reasons
        assert not any("lies outside" in reason for reason in reasons)
    crossed = predict_case(model, {**CASE, "size": small, "length": 1.5 * large})
    assert crossed.abstains
    (reason,) = [text for text in crossed.abstention_reasons if text.startswith("length")]
    assert f"is {1.5 * large / small:.2f} times the size, which lies outside of 99 % of the training cases" in reason


def test_values_that_no_shape_has_abstain(pathology, toy_table):
    size = pathology.features[0]
    length = replace(size, name="length", title="Length", required=False)
    bounded = replace(size, never_above="length")
    related = replace(pathology, features=(bounded, *pathology.features[1:], length))
    table = replace(
        toy_table,
        names=(*toy_table.names, "length"),
        values=np.column_stack([toy_table.values, toy_table.values[:, 0]]),
    )
    model, _ = fit_model(table, related, data_sha256="0" * 64, draws=20, bootstrap_repeats=5)
    assert not predict_case(model, {**CASE, "size": 8, "length": 7.9}).abstains, "voxels round"
    assert not predict_case(model, {**CASE, "size": 8}).abstains
    prediction = predict_case(model, {**CASE, "size": 8, "length": 7})
    assert prediction.abstention_reasons == ("Size of 8 mm is above Length of 7 mm, which no shape allows: check both",)


def test_usual_case_is_assessed_with_an_interval(toy_model):
    prediction = predict_case(toy_model, CASE)
    assert prediction.low < prediction.probability < prediction.high
    assert not prediction.abstains
    assert prediction.statement == "Decision support for research; not a diagnosis."
    assert prediction.model_weights_sha256 == toy_model.description.weights_sha256
    assert from_json(type(prediction), to_json(prediction)) == prediction


def test_size_beyond_the_training_data_abstains_with_the_reason(toy_model):
    prediction = predict_case(toy_model, {**CASE, "size": 190})
    assert prediction.abstains
    assert any("size of 190 mm lies outside of 99 %" in reason for reason in prediction.abstention_reasons)


def test_wide_interval_abstains(toy_model):
    fitted = toy_model.variants["all"]
    additive = fitted.additive
    shaky = replace(additive, draw_intercepts=np.linspace(-4, 4, len(additive.draw_intercepts)))
    shaky = replace(fitted, predictor=replace(fitted.predictor, scorer=shaky))
    prediction = predict_case(replace(toy_model, variants={**toy_model.variants, "all": shaky}), CASE)
    assert prediction.abstains
    assert any("is wider than 40 %" in reason for reason in prediction.abstention_reasons)


def test_without_signs_the_measured_model_is_used(toy_model):
    prediction = predict_case(toy_model, {"size": 8, "ratio": 0})
    assert prediction.variant == "measured"
    assert "too few signs" in prediction.variant_reason
    assert {part.feature for part in prediction.contributions} == {"size", "ratio"}


def test_half_of_the_signs_are_enough_and_missing_ones_are_named(toy_model):
    prediction = predict_case(toy_model, {"size": 8, "ratio": 0, "edge": 2})
    assert prediction.variant == "all"
    assert any("kind" in caution for caution in prediction.cautions)
    kind = next(part for part in prediction.contributions if part.feature == "kind")
    assert (kind.given, kind.log_odds, kind.value) == (False, 0.0, "not given")


def test_variant_can_be_chosen(toy_model, pathology):
    assert predict_case(toy_model, CASE, variant="measured").variant == "measured"
    with pytest.raises(InputError, match="expected one of measured, all"):
        predict_case(toy_model, CASE, variant="best")
    only = replace(pathology, variants=pathology.variants[1:])
    values = only.parse_values({"size": 5})
    assert choose_variant(only, values)[0] == "all"


@pytest.mark.parametrize("change", [{"size": -1}, {"size": "big"}, {"edge": 9}, {"size": None}, {"ratio": 1e12}])
def test_bad_values_are_refused(toy_model, change):
    with pytest.raises(InputError, match=next(iter(change))):
        predict_case(toy_model, {**CASE, **change})


def test_a_case_that_the_set_does_not_settle_abstains(toy_model):
    open_case = predict_case(toy_model, {"size": 7.4, "ratio": 0, "edge": 1, "kind": 1})
    assert open_case.conformal_set == ("present", "absent")
    assert open_case.abstains
    assert any(
        "neither present nor absent can be ruled out, if that is to be right in 90 %" in reason
        for reason in open_case.abstention_reasons
    )
    clear = predict_case(toy_model, {"size": 25, "ratio": 0, "edge": 3, "kind": 1})
    assert clear.conformal_set == ("present",)
    assert predict_case(toy_model, {"size": 2.5, "ratio": 0, "edge": 1, "kind": 2}).conformal_set == ("absent",)
    assert clear.conformal_level == 0.9


def test_a_set_that_holds_nothing_abstains(toy_model):
    fitted = toy_model.variants["all"]
    narrow = replace(fitted.record, sets=replace(fitted.record.sets, present=0.0, absent=0.0))
    changed = replace(toy_model, variants={**toy_model.variants, "all": replace(fitted, record=narrow)})
    prediction = predict_case(changed, CASE)
    assert prediction.conformal_set == ()
    assert any("neither present nor absent fits" in reason for reason in prediction.abstention_reasons)


def test_other_learners_give_shapley_values_that_sum_up(pathology, toy_table):
    model, _ = fit_model(toy_table, pathology, data_sha256="0" * 64, learners=("elastic-net",), bootstrap_repeats=5)
    prediction = predict_case(model, CASE)
    assert prediction.learner == "elastic-net"
    assert not prediction.contributions_exact
    total = log_odds(np.array(prediction.mean_case_probability)) + sum(c.log_odds for c in prediction.contributions)
    assert total == pytest.approx(log_odds(np.array(prediction.probability)), abs=1e-4)
    assert prediction.low <= prediction.probability <= prediction.high
    assert "like prediction" in prediction.interval_text


def test_a_number_has_an_interval_and_no_probability(pathology, toy_table):
    target = Target("height", "Height", reference="Made up.", kind="number", units="mm", minimum=0, maximum=60)
    tall = replace(toy_table, target=np.clip(toy_table.values[:, 0] + 2 * toy_table.values[:, 2].round(), 0, 60))
    tall = tall.rows(~np.isnan(tall.target))
    model, validations = fit_model(
        tall, replace(pathology, targets=(target,)), data_sha256="0" * 64, draws=5, bootstrap_repeats=5
    )
    prediction = predict_case(model, CASE)
    assert prediction.probability is None
    assert prediction.conformal_set == ()
    assert prediction.low < prediction.value < prediction.high
    assert prediction.value == pytest.approx(8 + 2 * 3, abs=2.5)
    total = prediction.mean_case_value + sum(part.log_odds for part in prediction.contributions)
    assert total == pytest.approx(prediction.value)
    assert next(v for v in validations if v.name == "all").numbers.pearson.value > 0.9
    assert from_json(type(prediction), to_json(prediction)) == prediction
