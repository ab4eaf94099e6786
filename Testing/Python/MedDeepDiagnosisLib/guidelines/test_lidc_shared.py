"""Fleischner 2017 on the real readings of radiologists, where their table is at hand."""

import csv
from collections import Counter

import pytest

from MedDeepDiagnosisLib.guidelines.applying import apply_rules
from MedDeepDiagnosisLib.guidelines.case_facts import facts_from
from MedDeepDiagnosisLib.guidelines.reading import load_rules
from MedDeepDiagnosisLib.pathology import load_pathology

# Nothing is known of the people of LIDC, so a person whom the guideline is for is put in.
PERSON = {
    "age_years": 60, "known_cancer": "no", "immunosuppressed": "no", "screening_ct": "no", "nodule_count": "single",
    "lung_cancer_risk": "high", "size_by": "volume", "solid_component_mm": 4, "suspicious_solid_part": "no",
}  # fmt: skip


def test_every_reading_gets_one_row_or_a_reason_for_none(shared_data):
    path = shared_data / "14_lidc_chest_ct_nodules" / "lidc_annotations_train.csv"
    if not path.is_file():
        pytest.skip(f"{path.name} is absent")
    rules, nodule = load_rules("fleischner_2017"), load_pathology("lung_nodule")
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))[::15]
    signs = {feature.name for feature in nodule.features if feature.group == "rated"}
    found = Counter()
    for row in rows:
        values = {name: value for name, value in row.items() if name in signs}
        values["equivalent_diameter_mm"] = row["equiv_sphere_diameter_mm"]
        if values["internal_structure"] == "5":  # not on the scale that the readers were given
            values["internal_structure"] = ""
        case = facts_from(nodule, values, PERSON)
        outcome = apply_rules(rules, case.values)
        found[outcome.status] += 1
        if outcome.status == "applies":
            assert len(outcome.leading) == 1
        elif outcome.status == "incomplete":
            assert {fact.name for fact in outcome.missing} <= {"nodule_texture", "benign_pattern"}
            assert case.notes
        else:
            assert "benign pattern" in outcome.reason or "mass" in outcome.reason
    assert found["applies"] > len(rows) / 2
    assert found["refused"] > 0
    assert found["incomplete"] > 0
