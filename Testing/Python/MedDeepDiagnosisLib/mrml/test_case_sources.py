"""Sources of cases become files."""

import csv
from pathlib import Path

import pytest

pytest.importorskip("slicer")

from MedDeepDiagnosisLib.mrml.case_sources import case_source  # only where there is a scene
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.tables import TableColumn, table_from_rows


def test_a_path_stays_where_it_is(tmp_path):
    assert case_source("cases.csv", tmp_path) == Path("cases.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_table_node_becomes_a_file_of_its_name(scene, tmp_path):
    rows = [{"patient": "A, 1", "size": 2.5}, {"patient": "B", "size": None}]
    node = table_from_rows([TableColumn("patient"), TableColumn("size", "Size", "mm")], rows, "My/cases")
    path = case_source(node, tmp_path)
    assert path == tmp_path / "My_cases.csv"
    with path.open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [["patient", "size"], ["A, 1", "2.5"], ["B", ""]]


def test_what_is_no_table_of_cases_is_refused(scene, nodule, tmp_path):
    with pytest.raises(InputError, match="there are no cases"):
        case_source(None, tmp_path)
    with pytest.raises(InputError, match="expected a table"):
        case_source(nodule[0], tmp_path)
    empty = table_from_rows([TableColumn("patient")], [], "Empty")
    with pytest.raises(InputError, match="has no rows"):
        case_source(empty, tmp_path)
