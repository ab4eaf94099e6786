"""One case through measuring, predicting, guidelines and reasons. Jobs and files are tested in test_diagnose_job.py."""

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepDiagnosisLib.assessing import assess, guideline_lines, summary_lines
from MedDeepDiagnosisLib.fitting import shipped_model_folder
from MedDeepDiagnosisLib.lesion import Lesion
from MedDeepDiagnosisLib.models.model_folder import read_model
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.segmentation.segments import Segment

NODULE = {"equivalent_diameter_mm": "12", "longest_diameter_mm": "14", "perpendicular_diameter_mm": "11"}
SIGNS = {"margin": "4", "spiculation": "2", "lobulation": "2", "texture": "5", "subtlety": "5", "sphericity": "4"}
PERSON = {
    "age": "61",
    "known_cancer": "no",
    "immunosuppressed": "no",
    "screening": "no",
    "lung_cancer_risk": "high",
    "nodule_count": "single",
    "benign_pattern": "no",
}


@pytest.fixture(scope="module")
def nodule_model():
    return read_model(shipped_model_folder("lung_nodule"))


def section_titles(assessed):
    return [section.title for section in assessed.sections]


def test_model_guidelines_and_reasons_stand_beside_each_other(nodule_model):
    assessed = assess(nodule_model, NODULE | SIGNS | PERSON)
    shown = section_titles(assessed)
    for title in (
        "Assessment: lung nodule suspicion",
        "What went in",
        "Are the reasons faithful?",
        "Most alike known cases",
        "What would have to differ for the model to say otherwise",
        "Limits",
    ):
        assert title in shown
    fleischner = next(title for title in shown if title.startswith("Guideline: Fleischner"))
    assert shown.index(fleischner) > shown.index("What went in")
    faithful = next(section for section in assessed.sections if section.title == "Are the reasons faithful?")
    assert faithful.paragraphs[0].startswith("Checked: ")
    assert "Guidelines to read beside it" not in shown  # all are applied
    assert assessed.guidelines[0].outcome.title.startswith("Fleischner Society 2017")
    assert not any("did not count" in caution for caution in assessed.prediction.cautions)


def test_a_guideline_asks_for_what_it_lacks_and_refuses_what_it_is_not_for(nodule_model):
    without = assess(nodule_model, NODULE | SIGNS)
    assert without.guidelines[0].outcome.status == "incomplete"
    assert any(line.startswith("Missing for it: ") for line in guideline_lines(without.guidelines))
    young = assess(nodule_model, NODULE | SIGNS | PERSON | {"age": "30"})
    assert young.guidelines[0].outcome.status == "refused"
    assert any("does not apply" in line for line in guideline_lines(young.guidelines))


def test_faults_of_facts_name_them(nodule_model):
    with pytest.raises(InputError, match="age"):
        assess(nodule_model, NODULE | PERSON | {"age": "old"})


def test_a_misspelled_column_is_pointed_out(nodule_model):
    assessed = assess(nodule_model, NODULE | {"spikulation": "4", "Remarks": "none"})
    lines = summary_lines(assessed.prediction)
    assert any("no features: spikulation (did you mean spiculation?), Remarks" in line for line in lines)


def test_signs_that_did_not_count_are_named(nodule_model):
    assessed = assess(nodule_model, NODULE | {"spiculation": "5", "lobulation": "5"})
    lines = summary_lines(assessed.prediction)
    assert any("Given, but without effect on the model: lobulation, spiculation. " in line for line in lines)
    assert any(line.startswith("Model: measured size and shape, because") for line in lines)


def test_what_is_missing_is_named_as_its_column(nodule_model):
    """The title of the sign "sphericity" is roundness."""
    prediction = assess(nodule_model, NODULE | SIGNS | {"sphericity": ""}).prediction
    (caution,) = [caution for caution in prediction.cautions if caution.startswith("Not given")]
    assert "roundness (column sphericity)" in caution
    assert "internal structure" in caution
    assert "column internal" not in caution


def test_directions_are_no_rules_where_readers_rated(nodule_model):
    prediction = assess(nodule_model, NODULE | SIGNS).prediction
    assert any("habits of those who rated them" in line for line in summary_lines(prediction, rated=True))
    assert not any("habits" in line for line in summary_lines(prediction))


def test_a_number_is_no_opinion_on_a_guideline():
    model = read_model(shipped_model_folder("acute_stroke_severity"))
    assessed = assess(model, {"lesion_volume_ml": "30", "age": "71", "sex": "1"})
    assert assessed.prediction.probability is None
    assert assessed.prediction.value == pytest.approx(assessed.prediction.value)
    assert all(not result.conflicts for result in assessed.guidelines)
    asked = {fact.name for result in assessed.guidelines for fact in result.outcome.missing}
    assert "nihss" in asked  # the predicted scale is no examination


def test_what_the_table_says_is_not_known_is_measured(nodule_model):
    zyx = np.indices((24, 24, 24)) - 12
    labels = sitk.GetImageFromArray(((zyx**2).sum(axis=0) <= 36).astype(np.uint8))
    lesion = Lesion(labels, Segment(1, "Nodule", (1.0, 0.0, 0.0)))
    assessed = assess(nodule_model, {"equivalent_diameter_mm": "n/a", "longest_diameter_mm": "unknown"}, lesion=lesion)
    assert assessed.values["equivalent_diameter_mm"] == pytest.approx(12, rel=0.05)
    assert {"equivalent_diameter_mm", "longest_diameter_mm"} <= assessed.sources.keys()
    assert not any("the table says" in caution for caution in assessed.prediction.cautions)


def test_a_misspelled_measurement_of_a_lesion_is_no_feature_of_its_image():
    model = read_model(shipped_model_folder("acute_stroke_severity"))
    assessed = assess(model, {"lesion_volume_ml": "30", "lesion_volum": "31", "lesion_0": "1"})
    assert any(
        "no features: lesion_volum (did you mean lesion_volume_ml?)" in line
        for line in summary_lines(assessed.prediction)
    )


def test_no_reasons_are_given_for_what_is_no_assessment(nodule_model):
    beyond = assess(nodule_model, NODULE | SIGNS | {"equivalent_diameter_mm": "45"})
    assert beyond.prediction.abstains
    assert "What would have to differ for the model to say otherwise" not in section_titles(beyond)
    assert not any(line.startswith("Why: ") for line in summary_lines(beyond.prediction))
    settled = assess(nodule_model, NODULE | SIGNS).prediction
    assert any(line.startswith("Why: ") for line in summary_lines(settled))
