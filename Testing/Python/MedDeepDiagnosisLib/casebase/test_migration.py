"""A database of the first schema is brought to the present one, and nothing of it is lost."""

import sqlite3
from contextlib import closing

import pytest

from MedDeepDiagnosisLib.casebase import open_case_base
from MedDeepDiagnosisLib.casebase.schema import SCHEMA_VERSION, metadata
from MedDeepRegSegLib.errors import InputError

_VALUES = """
CREATE TABLE {name} (id INTEGER NOT NULL PRIMARY KEY, case_id INTEGER NOT NULL REFERENCES cases(id),
  name VARCHAR(128) NOT NULL, value DOUBLE NOT NULL, units VARCHAR(32) NOT NULL, version INTEGER NOT NULL,
  current BOOLEAN NOT NULL, source_id INTEGER NOT NULL REFERENCES sources(id), UNIQUE (case_id, name, version));
CREATE INDEX ix_{name}_current ON {name} (name, current);
"""
VERSION_1 = (
    """
CREATE TABLE meddeep_schema (version INTEGER NOT NULL PRIMARY KEY, applied_at VARCHAR(32) NOT NULL, software VARCHAR(64) NOT NULL);
CREATE TABLE settings (name VARCHAR(64) NOT NULL PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE sources (id INTEGER NOT NULL PRIMARY KEY, kind VARCHAR(32) NOT NULL, name VARCHAR(512) NOT NULL,
  sha256 VARCHAR(64) NOT NULL, software VARCHAR(64) NOT NULL, recorded_at VARCHAR(32) NOT NULL, recorded_by VARCHAR(128) NOT NULL);
CREATE TABLE patients (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(256) NOT NULL UNIQUE, pseudonymous BOOLEAN NOT NULL,
  source_id INTEGER NOT NULL REFERENCES sources(id));
CREATE TABLE studies (id INTEGER NOT NULL PRIMARY KEY, patient_id INTEGER NOT NULL REFERENCES patients(id),
  name VARCHAR(256) NOT NULL, source_id INTEGER NOT NULL REFERENCES sources(id), UNIQUE (patient_id, name));
CREATE TABLE cases (id INTEGER NOT NULL PRIMARY KEY, study_id INTEGER NOT NULL REFERENCES studies(id),
  name VARCHAR(256) NOT NULL UNIQUE, lookup VARCHAR(64) NOT NULL, source_id INTEGER NOT NULL REFERENCES sources(id));
CREATE TABLE case_pathologies (case_id INTEGER NOT NULL REFERENCES cases(id), pathology VARCHAR(128) NOT NULL,
  source_id INTEGER NOT NULL REFERENCES sources(id), PRIMARY KEY (case_id, pathology));
CREATE TABLE mappings (id INTEGER NOT NULL PRIMARY KEY, layout VARCHAR(64) NOT NULL, pathology VARCHAR(128) NOT NULL,
  mapping TEXT NOT NULL, version INTEGER NOT NULL, current BOOLEAN NOT NULL, source_id INTEGER NOT NULL REFERENCES sources(id),
  UNIQUE (layout, pathology, version));
CREATE TABLE volumes (id INTEGER NOT NULL PRIMARY KEY, study_id INTEGER NOT NULL REFERENCES studies(id),
  name VARCHAR(256) NOT NULL, path TEXT NOT NULL, sha256 VARCHAR(64) NOT NULL, modality VARCHAR(16) NOT NULL,
  geometry TEXT NOT NULL, version INTEGER NOT NULL, current BOOLEAN NOT NULL,
  source_id INTEGER NOT NULL REFERENCES sources(id), UNIQUE (study_id, name, version));
CREATE TABLE segments (id INTEGER NOT NULL PRIMARY KEY, case_id INTEGER NOT NULL REFERENCES cases(id),
  name VARCHAR(256) NOT NULL, identifier VARCHAR(256) NOT NULL, label INTEGER NOT NULL, terminology TEXT NOT NULL,
  volume VARCHAR(256) NOT NULL, path TEXT NOT NULL, sha256 VARCHAR(64) NOT NULL, version INTEGER NOT NULL,
  current BOOLEAN NOT NULL, source_id INTEGER NOT NULL REFERENCES sources(id), UNIQUE (case_id, name, version));
"""
    + "".join(_VALUES.format(name=name) for name in ("measurements", "findings", "outcomes"))
    + """
INSERT INTO meddeep_schema VALUES (1, '2026-01-01T00:00:00+00:00', '0.0.1');
INSERT INTO settings VALUES ('patient_names', 'kept');
INSERT INTO sources VALUES (1, 'table', 'old.csv', 'ab', 'MedDeep 0.0.1', '2026-01-01T00:00:00+00:00', 'me');
INSERT INTO patients VALUES (1, 'Doe', 0, 1);
INSERT INTO studies VALUES (1, 1, 'Doe_1', 1);
INSERT INTO cases VALUES (1, 1, 'Doe_1', '', 1);
INSERT INTO case_pathologies VALUES (1, 'toy', 1);
INSERT INTO measurements VALUES (1, 1, 'size', 11.0, 'mm', 1, 0, 1), (2, 1, 'size', 12.0, 'mm', 2, 1, 1);
INSERT INTO outcomes VALUES (1, 1, 'present', 1.0, '', 1, 1, 1);
"""
)


@pytest.fixture
def old(file):
    with closing(sqlite3.connect(file)) as database:
        database.executescript(VERSION_1)
    return file


def columns_of(path):
    with closing(sqlite3.connect(path)) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: {row[1] for row in database.execute(f"PRAGMA table_info({name})")} for name in names}


def test_version_1_becomes_version_2(old, pathology):
    with open_case_base(old) as base:
        (row,) = base.rows(pathology)
        assert (row["patient"], row["size"], row["present"]) == ("Doe", 12.0, 1.0)
        history = [entry for entry in base.history("Doe_1") if entry.name == "size"]
    assert [(entry.version, entry.value, entry.current) for entry in history] == [
        (2, "12 mm", True),
        (1, "11 mm", False),
    ]
    assert {entry.how for entry in history} == {"not recorded (schema version 1)"}
    assert columns_of(old) == {name: {c.name for c in table.columns} for name, table in metadata.tables.items()}
    with closing(sqlite3.connect(old)) as database:
        assert [v for (v,) in database.execute("SELECT version FROM meddeep_schema ORDER BY 1")] == [1, SCHEMA_VERSION]


def test_a_copy_of_before_stays(old, contents):
    before = contents(old)
    with open_case_base(old) as base:
        base.cases()
    assert contents(old.with_name("cases.sqlite.version1")) == before


def test_what_was_migrated_can_be_added_to(old, pathology):
    from MedDeepDiagnosisLib.casebase.records import ImportOptions

    row = {"patient": "Doe", "case": "Doe_1", "size": "13", "edge": "2"}
    with open_case_base(old) as base:
        report = base.import_rows([row], pathology, options=ImportOptions(keep_names=True, on_conflict="update"))
        assert (report.new_values, report.changed_values) == (1, 1)
        assert [entry.version for entry in base.history("Doe_1") if entry.name == "size"] == [3, 2, 1]


def test_a_migration_that_fails_changes_nothing(old, contents, monkeypatch):
    from MedDeepDiagnosisLib.casebase import migration

    def fail_late(connection):
        migration._from_1_to_2(connection)
        raise RuntimeError("no more")

    before = contents(old)
    monkeypatch.setattr(migration, "_STEPS", {1: fail_late})
    with open_case_base(old) as base, pytest.raises(RuntimeError):
        base.cases()
    assert contents(old) == before
    assert columns_of(old)["measurements"] == {
        *("id", "case_id", "name", "value", "units", "version", "current", "source_id")
    }


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("INSERT INTO meddeep_schema VALUES (99, '', '')", "schema version 99, this MedDeep .* update MedDeep"),
        ("DELETE FROM meddeep_schema", "does not say the version"),
        ("UPDATE meddeep_schema SET version = 0", "schema version 0"),
    ],
)
def test_versions_that_cannot_be_used_are_refused(old, contents, statement, message):
    with closing(sqlite3.connect(old)) as database, database:
        database.execute(statement)
    before = contents(old)
    with open_case_base(old) as base, pytest.raises(InputError, match=message):
        base.cases()
    assert contents(old) == before
