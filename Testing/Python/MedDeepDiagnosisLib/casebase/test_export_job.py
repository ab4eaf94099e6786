"""The table that is exported, and read again."""

import csv

import pytest

from MedDeepDiagnosisLib.casebase import export_job, open_case_base
from MedDeepDiagnosisLib.casebase.table_import import import_table
from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.outputs import write_json
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.jobs.schema import to_json


def test_what_was_exported_is_unchanged_when_imported(base, file, pathology, contents, tmp_path):
    rows = [
        {"patient": "Doe", "case": "1", "size": "0.7123456789012345", "edge": "2"},
        {"patient": "Roe", "case": "2", "ratio": "-3"},
    ]
    base.import_rows(rows, pathology)
    before = contents(file)
    result = export_job.run(export_job.Request(str(file), tmp_path / "t.csv"))
    assert (result.cases, result.columns) == (2, 5)
    report = import_table(base, tmp_path / "t.csv", pathology)
    assert (report.unchanged_cases, report.new_cases) == (2, 0)
    after = contents(file)
    assert {name: rows for name, rows in after.items() if name not in ("sources", "mappings")} == {
        name: rows for name, rows in before.items() if name not in ("sources", "mappings")
    }


def test_the_columns_of_a_pathology_in_a_tsv(filled, file, pathology, tmp_path):
    write_json(tmp_path / "toy.json", to_json(pathology))
    export_job.run(export_job.Request(str(file), tmp_path / "t.tsv", str(tmp_path / "toy.json")))
    with (tmp_path / "t.tsv").open(newline="") as stream:
        header, *lines = csv.reader(stream, delimiter="\t")
    assert header == ["patient", "case", "present", "size", "ratio", "edge", "kind"]
    assert sorted(line[2:] for line in lines) == [
        ["", "7", "", "", "1"],
        ["0", "12", "", "1", ""],
        ["1", "25", "", "3", "2"],
    ]


def test_nothing_is_written_without_a_case_base_or_when_canceled(filled, file, tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        export_job.run(export_job.Request(str(tmp_path / "no.sqlite"), tmp_path / "t.csv"))
    token = CancelToken()
    token.cancel()
    with pytest.raises(Canceled):
        export_job.run(export_job.Request(str(file), tmp_path / "t.csv"), cancel=token)
    assert not (tmp_path / "t.csv").exists()
    with open_case_base(file) as base:
        assert len(base.cases()) == 3


def test_names_like_formulas_are_guarded_and_read_back(base, file, pathology, tmp_path):
    base.import_rows([{"patient": "Doe", "case": "=1+1", "size": "3"}], pathology)
    export_job.run(export_job.Request(str(file), tmp_path / "t.csv"))
    assert ",'=1+1," in (tmp_path / "t.csv").read_text(encoding="utf-8")
    assert import_table(base, tmp_path / "t.csv", pathology).unchanged_cases == 1
