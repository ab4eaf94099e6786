"""The lung nodule model that ships."""

import pytest

from MedDeepDiagnosisLib.fitting import shipped_model_folder
from MedDeepDiagnosisLib.models.model_card import model_card
from MedDeepDiagnosisLib.models.model_folder import read_model
from MedDeepDiagnosisLib.models.prediction import predict_case
from MedDeepDiagnosisLib.pathology import load_pathology

LARGE = {
    "equivalent_diameter_mm": 20,
    "longest_diameter_mm": 26,
    "perpendicular_diameter_mm": 19,
    "largest_diameter_mm": 29,
    "height_mm": 22,
    "measured_sphericity": 0.7,
}
SMALL = {
    "equivalent_diameter_mm": 5,
    "longest_diameter_mm": 6,
    "perpendicular_diameter_mm": 5,
    "largest_diameter_mm": 6.5,
    "height_mm": 5,
    "measured_sphericity": 0.95,
}
SUSPICIOUS = {
    "spiculation": "Marked",
    "lobulation": "Medium",
    "calcification": "Absent",
    "texture": "Solid",
    "margin": 3,
}
HARMLESS = {
    "spiculation": "None",
    "lobulation": "None",
    "calcification": "Solid",
    "texture": "Solid",
    "margin": "Sharp",
}


@pytest.fixture(scope="module")
def model():
    return read_model(shipped_model_folder("lung_nodule"))


def test_it_was_made_for_the_pathology_that_ships(model):
    assert model.pathology == load_pathology("lung_nodule")


def test_its_card_is_that_of_the_model(model):
    card = (shipped_model_folder("lung_nodule") / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert card == model_card(model.description)
    assert "not pathology" in card


def test_its_scores_are_above_its_baselines(model):
    scores = model.description.scores
    assert scores("measured_and_rated").auc.value >= 0.95
    assert scores("measured_and_rated").brier.value <= 0.085
    assert scores("measured_and_rated").auc.value > scores("measured_and_rated:additive").auc.value
    assert scores("measured").auc.value > 0.86
    assert scores("measured").auc.low > scores("only_equivalent_diameter_mm").auc.value
    assert scores("measured_and_rated").expected_calibration_error < 0.02


def test_its_sets_hold_the_truth_as_often_as_asked(model):
    for variant in model.pathology.variants:
        coverage = model.description.method(variant.name).coverage
        for rate in (coverage.coverage, coverage.coverage_present, coverage.coverage_absent):
            assert rate == pytest.approx(coverage.level, abs=0.02)


def test_it_learned_from_patients_that_may_be_learned_from(model):
    training = model.description.training
    assert (training.cases, training.patients, training.positive_cases) == (3418, 660, 1372)
    assert "LIDC-IDRI-0800" in training.notes[0]
    assert training.excluded_patients == ()


def test_plain_cases_are_told_apart(model):
    suspicious = predict_case(model, {**LARGE, **SUSPICIOUS})
    harmless = predict_case(model, {**SMALL, **HARMLESS})
    assert suspicious.probability > 0.9
    assert harmless.probability < 0.05
    assert not suspicious.abstains
    assert not harmless.abstains
    assert predict_case(model, LARGE).probability > 0.6 > predict_case(model, SMALL).probability


def test_calcification_lowers_and_spiculation_raises(model):
    def probability(**change):
        return predict_case(model, {**LARGE, **SUSPICIOUS, **change}).probability

    assert probability(calcification="Solid") < probability()
    assert probability(spiculation="None") < probability()


def test_mass_beyond_the_training_data_is_not_assessed(model):
    prediction = predict_case(model, {**LARGE, **SUSPICIOUS, "equivalent_diameter_mm": 70})
    assert prediction.abstains
    assert "outside of 99 %" in prediction.abstention_reasons[0]


def test_usual_sizes_in_an_unusual_ratio_are_not_assessed(model):
    prediction = predict_case(model, {"equivalent_diameter_mm": 5, "longest_diameter_mm": 40})
    assert prediction.abstains
    assert "is 8.00 times the equivalent diameter, which lies outside" in prediction.abstention_reasons[0]
    assert not predict_case(model, {"equivalent_diameter_mm": 25, "longest_diameter_mm": 40}).abstains


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"longest_diameter_mm": 31}, "Longest diameter in a slice of 31 mm is above Largest diameter in 3D of 29 mm"),
        ({"perpendicular_diameter_mm": 28}, "Perpendicular diameter of 28 mm is above Longest diameter in a slice"),
        ({"height_mm": 32}, "Height of 32 mm is above Largest diameter in 3D"),
        ({"largest_diameter_mm": 18, "longest_diameter_mm": 18}, "Equivalent diameter of 20 mm is above"),
    ],
)
def test_sizes_that_no_nodule_has_are_not_assessed(model, change, reason):
    prediction = predict_case(model, {**LARGE, **change})
    assert any(reason in text for text in prediction.abstention_reasons)
