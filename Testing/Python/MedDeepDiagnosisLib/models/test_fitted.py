"""The model of one variant survives as arrays, whatever is inside."""

from dataclasses import replace

import numpy as np
import pytest

from MedDeepDiagnosisLib.fitting import fit_model
from MedDeepDiagnosisLib.learning import selecting
from MedDeepDiagnosisLib.learning.elastic_net import SETTINGS as NET
from MedDeepDiagnosisLib.learning.learners import LEARNERS
from MedDeepDiagnosisLib.learning.stored import StoredArrays
from MedDeepDiagnosisLib.learning.svm import SETTINGS as SVM
from MedDeepDiagnosisLib.models.fitted import fitted_from_arrays
from MedDeepDiagnosisLib.models.model_folder import read_model, write_model
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
