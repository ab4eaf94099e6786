"""What the tables promise."""

import sqlite3
from contextlib import closing

import pytest

from MedDeepDiagnosisLib.casebase import schema


def test_every_versioned_table_tells_its_versions_apart_and_says_where_they_come_from():
    for name, spec in schema.VERSIONED.items():
        assert spec.table.name == name
        columns = {column.name for column in spec.table.columns}
        assert columns == {"id", spec.owner, spec.key, "version", "current", "source_id", *spec.payload}
        unique = [
            {column.name for column in constraint.columns}
            for constraint in spec.table.constraints
            if type(constraint).__name__ == "UniqueConstraint"
        ]
        assert {spec.owner, spec.key, "version"} in unique


def test_no_pixels_are_stored():
    columns = {column.name for column in schema.volumes.columns}
    assert columns == {
        "id",
        "study_id",
        "name",
        "path",
        "sha256",
        "modality",
        "geometry",
        "version",
        "current",
        "source_id",
    }


def test_the_database_itself_refuses_two_equal_versions(filled, file):
    with closing(sqlite3.connect(file)) as database, pytest.raises(sqlite3.IntegrityError):
        database.execute(
            "INSERT INTO measurements (case_id, name, value, units, how, version, current, source_id) "
            "SELECT case_id, name, value, units, how, version, current, source_id FROM measurements LIMIT 1"
        )
