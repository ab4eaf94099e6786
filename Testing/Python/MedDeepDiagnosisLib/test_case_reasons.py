"""The reasons of a report: from the cases that a model learned from, and from nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from MedDeepDiagnosisLib.case_reasons import reason_sections
from MedDeepDiagnosisLib.fitting import fit_model
from MedDeepDiagnosisLib.models.prediction import predict_case
from MedDeepDiagnosisLib.pathology import Target

CASE = {"size": 20.0, "ratio": 0.2, "edge": 3, "kind": 1}


def titles(sections):
    return [section.title for section in sections]


def test_a_case_is_compared_with_those_learned_from(toy_model):
    prediction = predict_case(toy_model, CASE)
    (faithful, nearest, other), notes = reason_sections(toy_model, prediction, CASE)
    assert notes == ()
    assert faithful.title == "Are the reasons faithful?"
    falls = next(fact for fact in faithful.facts if fact.label == "Without the part that raises it most")
    assert float(falls.value.split()[0]) < 100 * prediction.probability
    assert nearest.title == "Most alike known cases"
    assert len(nearest.rows) == 5
    assert {row[1] for row in nearest.rows} <= {"present", "absent"}
    assert prediction.probability > 0.5
    assert other.title == "What would have to differ for the model to say otherwise"
    assert "below 50 %" in other.text


def test_what_speaks_against_the_figure_is_said_beside_it(toy_model, toy_table):
    own = dict(zip(toy_table.names, toy_table.values[0], strict=True))
    _, (same,) = reason_sections(toy_model, predict_case(toy_model, own), own)
    assert "may be this case" in same
    strange = CASE | {"size": 190.0, "ratio": 9.0}
    _, (far,) = reason_sections(toy_model, predict_case(toy_model, strange), strange)
    assert "No known case is very like this one (distance" in far


def test_no_name_of_a_patient_is_kept(toy_model, toy_table):
    assert set(toy_model.known.patients).isdisjoint(toy_table.patients)
    assert toy_model.known.cases.tolist() == [str(number) for number in range(len(toy_table))]
    assert toy_model.description.training.known_cases == len(toy_model.known) == len(toy_table)


def test_a_model_without_cases_gives_exact_parts_alone(toy_model):
    alone = replace(toy_model, known=None)
    assert reason_sections(alone, predict_case(alone, CASE), CASE) == ((), ())


def test_a_case_without_any_value_has_no_reasons(pathology, toy_table):
    size = replace(pathology.features[0], required=False)
    optional = replace(pathology, features=(size, *pathology.features[1:]))
    model = fit_model(toy_table, optional, data_sha256="0" * 64, draws=2, bootstrap_repeats=2)[0]
    assert reason_sections(model, predict_case(model, {}), {}) == ((), ())


@pytest.mark.parametrize("learners", [("additive",), ("elastic-net",)])
def test_a_number_has_no_counterfactual(pathology, toy_table, learners):
    target = Target("score", "Score", "", "", "", "Made up.", kind="number", units="points", minimum=0.0, maximum=50.0)
    score = np.clip(5 * np.log(toy_table.select(["size"])[:, 0]) + toy_table.target, 0, 50)
    model = fit_model(
        replace(toy_table, target=score),
        replace(pathology, targets=(target,)),
        data_sha256="0" * 64,
        learners=learners,
        draws=2,
        bootstrap_repeats=2,
    )[0]
    sections, _ = reason_sections(model, predict_case(model, CASE), CASE)
    assert titles(sections) == ["Are the reasons faithful?", "Most alike known cases"]
    assert all("points" in row[1] for row in sections[1].rows)
