"""A case base in a file, rows for it, and a look at everything that is stored."""

import sqlite3
from contextlib import closing

import pytest

from MedDeepDiagnosisLib.casebase import open_case_base

ROWS = (
    {"patient": "Doe", "case": "Doe_1", "Size (cm)": "1.2", "edge": "Sharp", "kind": "", "present": "0"},
    {"patient": "Doe", "case": "Doe_2", "Size (cm)": "2.5", "edge": "3", "kind": "Solid", "present": "1"},
    {"patient": "Roe", "case": "Roe_1", "Size (cm)": "0.7", "edge": "", "kind": "None", "present": ""},
)


@pytest.fixture
def rows():
    return [dict(row) for row in ROWS]


@pytest.fixture
def file(tmp_path):
    return tmp_path / "cases.sqlite"


@pytest.fixture
def base(file):
    with open_case_base(file) as opened:
        yield opened


@pytest.fixture
def filled(base, pathology, rows):
    base.import_rows(rows, pathology)
    return base


def dump(path):
    """Return all rows of all tables of an SQLite file."""
    with closing(sqlite3.connect(path)) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: database.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall() for name in names}


@pytest.fixture(scope="session")
def contents():
    return dump
