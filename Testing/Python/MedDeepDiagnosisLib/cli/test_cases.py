"""``meddeep cases`` as the user types it."""

import csv
import json

import pytest

from MedDeepDiagnosisLib.cases import write_table
from MedDeepDiagnosisLib.cli import main
from MedDeepRegSegLib.jobs.outputs import write_json
from MedDeepRegSegLib.jobs.schema import to_json

TEXT = "Patient,Lesion,Size (cm),Edge,present\nDoe,1,1.2,Sharp,1\nDoe,2,2.5,,0\nRoe,1,99,3,0\n"


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run ``meddeep`` in this process, in a folder of its own; returns exit code, output and error."""
    monkeypatch.chdir(tmp_path)

    def start(*words):
        code = main([*map(str, words), "--in-process"])
        told = capsys.readouterr()
        return code, told.out, told.err

    return start


@pytest.fixture
def model(tmp_path, pathology):
    write_json(tmp_path / "toy.json", to_json(pathology))
    (tmp_path / "t.csv").write_text(TEXT)
    return tmp_path / "toy.json"


def test_import_list_show_export(run, model, tmp_path):
    words = ("cases", "import", "t.csv", "--model", model, "--db", "c.sqlite")
    code, out, err = run(*words)
    assert code == 2
    assert "line 4: size is 990" in err
    assert err.count("\n") == 1
    assert not (tmp_path / "c.sqlite").exists()
    code, out, _ = run(*words, "--on-implausible", "skip", "--trial")
    assert code == 0
    assert "size: column 'Size (cm)' x 10" in out
    assert "left out: line 4: size is 990" in out
    assert "trial, nothing was written: 3 rows to c.sqlite: 2 new, 0 updated, 0 unchanged, 1 left out" in out
    assert not (tmp_path / "c.sqlite").exists()
    code, out, _ = run(*words, "--on-implausible", "skip", "--who", "me")
    assert "3 rows to c.sqlite: 2 new" in out
    code, out, _ = run("cases", "list", "--db", "c.sqlite")
    assert "2 cases in c.sqlite" in out
    assert "Doe" not in out
    code, out, _ = run("cases", "show", "Doe/1", "--db", "c.sqlite")
    assert "size: 12 mm  version 1 of measurements" in out
    assert "column 'Size (cm)' x 10, table t.csv" in out
    assert "by me with MedDeep" in out
    code, out, _ = run("cases", "export", "--db", "c.sqlite", "--model", model, "--out", "e.csv")
    assert (code, out) == (0, "wrote e.csv: 2 cases, 7 columns\n")
    with (tmp_path / "e.csv").open() as file:
        assert [row["size"] for row in csv.DictReader(file)] == ["12", "25"]


def test_a_trial_says_what_the_import_would_do(run, model, tmp_path):
    words = ("cases", "import", "t.csv", "--model", model, "--db", "c.sqlite", "--trial", "--save-mapping", "m.json")
    code, out, _ = run(*words)
    assert code == 0
    assert "left out: line" not in out
    assert "cannot be taken: line 4: size is 990" in out
    assert "refused as things stand: nothing would be imported, 1 of 3 rows cannot be taken" in out
    assert "leave such rows out (--on-implausible skip)" in out
    assert "trial, nothing was written; with these rows left out: 3 rows to c.sqlite: 2 new" in out
    assert "wrote m.json: the mapping" in out
    code, out, _ = run(*words[:7], "--on-implausible", "skip", "--mapping", "m.json")
    assert code == 0
    assert "mapping (given)" in out
    assert "refused" not in out
    code, out, err = run("cases", "show", "Doe", "--db", "c.sqlite")
    assert (code, out) == (2, "")
    assert "'Doe' is not in the case base c.sqlite: it is a patient with 2 cases, name one: P-" in err


def test_a_fault_of_many_rows_is_told_once(run, model, tmp_path):
    lines = [f"P{number},1,1.2,Fuzzy,1" for number in range(60)]
    (tmp_path / "t.csv").write_text("\n".join(["Patient,Lesion,Size (cm),Edge,present", *lines]))
    words = ("cases", "import", "t.csv", "--model", model, "--db", "c.sqlite", "--trial")
    code, out, _ = run(*words)
    assert code == 0
    assert "cannot be taken: 60 rows (line 2, line 3, line 4 and 57 more): edge is 'Fuzzy'" in out
    assert out.count("Fuzzy") == 1
    _, out, _ = run(*words, "--json")
    assert len(json.loads(out)["result"]["report"]["problems"]) == 60


def test_changes_are_refused_until_asked_for_and_shown_with_history(run, model, tmp_path):
    words = (
        "cases",
        "import",
        "t.csv",
        "--model",
        model,
        "--db",
        "c.sqlite",
        "--on-implausible",
        "skip",
        "--keep-names",
    )
    assert run(*words)[0] == 0
    (tmp_path / "t.csv").write_text(TEXT.replace("1.2", "1.3"))
    code, _, err = run(*words)
    assert code == 2
    assert "line 2: case Doe/1: size 12 mm is stored, here it is 13 mm" in err
    code, out, _ = run(*words, "--on-conflict", "update")
    assert "0 new, 1 updated, 1 unchanged, 1 left out; 0 new values, 1 changed" in out
    _, out, _ = run("cases", "list", "--db", "c.sqlite")
    assert "Doe/1  patient Doe  toy  3 values (1 earlier version)" in out
    _, out, _ = run("cases", "show", "Doe/1", "--db", "c.sqlite")
    assert out.index("size: 13 mm  version 2") < out.index("size: 12 mm  (earlier)  version 1")


def test_json_tells_all(run, model):
    run("cases", "import", "t.csv", "--model", model, "--db", "c.sqlite", "--on-implausible", "skip", "--quiet")
    code, out, _ = run("cases", "show", "Doe/2", "--db", "c.sqlite", "--json")
    result = json.loads(out)
    assert (code, result["command"]) == (0, "cases")
    assert {entry["name"] for entry in result["result"]["history"]} == {"size", "present"}


@pytest.mark.slow
def test_fit_and_diagnose_from_the_case_base(run, model, toy_table, pathology, tmp_path):
    write_table(toy_table, pathology, tmp_path / "many.csv")
    assert run("cases", "import", "many.csv", "--model", model, "--db", "c.sqlite")[0] == 0
    code, out, err = run("fit", model, "--db", "c.sqlite", "--out", "model")
    assert code == 0, err
    assert f"learned from {len(toy_table)} cases of 150 patients" in out
    code, out, err = run(
        "diagnose", "model", "--case", toy_table.cases[0], "--db", "c.sqlite", "--out", "report", "--json"
    )
    assert code == 0, err
    assert 0 < json.loads(out)["result"]["probability"] < 1
    assert (tmp_path / "report" / "report.html").is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["cases"], "arguments are required: ACTION"),
        (["cases", "drop"], "invalid choice: 'drop'"),
        (["cases", "list"], "arguments are required: --db"),
        (["cases", "list", "--db", "absent.sqlite"], "does not exist"),
        (["cases", "import", "absent.csv", "--model", "lung_nodule", "--db", "c.sqlite"], "absent.csv does not exist"),
        (["cases", "import", "t.csv", "--model", "gout", "--db", "c.sqlite"], "pathology 'gout' is unknown"),
        (["cases", "import", "t.csv", "--model", "toy.json", "--db", "c.sqlite", "--segment", "x"], "are for a folder"),
        (["cases", "import", "t.csv", "--model", "toy.json", "--db", "c.sqlite", "--mapping", "m"], "m does not exist"),
        (["cases", "import", "t.csv", "--model", "toy.json", "--db", "no://x"], "not a database that can be used"),
        (
            ["cases", "import", "t.csv", "--model", "toy.json", "--db", "c.sqlite", "--save-mapping", "m"],
            "--save-mapping: m does not end with .json",
        ),
        (["cases", "export", "--db", "c.sqlite", "--out", "t.pdf"], "does not end with .csv"),
        (["fit", "toy.json", "--db", "absent.sqlite", "--out", "m"], "does not exist"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(run, model, tmp_path, words, message):
    before = sorted(tmp_path.iterdir())
    code, out, err = run(*words)
    assert code == 2
    assert message in err
    assert err.count("\n") == 1
    assert out == ""
    assert sorted(tmp_path.iterdir()) == before
