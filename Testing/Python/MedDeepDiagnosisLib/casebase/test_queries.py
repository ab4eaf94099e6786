"""What is read from the tables."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from MedDeepDiagnosisLib.casebase.records import CaseRecord, DeepFeature, ImportOptions, Origin
from MedDeepRegSegLib.errors import InputError


def test_the_list_counts_values_and_versions(filled, pathology):
    update = ImportOptions(on_conflict="update")
    filled.import_rows([{"patient": "Doe", "case": "Doe_1", "size": "99"}], pathology, options=update)
    first, second, third = sorted(filled.cases(), key=lambda case: (case.patient, case.case))
    doe = first if first.patient == second.patient else second
    assert [case.pathologies for case in (first, second, third)] == [("toy",)] * 3
    assert filled.summary("Doe_1") == next(case for case in filled.cases() if case.case == doe.patient + "_1")
    assert (filled.summary("Doe_1").values, filled.summary("Doe_1").versions) == (3, 4)


def test_the_table_of_all_cases_has_every_name(filled, pathology):
    columns, rows = filled.table()
    assert columns == ["patient", "case", "edge", "kind", "present", "size"]
    assert len(rows) == 3
    columns, rows = filled.table(pathology)
    assert columns == ["patient", "case", "present", "size", "ratio", "edge", "kind"]


def test_a_cut_vector_is_told(base, file, pathology):
    record = CaseRecord("r", "A", "A", deep_features=(DeepFeature("enc", np.ones(8, np.float32)),))
    base.import_records([record], pathology, Origin("program", "x"))
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE deep_features SET vector = substr(vector, 1, 8)")
    with pytest.raises(InputError, match="have 2 numbers, expected 8"):
        base.deep_features(pathology, "enc")


def test_the_value_that_was_stored_last_counts_whatever_kind_it_was_stored_as(base, pathology):
    size, ratio, *others = pathology.features
    rated = replace(pathology, features=(size, replace(ratio, group="clinical"), *others))
    for number, each in enumerate((pathology, rated, pathology)):
        options = ImportOptions(on_conflict="update")
        base.import_rows([{"patient": "A", "ratio": str(3 + number)}], each, source=f"{number}", options=options)
        assert base.row("A", each)["ratio"] == 3 + number


def test_one_column_never_holds_two_units(base, pathology):
    other = replace(
        pathology, identifier="b", features=(replace(pathology.features[0], units="cm"), *pathology.features[1:])
    )
    base.import_rows([{"patient": "A", "size": "3"}], pathology)
    base.import_rows([{"patient": "B", "size": "4"}], other)
    with pytest.raises(InputError, match="size is stored in cm and mm, which one column cannot hold"):
        base.table()
    assert len(base.table(pathology)[1]) == 1
