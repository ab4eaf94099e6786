"""``meddeep batch --command diagnose``: many cases of tables, of values in columns, and of a case base."""

import csv
import json

import dicom_files
import pytest

from MedDeepDiagnosisLib.cli import main
from MedDeepDiagnosisLib.fitting import shipped_models
from MedDeepRegSegLib.jobs import batch_job
from MedDeepRegSegLib.jobs.batch_kinds import BATCHES, BatchKind, batch_kind
from MedDeepRegSegLib.jobs.child import ChildJob
from MedDeepRegSegLib.jobs.outputs import write_json
from MedDeepRegSegLib.jobs.schema import to_json
from MedDeepRegSegLib.segmentation.segmentation_file import write_segmentation
from MedDeepRegSegLib.segmentation.segments import named_segment
from MedDeepRegSegLib.volumes.reading import read_volume


@pytest.fixture
def run(tmp_path, toy_folder, capfd):
    """Return a function that runs a table of this text; ``MODEL`` in it is the toy model."""

    def start(text, *words):
        (tmp_path / "cases.csv").write_text(text.replace("MODEL", str(toy_folder)))
        code = main(
            ["batch", str(tmp_path / "cases.csv"), "--command", "diagnose", "--out", str(tmp_path / "out"), *words]
        )
        with (tmp_path / "out" / "summary.csv").open(newline="") as file:
            return code, {row["name"]: row for row in csv.DictReader(file)}, capfd.readouterr()

    return start


def test_the_library_adds_its_batch():
    assert BATCHES["diagnose"] == "MedDeepDiagnosisLib.diagnose_batch"
    kind = batch_kind("diagnose")
    for name in BatchKind.__annotations__:
        assert getattr(kind, name) is not None, name
    assert all(column in kind.HELP for column in (*kind.REQUIRED, *kind.OPTIONAL))
    assert f"model that ships: {', '.join(shipped_models())}\n" in kind.HELP


def test_values_in_columns_of_their_own(run, tmp_path):
    text = (
        "name,model,size,edge,kind,siz\nsmall,MODEL,3,Medium,Solid,\nlarge,MODEL,30,Medium,Solid,\nbad,MODEL,wide,,,4\n"
    )
    code, rows, told = run(text, "--workers", "2")
    assert code == 2
    assert "1 of 3 cases failed, first bad (size" in told.err.splitlines()[-1]
    assert "did not count" not in told.err  # the only cell of siz is in the case that failed
    assert [rows[name]["status"] for name in ("small", "large", "bad")] == ["done", "done", "failed"]
    assert float(rows["small"]["probability"]) < 0.3
    assert float(rows["large"]["probability"]) > 0.7
    prediction = json.loads((tmp_path / "out" / "large" / "prediction.json").read_text(encoding="utf-8"))
    assert float(rows["large"]["probability"]) == pytest.approx(prediction["probability"], abs=0.001)
    report = (tmp_path / "out" / "large" / "report.html").read_text(encoding="utf-8")
    assert "Values of the case" in report
    assert "large" in report
    # A corrected row runs alone; a column that no feature has is pointed out.
    code, rows, told = run(text.replace("wide,,,4", "7,,,4"), "--json")
    assert code == 0
    assert [case["status"] for case in json.loads(told.out)["result"]["cases"]] == ["skipped", "skipped", "done"]
    assert "did not count, because they are no features: siz (did you mean size?)" in rows["bad"]["notes"]
    assert [rows[name]["not_counted"] for name in ("small", "large", "bad")] == ["", "", "siz"]
    _, _, told = run(text.replace("wide,,,4", "7,,,4").replace("Solid,\n", "Solid,2\n"))
    assert "Caution: columns that did not count: siz" in told.out.splitlines()
    _, _, told = run(text.replace("Solid,\n", "Solid,2\n"))
    assert told.err.splitlines()[-1].endswith("; columns that did not count: siz")


def test_case_of_columns_and_decimal_commas_make_no_difference(run):
    _, rows, told = run("name;model;Size;EDGE;Kind\none;MODEL;3,5;Medium;Solid\n")
    assert rows["one"]["status"] == "done", rows["one"]["error"]
    _, plain, _ = run("name,model,size,edge,kind\nplain,MODEL,3.5,Medium,Solid\n")
    assert rows["one"]["probability"] == plain["plain"]["probability"]
    assert "did not count" not in told.out


def test_dicom_of_a_batch_and_no_name_in_its_summary(run, tmp_path):
    pytest.importorskip("highdicom", reason="highdicom writes DICOM objects")
    series = dicom_files.write_series(tmp_path / "ct")
    lesion = tmp_path / "nodule.seg.nrrd"
    write_segmentation(
        dicom_files.lesion_on(read_volume(series)), [named_segment(2, "Other"), named_segment(5, "Nodule")], lesion
    )
    text = "name,model,image,segmentation,segment,formats\nwith,lung_nodule,ct,nodule.seg.nrrd,Nodule,\nwithout,lung_nodule,ct,nodule.seg.nrrd,Nodule,no-dicom\n"
    code, rows, told = run(text)
    assert code == 0, told.err
    assert (tmp_path / "out" / "with" / "report.dcm").is_file()
    assert not list((tmp_path / "out" / "without").glob("*.dcm"))
    assert "Jürgen" not in str(rows) + told.out


@pytest.mark.slow
def test_tables_and_case_bases(run, pathology, tmp_path):
    write_json(tmp_path / "toy.json", to_json(pathology))
    (tmp_path / "all.csv").write_text("patient,case,size,edge,present\np,C1,3,Medium,0\nq,C2,30,Medium,1\n")
    words = ["cases", "import", str(tmp_path / "all.csv"), "--model", str(tmp_path / "toy.json")]
    base = tmp_path / "base.sqlite"
    assert main([*words, "--db", str(base), "--in-process", "--quiet"]) == 0
    (tmp_path / "row.csv").write_text("case,size,edge,kind\nrow,3,Medium,Solid\n")
    text = (
        "name,model,table,db,case\n"
        "table,MODEL,row.csv,,\n"
        "base,MODEL,,base.sqlite,C2\n"
        "absent,MODEL,,base.sqlite,C9\n"
        "half,MODEL,,base.sqlite,\n"
        "both,MODEL,row.csv,base.sqlite,C2\n"
        "nothing,MODEL,,,\n"
        "model,nowhere,row.csv,,\n"
    )
    code, rows, _ = run(text, "--workers", "2")
    assert code == 2
    assert (rows["table"]["status"], rows["base"]["status"]) == ("done", "done"), rows
    assert float(rows["table"]["probability"]) < 0.3
    assert float(rows["base"]["probability"]) > 0.7
    for name, says in (
        ("absent", "C9"),
        ("half", "db without case"),
        ("both", "table and db are filled in"),
        ("nothing", "nothing to assess"),
        ("model", "nowhere does not exist: give a model folder, or a model that ships: acute_stroke_outcome"),
    ):
        assert rows[name]["status"] == "failed"
        assert says in rows[name]["error"], rows[name]
    # New values in the case base make the case new.
    (tmp_path / "all.csv").write_text("patient,case,size,edge,present\nq,C2,4,Medium,1\n")
    assert main([*words, "--db", str(base), "--in-process", "--quiet", "--on-conflict", "update"]) == 0
    before = rows["base"]["probability"]
    _, rows, _ = run("\n".join(text.splitlines()[:3]))
    assert float(rows["base"]["probability"]) < float(before)


def test_a_model_that_ships_has_a_name_and_choices_are_checked(run):
    text = (
        "name,model,equivalent_diameter_mm,formats,image,segmentation\n"
        "shipped,lung_nodule,9,,,\n"
        "format,lung_nodule,9,docx,,\n"
        "image,lung_nodule,9,,cases.csv,\n"
    )
    _, rows, _ = run(text)
    assert rows["shipped"]["status"] == "done", rows["shipped"]["error"]
    assert rows["format"]["error"].startswith("formats: 'docx' is not allowed, expected some of pdf, sr, seg")
    assert rows["image"]["error"].startswith("image without segmentation")


def test_a_child_of_this_library_runs_the_batch(toy_folder, tmp_path):
    """As the panel starts it."""
    (tmp_path / "cases.csv").write_text(f"model,size,edge,kind\n{toy_folder},3,Medium,Solid\n")
    request = batch_job.Request(table=tmp_path / "cases.csv", command="diagnose", out=tmp_path / "out")
    with ChildJob("batch", request, tmp_path / "job", module=batch_kind("diagnose").JOBS) as job:
        job.start()
        (case,) = job.wait(100).cases
    assert (case.name, case.status) == ("case-1", "done"), case.error
