"""The stroke models that ship."""

import re
import time
from pathlib import Path

import numpy as np
import pytest

from MedDeepDiagnosisLib.fitting import shipped_model_folder
from MedDeepDiagnosisLib.models.metrics import auc, pearson
from MedDeepDiagnosisLib.models.model_card import model_card
from MedDeepDiagnosisLib.models.model_folder import read_model
from MedDeepDiagnosisLib.models.prediction import predict_case
from MedDeepDiagnosisLib.pathology import load_pathology

TARGETS = {"acute_stroke_severity": "nihss", "acute_stroke_outcome": "rankin_above_2"}
FULL = "measured_and_clinical"

LARGE = {
    "lesion_volume_ml": 180,
    "lesion_components": 3,
    "lesion_height_mm": 95,
    "midline_distance_mm": 42,
    "center_anterior_mm": -10,
    "center_superior_mm": 20,
    "left_percent": 100,
    "mca_frontal_extent_mm": 45,
    "mca_parietal_extent_mm": 45,
    "mca_temporal_extent_mm": 40,
    "mca_insula_extent_mm": 28,
    "lenticulostriate_extent_mm": 20,
    "aca_extent_mm": 5,
    "pca_extent_mm": 5,
    "thalamus_extent_mm": 8,
    "basilar_extent_mm": 0,
    "cerebellum_extent_mm": 0,
    "age": 84,
    "sex": "female",
    "prior_stroke": "yes",
    "bmi": 24,
}
SMALL = {
    **LARGE,
    "lesion_volume_ml": 0.6,
    "lesion_components": 1,
    "lesion_height_mm": 9,
    "midline_distance_mm": 20,
    "center_anterior_mm": -65,
    "center_superior_mm": -30,
    "age": 48,
    "prior_stroke": "no",
    **{name: 0 for name in LARGE if name.endswith("_extent_mm")},
    "cerebellum_extent_mm": 10,
}


@pytest.fixture(scope="module")
def models():
    return {name: read_model(shipped_model_folder(name)) for name in TARGETS}


def test_they_were_made_for_the_pathology_that_ships(models):
    for name, target in TARGETS.items():
        assert models[name].pathology == load_pathology("acute_stroke").for_target(target)


def test_they_are_small_and_their_cards_are_theirs(models):
    for name, model in models.items():
        folder = shipped_model_folder(name)
        assert sum(path.stat().st_size for path in folder.iterdir()) < 1_000_000
        card = (folder / "MODEL_CARD.md").read_text(encoding="utf-8")
        assert card == model_card(model.description)
        assert "one comprehensive stroke center" in card
        assert "CC0 1.0" in card


def test_their_scores_reach_the_bars_and_are_above_the_baselines(models):
    severity = {m.name: m.numbers for m in models["acute_stroke_severity"].description.validation}
    assert severity[FULL].pearson.value >= 0.60
    assert severity[FULL].pearson.low > severity["only_lesion_volume_ml"].pearson.value
    outcome = {m.name: m.binary for m in models["acute_stroke_outcome"].description.validation}
    assert outcome[FULL].auc.value >= 0.80
    assert outcome[FULL].auc.low > outcome["only_lesion_volume_ml"].auc.value
    for model in models.values():
        coverage = next(m.coverage.coverage for m in model.description.validation if m.name == FULL)
        assert coverage == pytest.approx(0.9, abs=0.02)


def test_the_figures_of_the_documentation_are_those_of_the_cards():
    """Docs/Stroke.md rounds what the cards say; a model that is made again changes both."""
    docs = (Path(__file__).parents[4] / "Docs" / "Stroke.md").read_text(encoding="utf-8")
    both = "Measured on the infarct, and age, sex and history: "
    lines = {
        "**mean of four learners (ships)**": f"{both}mean of the learners",
        "additive model": f"{both}additive model",
        "elastic net": f"{both}elastic net",
        "support vector machine": f"{both}support vector machine",
        "gradient boosting": f"{both}gradient boosting",
        "mean, lesion alone": "Measured on the infarct: mean of the learners",
        "only lesion volume": "Only lesion volume",
        "only age, sex, history": "Only clinical features",
    }
    for name, title, digits in (
        ("acute_stroke_severity", "NIH Stroke Scale, 669 patients:", 1),
        ("acute_stroke_outcome", "Rankin above 2 at discharge, 447 patients", 3),
    ):
        card = table_of((shipped_model_folder(name) / "MODEL_CARD.md").read_text(encoding="utf-8"))
        told = table_of(docs[docs.index(title) :])
        for line, row in lines.items():
            first, second = (numbers(card[row][column]) for column in (0, 1))
            assert numbers(told[line][0]) == pytest.approx(first, abs=1e-9), (name, line)
            assert numbers(told[line][2]) == pytest.approx([round(x, digits) for x in second], abs=1e-9), (name, line)
        coverage, last = (float(cell) for cell in card[lines["**mean of four learners (ships)**"]][-2:])
        assert f"{100 * coverage:.1f} % ({'scale' if digits == 1 else 'outcome'};" in docs
        # The last column is the width of the intervals, or how often the model abstains.
        assert (f"{last:.0f} points wide" if digits == 1 else f"for {100 * last:.0f} % of the patients") in docs


def table_of(text):
    """Return the cells of the table lines of a text by their first cell; the first line of each name counts."""
    found = {}
    for line in text.splitlines():
        if line.startswith("|"):
            name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
            found.setdefault(name, cells)
    return found


def numbers(cell):
    return [float(number) for number in re.findall(r"-?\d*\.\d+", cell)]


def test_a_large_infarct_is_worse_than_a_small_one(models):
    predicted = {}
    for name, model in models.items():
        start = time.perf_counter()
        large = predict_case(model, model.pathology.parse_values(LARGE))
        assert time.perf_counter() - start < 5
        small = predict_case(model, model.pathology.parse_values(SMALL))
        numbers = model.pathology.target.kind == "number"
        predicted[name] = tuple(p.value if numbers else p.probability for p in (small, large))
    assert predicted["acute_stroke_severity"][0] < 4
    assert 12 < predicted["acute_stroke_severity"][1] < 30
    assert predicted["acute_stroke_outcome"][0] < 0.3
    assert predicted["acute_stroke_outcome"][1] > 0.8


def test_they_do_without_clinical_values(models):
    for model in models.values():
        lesion = {name: value for name, value in LARGE.items() if name not in ("age", "sex", "prior_stroke", "bmi")}
        prediction = predict_case(model, model.pathology.parse_values(lesion))
        assert prediction.variant == "measured"


@pytest.mark.slow
def test_they_predict_the_patients_of_the_data(models, shared_data):
    """On patients learned from, so better than the honest scores: it shows that features and models fit together."""
    import SimpleITK as sitk

    from MedDeepDiagnosisLib.stroke.atlas import atlas_load
    from MedDeepDiagnosisLib.stroke.measuring import lesion_measurements
    from MedDeepDiagnosisLib.stroke.soop import read_participants

    folder = shared_data / "13_soop_stroke_image_tabular"
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent")
    atlas = sitk.ReadImage(str(folder / "ArterialAtlas136.nii.gz"))
    people = read_participants(folder / "participants.tsv")
    rows = []
    for case, person in people.items():
        path = folder / "NIfTI" / f"bwsr{case}_lesion.nii.gz"
        if person["rankin"] is not None and path.is_file() and len(rows) < 40:
            rows.append({**person, **lesion_measurements(atlas_load(sitk.ReadImage(str(path)), atlas))})
    predicted = {}
    for name, model in models.items():
        features = model.pathology.features_of(FULL)
        values = [[model.pathology.parse_values(row)[feature.name] for feature in features] for row in rows]
        predicted[name] = model.variants[FULL].predict(np.array(values))
    severity = np.array([row["nihss"] for row in rows])
    outcome = np.array([row["rankin_above_2"] for row in rows])
    assert pearson(severity, predicted["acute_stroke_severity"]) > 0.6
    assert auc(outcome, predicted["acute_stroke_outcome"]) > 0.8
