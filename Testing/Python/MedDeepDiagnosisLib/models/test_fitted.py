"""The model of one variant survives as arrays, whatever is inside."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from MedDeepDiagnosisLib.fitting import fit_model
from MedDeepDiagnosisLib.learning import selecting
from MedDeepDiagnosisLib.learning.elastic_net import SETTINGS as NET
from MedDeepDiagnosisLib.learning.learners import LEARNERS
from MedDeepDiagnosisLib.learning.predictors import PredictorRecord
from MedDeepDiagnosisLib.learning.sample import sample_of, task_of
from MedDeepDiagnosisLib.learning.stored import StoredArrays
from MedDeepDiagnosisLib.learning.svm import SETTINGS as SVM
from MedDeepDiagnosisLib.models.fitted import fitted_from_arrays
from MedDeepDiagnosisLib.models.metrics import log_odds, probability_of
from MedDeepDiagnosisLib.models.model_card import model_card
from MedDeepDiagnosisLib.models.model_folder import read_model, write_model
from MedDeepDiagnosisLib.models.prediction import predict_case
from MedDeepDiagnosisLib.pathology import RatingWord, Target
from MedDeepRegSegLib.errors import InputError

ORDINAL = Target(
    "grade",
    "Grade",
    reference="Made up.",
    kind="ordinal",
    words=tuple(RatingWord(step, f"G{step}") for step in range(3)),
)


@pytest.fixture(scope="module")
def small(pathology, toy_table):
    """One variant and half of the patients: enough for what is tested here."""
    one = replace(pathology, variants=pathology.variants[1:])
    return one, toy_table.rows(np.arange(len(toy_table)) < 300)


@pytest.mark.parametrize("learners", [("boosting",), ("mean", "svm", "elastic-net")])
def test_any_learner_survives_the_folder(small, learners, tmp_path, monkeypatch):
    pytest.importorskip("sklearn")
    few = {"boosting": {"trees": 10.0, "leaves": 4.0}, "svm": SVM[1], "elastic-net": NET[13]}
    for name, setting in few.items():
        monkeypatch.setitem(selecting.LEARNERS, name, replace(LEARNERS[name], settings=(setting,)))
    pathology, table = small
    model, _ = fit_model(table, pathology, data_sha256="0" * 64, learners=learners, bootstrap_repeats=5)
    write_model(model, "card", tmp_path / "model")
    fitted, back = model.variants["all"], read_model(tmp_path / "model").variants["all"]
    assert back.learner == learners[0]
    assert np.array_equal(back.predict(table.values), fitted.predict(table.values))
    assert np.array_equal(back.background, fitted.background, equal_nan=True)
    assert len(fitted.background) == 64
    assert back.record == fitted.record
    assert back.additive is None


def test_steps_of_a_scale_survive_the_folder(small, tmp_path):
    pathology, table = small
    grade = np.clip(np.floor(np.log(table.values[:, 0]) - 0.5), 0, 2)
    model, validations = fit_model(
        replace(table, target=grade),
        replace(pathology, targets=(ORDINAL,)),
        data_sha256="0" * 64,
        bootstrap_repeats=5,
    )
    write_model(model, "card", tmp_path / "model")
    fitted, back = model.variants["all"], read_model(tmp_path / "model").variants["all"]
    assert np.array_equal(back.predict(table.values), fitted.predict(table.values))
    assert validations[0].numbers.pearson.value > 0.8
    assert validations[0].coverage.coverage == pytest.approx(0.9, abs=0.05)
    assert model.description.training.positive_cases == 0


def test_arrays_of_other_features_are_refused(small, toy_model):
    fitted = toy_model.variants["all"]
    with pytest.raises(InputError, match="get the model again"):
        fitted_from_arrays(fitted.record, fitted.features[:2], fitted.target, StoredArrays(fitted.arrays()))


def test_what_a_prediction_needs_must_be_there(toy_model, small):
    fitted = toy_model.variants["all"]
    bare = replace(fitted.record, sets=None)
    with pytest.raises(InputError, match="lacks the conformal thresholds of all"):
        fitted_from_arrays(bare, fitted.features, fitted.target, StoredArrays(fitted.arrays()))
    _, table = small
    sample = sample_of(fitted.features, table.values, table.target, table.patients)
    predictor = selecting.fit_predictor("elastic-net", sample, task_of(fitted.target), seed=0)
    other = replace(
        fitted,
        predictor=predictor,
        record=replace(fitted.record, predictor=predictor.record),
        background=table.values[:9],
    )
    back = fitted_from_arrays(other.record, other.features, other.target, StoredArrays(other.arrays()))
    assert np.array_equal(back.background, table.values[:9], equal_nan=True)
    arrays = {name: array for name, array in other.arrays().items() if not name.startswith("background")}
    with pytest.raises(InputError, match="lack the cases that all is compared with"):
        fitted_from_arrays(other.record, other.features, other.target, StoredArrays(arrays))


@dataclass(frozen=True)
class Seeing:
    """A predictor that has the first feature of the lesion's image alone in its log-odds, if it is given."""

    def predict(self, values):
        return probability_of(np.nan_to_num(values[:, 4]) + 0.1 * values[:, 1])


def test_reasons_of_a_model_that_sees_the_image_sum_up_to_what_it_predicts(toy_model):
    fitted = toy_model.variants["all"]
    seeing = replace(
        fitted,
        predictor=Seeing(),
        record=replace(fitted.record, lesion_features=1),
        band=np.array([[0.0, 0.0, 0.1], [1.0, 0.9, 1.0]]),
        background=np.array([[5.0, -1, 1, 1], [9.0, 1, 2, 2]]),
    )
    model = replace(toy_model, variants={**toy_model.variants, "all": seeing})
    case = {"size": 8.0, "ratio": 0.5, "edge": 2, "kind": 1, "lesion_0": "2"}
    found = predict_case(model, case, variant="all")
    assert found.probability == pytest.approx(probability_of(np.array(2.05)))
    total = log_odds(np.array(found.mean_case_probability)) + sum(part.log_odds for part in found.contributions)
    assert total == pytest.approx(2.05)
    del case["lesion_0"]
    assert predict_case(model, case, variant="all").probability == pytest.approx(probability_of(np.array(0.05)))
    with pytest.raises(InputError, match="expected 1: use the encoder"):
        predict_case(model, {**case, "lesion_0": 1, "lesion_1": 2}, variant="all")


@pytest.mark.parametrize(
    ("learners", "said"),
    [(("additive",), ()), (("boosting",), ("some cases",)), (("mean", "svm"), ("support vectors",))],
)
def test_the_card_says_what_the_weights_keep_of_cases(toy_model, learners, said):
    records = tuple(PredictorRecord(name, {}, "none") for name in learners)
    predictor = records[0] if len(records) == 1 else replace(records[0], members=records[1:])
    variants = tuple(replace(record, predictor=predictor) for record in toy_model.description.variants)
    card = model_card(replace(toy_model.description, variants=variants))
    assert ("an additive model that was fitted without cases" in " ".join(card.split())) == bool(said)
    assert all(text in card for text in said)
