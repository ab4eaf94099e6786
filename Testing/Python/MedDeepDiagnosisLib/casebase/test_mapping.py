"""Mappings in JSON, and how cells are read."""

import json

import pytest

from MedDeepDiagnosisLib.casebase.mapping import MappedColumn, mapping_from_json, read_mapping
from MedDeepRegSegLib.errors import InputError

DATA = {
    "patient": "ID",
    "size": {"column": "Size (cm)", "factor": 10.0},
    "kind": {"column": "Kind", "words": {"s": "Solid"}},
}


def test_json_and_back(tmp_path, pathology):
    (tmp_path / "m.json").write_text(json.dumps(DATA))
    mapping = read_mapping(tmp_path / "m.json")
    assert mapping.to_json() == DATA
    mapping.check(pathology, ("ID", "Size (cm)", "Kind"))
    assert mapping.in_words()["size"] == "column 'Size (cm)' x 10"
    assert mapping.in_words()["kind"] == "column 'Kind', s = Solid"


def test_cells_are_read():
    column = MappedColumn("Size", 10.0, {"x": "30"})
    assert column.read("1.2") == "12.0"
    assert column.read(" X ") == "30"
    assert column.read("") == ""
    assert column.read(None) == ""
    assert column.read("large") == "large", "what is no number is told as it is"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "expected an object"),
        ({}, "expected an object"),
        ({"size": 3}, "size is 3, expected a column's name"),
        ({"size": {"factor": 2}}, "expected a column's name"),
        ({"size": {"column": "a", "offset": 2}}, "expected a column's name"),
        ({"size": {"column": "a", "factor": 0}}, "factor 0"),
        ({"size": {"column": "a", "factor": True}}, "factor True"),
        ({"size": {"column": "a", "words": "b"}}, "words 'b'"),
    ],
)
def test_other_forms_are_refused(data, message):
    with pytest.raises(InputError, match=message):
        mapping_from_json(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"patient": "ID", "weight": "W"}, "'weight' is no feature or target of Toy lesion"),
        ({"patient": "ID", "size": "W"}, "size has the column 'W', which the table lacks; it has ID, Size"),
        ({"size": "Size"}, "no column says whose each row is"),
        ({"patient": "ID", "case": "Size"}, "no column is a feature or target of Toy lesion, expected some of size, "),
    ],
)
def test_mappings_that_do_not_fit_are_refused(pathology, data, message):
    with pytest.raises(InputError, match=message):
        mapping_from_json(data).check(pathology, ("ID", "Size"))


def test_files_that_are_no_json_are_refused(tmp_path):
    (tmp_path / "m.json").write_text("{")
    with pytest.raises(InputError, match="cannot be read as JSON"):
        read_mapping(tmp_path / "m.json")
