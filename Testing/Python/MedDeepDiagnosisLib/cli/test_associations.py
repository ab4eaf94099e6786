"""The command as the user starts it."""

import json

import pytest

from MedDeepDiagnosisLib.cases import write_table
from MedDeepDiagnosisLib.cli import main
from MedDeepDiagnosisLib.cli.associations import COMMAND
from MedDeepRegSegLib.jobs.outputs import write_json
from MedDeepRegSegLib.jobs.schema import to_json


@pytest.fixture
def cases_csv(pathology, toy_table, tmp_path):
    write_table(toy_table.rows(toy_table.patients < "P040"), pathology, tmp_path / "cases.csv")
    return tmp_path / "cases.csv"


def test_a_table_in_a_child_process(cases_csv, tmp_path, capfd):
    words = ["associations", "--table", cases_csv, "--outcome", "present", "--kind", "edge=category"]
    assert main([*map(str, words), "--leave-out", "case", "--out", str(tmp_path / "out")]) == 0
    out = capfd.readouterr().out
    assert "looked at 5 columns of 120 rows of 40 patients" in out
    assert "  edge: category, as asked for" in out
    assert "  case: as asked for" in out
    assert f"wrote {tmp_path / 'out' / 'associations.html'}" in out
    assert (tmp_path / "out" / "associations.html").stat().st_size > 20_000


def test_json_tells_the_result(cases_csv, pathology, tmp_path, capsys):
    write_json(tmp_path / "toy.json", to_json(pathology))
    words = [
        "--table",
        cases_csv,
        "--model",
        tmp_path / "toy.json",
        "--out",
        tmp_path / "out",
        "--json",
        "--in-process",
    ]
    assert main(["associations", *map(str, words)]) == 0
    result = json.loads(capsys.readouterr().out)["result"]
    assert (result["rows"], result["pairs"]) == (120, 10)
    assert result["found"] >= 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--db", "cases.sqlite"], "--db without --model"),
        ([], "one of the arguments --table --db is required"),
        (["--table", "absent.csv"], "absent.csv does not exist"),
        (["--table", "CASES", "--db", "x"], "not allowed with argument"),
        (["--table", "CASES", "--kind", "edge"], "'edge' is no kind of a column"),
        (["--table", "CASES", "--kind", "edge=color"], "'edge=color' is no kind of a column"),
    ],
)
def test_wrong_words_are_one_line(cases_csv, tmp_path, capsys, words, message):
    words = [str(cases_csv) if word == "CASES" else word for word in words]
    assert main(["associations", *words, "--out", str(tmp_path / "out")]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_the_seed_reaches_the_job(cases_csv, tmp_path):
    import argparse

    args = argparse.Namespace(
        table=cases_csv, db=None, model=None, patient="patient", outcome=[], kind=[("a=b", "number")], leave_out=["x"],
        out=tmp_path / "out", seed=7,
    )  # fmt: skip
    request = COMMAND.request(args)
    assert (request.seed, request.kinds, request.patient_column, request.leave_out) == (
        7, {"a=b": "number"}, "patient", ("x",),
    )  # fmt: skip
