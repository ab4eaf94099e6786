"""Whom the models that ship are not for."""

import json
from dataclasses import replace

import pytest

from MedDeepDiagnosisLib.pathology import load_pathology
from MedDeepDiagnosisLib.resources import resource_path
from MedDeepDiagnosisLib.scope import out_of_scope, scope_columns, scope_of
from MedDeepRegSegLib.errors import InputError


def test_every_file_belongs_to_a_pathology():
    for path in resource_path("scopes").glob("*.json"):
        assert (
            load_pathology(path.stem).identifier
            == json.loads(path.read_text(encoding="utf-8"))["identifier"]
            == path.stem
        )


@pytest.mark.parametrize(
    ("row", "reasons"),
    [
        ({}, 0),
        ({"age": 61, "known_cancer": "no"}, 0),
        ({"age": 17}, 1),
        ({"age_years": "12", "known_cancer": "yes", "immunosuppressed": "1"}, 3),
        ({"age": "unknown"}, 0),
    ],
)
def test_nodules(row, reasons):
    found = out_of_scope(load_pathology("lung_nodule"), row)
    assert len(found) == reasons
    assert all(reason.startswith("the model is not for this patient: ") for reason in found)


def test_strokes_and_conditions_of_ones_own(pathology):
    assert out_of_scope(load_pathology("acute_stroke"), {"age": 12})
    assert scope_of(pathology) is None
    assert out_of_scope(pathology, {"age": 12}) == ()
    assert scope_columns(pathology) == frozenset()
    assert "age" in scope_columns(replace(pathology, identifier="lung_nodule"))


def test_a_fact_that_is_none_is_refused():
    with pytest.raises(InputError, match="age_years"):
        out_of_scope(load_pathology("lung_nodule"), {"age": "old"})
