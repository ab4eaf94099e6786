"""Proposed mappings of tables."""

import pytest

pytest.importorskip("slicer")

from MedDeepDiagnosisLib.casebase import open_case_base  # only where there is a scene
from MedDeepDiagnosisLib.casebase.mapping import MappedColumn, TableMapping
from MedDeepDiagnosisLib.casebase.source_table import read_source_table
from MedDeepDiagnosisLib.mrml.case_mapping import propose_mapping
from MedDeepRegSegLib.errors import InputError


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "cases.csv"
    path.write_text("ID,Size (cm),Border,Remarks\nDoe,1.2,Sharp,\n", encoding="utf-8")
    return path


def test_a_suggestion_says_what_was_not_used(table, pathology):
    proposed = propose_mapping(table, pathology)
    assert proposed.header == ("ID", "Size (cm)", "Border", "Remarks")
    assert proposed.mapping.columns["size"] == MappedColumn("Size (cm)", 10.0)
    assert not proposed.remembered
    assert any("Border" in note for note in proposed.notes)


def test_what_was_used_before_comes_first_unless_it_does_not_fit(table, pathology, tmp_path):
    db = tmp_path / "cases.sqlite"
    mapping = TableMapping({"patient": MappedColumn("ID"), "edge": MappedColumn("Border")})
    source = read_source_table(table)
    with open_case_base(db) as base:
        base.import_rows(source.rows, pathology, mapping=mapping, layout=source.layout)
    proposed = propose_mapping(table, pathology, db)
    assert (proposed.remembered, proposed.mapping) == (True, mapping)
    from dataclasses import replace

    without = replace(pathology, features=tuple(f for f in pathology.features if f.name != "edge"))
    assert not propose_mapping(table, without, db).remembered


def test_a_table_that_cannot_be_read_is_refused(tmp_path, pathology):
    with pytest.raises(InputError, match="cannot be read"):
        propose_mapping(tmp_path / "absent.csv", pathology)
