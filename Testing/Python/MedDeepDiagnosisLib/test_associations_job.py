"""From a table or a case base to files and a page."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from MedDeepDiagnosisLib import associations_job
from MedDeepDiagnosisLib.associations_job import REPORT_FILE, Request
from MedDeepDiagnosisLib.cases import write_table
from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.outputs import write_json
from MedDeepRegSegLib.jobs.progress import NOTE, CancelToken
from MedDeepRegSegLib.jobs.schema import from_json, to_json

SOOP = Path(__file__).parents[4] / "shared/data/13_soop_stroke_image_tabular/participants.tsv"
FILES = {"associations.csv", "rules.csv", "missing.csv", "associations.json", REPORT_FILE}
FEW = {"resamples": 30, "permutations": 49}


@pytest.fixture
def cases_csv(pathology, toy_table, tmp_path):
    write_table(toy_table.rows(np.arange(len(toy_table)) % 3 < 2), pathology, tmp_path / "cases.csv")
    return tmp_path / "cases.csv"


@pytest.fixture
def toy_json(pathology, tmp_path):
    write_json(tmp_path / "toy.json", to_json(pathology))
    return str(tmp_path / "toy.json")


def test_a_table_with_its_pathology(cases_csv, toy_json, tmp_path):
    result = associations_job.run(Request(tmp_path / "out", cases_csv, pathology=toy_json, **FEW))
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    assert (result.rows, result.patients, result.columns, result.pairs) == (300, 150, 5, 10)
    assert result.found >= 2
    assert any(line.startswith("Size (mm) and The outcome is present: rank-biserial") for line in result.strongest)
    assert result.guessed == ()
    assert from_json(associations_job.Result, json.loads(json.dumps(to_json(result)))) == result
    page = (tmp_path / "out" / REPORT_FILE).read_text(encoding="utf-8")
    assert "Toy lesion: cases.csv" in page
    assert "Does it go with the outcome?" in page


def test_a_table_alone_is_guessed_and_told(cases_csv, tmp_path):
    notes = []
    rows = list(csv.reader(cases_csv.open(encoding="utf-8")))
    bare = tmp_path / "bare.tsv"
    bare.write_text("\n".join("\t".join(row[1:]) for row in rows), encoding="utf-8")
    request = Request(
        tmp_path / "out", bare, outcomes=("present",), kinds={"edge": "category"}, leave_out=("case",), **FEW
    )
    result = associations_job.run(request, progress=lambda _, message: notes.append(message))
    assert result.patients == result.rows == 300
    assert [message for message in notes if message.startswith(NOTE)]
    assert "edge: category, as asked for" in result.guessed
    assert "case: as asked for" in result.left_out
    assert from_json(Request, json.loads(json.dumps(to_json(request)))) == request


def test_a_case_base(cases_csv, toy_json, pathology, tmp_path):
    pytest.importorskip("sqlalchemy", reason="the case base needs SQLAlchemy")
    from MedDeepDiagnosisLib.casebase import open_case_base
    from MedDeepDiagnosisLib.cases import read_rows

    with open_case_base(tmp_path / "cases.sqlite") as base:
        base.import_rows(read_rows(cases_csv), pathology, source="cases.csv", mapping=None)
    database = str(tmp_path / "cases.sqlite")
    based = associations_job.run(Request(tmp_path / "based", database=database, pathology=toy_json, **FEW))
    tabled = associations_job.run(Request(tmp_path / "tabled", cases_csv, pathology=toy_json, **FEW))
    assert (based.rows, based.patients, based.found) == (tabled.rows, tabled.patients, tabled.found)
    page = based.report.read_text(encoding="utf-8")
    assert "Rows of the case base" in page
    assert str(tmp_path) not in page


def test_the_seed_repeats(cases_csv, toy_json, tmp_path):
    for name in ("one", "two"):
        associations_job.run(Request(tmp_path / name, cases_csv, pathology=toy_json, seed=3, **FEW))
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pathology": None, "database": "sqlite://", "table": None}, "which one: name it with --model"),
        ({"database": "sqlite://"}, "either a table or a case base"),
        ({"table": None}, "either a table or a case base"),
        ({"kinds": {"edge": "category"}}, "the pathology says what the columns are"),
        ({"outcomes": ("weight",)}, "no column 'weight'"),
    ],
)
def test_what_does_not_fit_is_refused(cases_csv, toy_json, tmp_path, change, message):
    settings = {"table": cases_csv, "pathology": toy_json, **change}
    with pytest.raises(InputError, match=message):
        associations_job.run(Request(tmp_path / "out", **settings, **FEW))
    assert not (tmp_path / "out").exists()


def test_cancel_writes_nothing(cases_csv, toy_json, tmp_path):
    token = CancelToken()

    def cancel_late(fraction, message):
        if message == "writing":
            token.cancel()

    with pytest.raises(Canceled):
        associations_job.run(
            Request(tmp_path / "out", cases_csv, pathology=toy_json, **FEW), progress=cancel_late, cancel=token
        )
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(not SOOP.is_file(), reason="needs the table of the shared stroke data")
def test_real_strokes(tmp_path):
    """Severity goes with disability at discharge, as it must; the table has 1056 rows, some of them empty."""
    result = associations_job.run(Request(tmp_path / "out", SOOP, outcomes=("gs_rankin_6isdeath",), **FEW))
    assert (result.rows, result.patients, result.columns) == (1056, 1056, 7)
    with (tmp_path / "out" / "associations.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if {row["first"], row["second"]} == {"nihss", "gs_rankin_6isdeath"}]
    spearman = next(row for row in rows if row["measure"] == "Spearman")
    assert 0.4 < float(spearman["low"]) + 0.02 < float(spearman["value"]) < 0.55
    assert float(spearman["q"]) < 1e-10
