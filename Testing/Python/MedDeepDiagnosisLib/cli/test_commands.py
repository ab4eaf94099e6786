"""fit, diagnose and demo as the user starts them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import dicom_files
import pytest

from MedDeepDiagnosisLib.assessing import summary_lines
from MedDeepDiagnosisLib.cases import write_table
from MedDeepDiagnosisLib.cli import main
from MedDeepDiagnosisLib.cli.demo import COMMAND as DEMO
from MedDeepDiagnosisLib.cli.diagnose import COMMAND as DIAGNOSE
from MedDeepDiagnosisLib.demo import job as demo_job
from MedDeepDiagnosisLib.fitting import shipped_model_folder, shipped_models
from MedDeepDiagnosisLib.models.prediction import predict_case
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.outputs import write_json
from MedDeepRegSegLib.jobs.schema import from_json, to_json
from MedDeepRegSegLib.segmentation.segmentation_file import write_segmentation
from MedDeepRegSegLib.segmentation.segments import named_segment
from MedDeepRegSegLib.volumes.reading import read_volume

ROOT = Path(__file__).parents[4]


def run(*words):
    """Run the command as a program."""
    folders = [str(ROOT / "MedDeepRegSeg"), str(ROOT / "MedDeepDiagnosis")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(folders)}
    command = [sys.executable, "-m", "MedDeepDiagnosisLib.cli", *map(str, words)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=600)


def test_fit_then_diagnose(pathology, toy_table, tmp_path):
    write_table(toy_table, pathology, tmp_path / "cases.csv")
    write_json(tmp_path / "toy.json", to_json(pathology))
    fitted = run("fit", tmp_path / "toy.json", "--table", tmp_path / "cases.csv", "--out", tmp_path / "model")
    assert fitted.returncode == 0, fitted.stderr
    assert "AUC" in fitted.stdout
    assert str(tmp_path / "model") in fitted.stdout
    probability = {}
    for name, size in (("small", 3), ("large", 30)):
        row = tmp_path / f"{name}.csv"
        row.write_text(f"case,size,edge,kind\n{name},{size},Medium,Solid\n")
        done = run("diagnose", tmp_path / "model", "--table", row, "--out", tmp_path / name, "--json")
        assert done.returncode == 0, done.stderr
        probability[name] = json.loads(done.stdout)["result"]["probability"]
        assert {path.name for path in (tmp_path / name).iterdir()} >= {"report.html", "prediction.json"}
        assert "<html" in (tmp_path / name / "report.html").read_text(encoding="utf-8")
    assert probability["small"] < 0.3
    assert probability["large"] > 0.7


def test_the_shipped_model_has_a_name(tmp_path):
    import argparse

    args = argparse.Namespace(
        case=None,
        db=None,
        table=tmp_path,
        image=None,
        segmentation=None,
        segment=None,
        formats=(),
        facts=(),
        out=tmp_path / "out",
    )
    for name in shipped_models():
        args.model = Path(name)
        assert DIAGNOSE.request(args).model == shipped_model_folder(name)
    for name, meant in (
        ("gout", ":"),
        ("lungnodule", r" \(did you mean lung_nodule\?\):"),
        ("Lung Nodule", r" \(did you mean"),
    ):
        args.model = Path(name)
        with pytest.raises(InputError, match=f"MODEL_DIR: {name} does not exist{meant}") as told:
            DIAGNOSE.request(args)
        assert all(name in str(told.value) for name in shipped_models())


def test_help_names_the_models_that_ship(capsys):
    with pytest.raises(SystemExit):
        main(["diagnose", "--help"])
    said = "".join(capsys.readouterr().out.split())
    assert f"oramodelthatships:{','.join(shipped_models())}" in said


def test_dicom_is_written_and_left_out_as_is_asked(tmp_path, capsys):
    """The output says whose name the files carry."""
    pytest.importorskip("highdicom", reason="highdicom writes DICOM objects")
    series = dicom_files.write_series(tmp_path / "ct")
    image = read_volume(series)
    lesion = tmp_path / "nodule.seg.nrrd"
    write_segmentation(dicom_files.lesion_on(image), [named_segment(2, "Other"), named_segment(5, "Nodule")], lesion)
    words = [
        "diagnose",
        "lung_nodule",
        "--image",
        str(series),
        "--segmentation",
        str(lesion),
        "--segment",
        "Nodule",
        "--in-process",
    ]
    assert main([*words, "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "Patient in report.dcm and segmentation.dcm: Müller Jürgen (ID P-17, born" in said
    assert {"report.dcm", "segmentation.dcm"} <= {path.name for path in (tmp_path / "out").iterdir()}
    assert main([*words, "--out", str(tmp_path / "plain"), "--formats", "no-dicom"]) == 0
    assert "Jürgen" not in capsys.readouterr().out
    assert not [path for path in (tmp_path / "plain").iterdir() if path.suffix == ".dcm"]
    assert main([*words, "--out", str(tmp_path / "both"), "--formats", "no-dicom", "seg"]) == 2
    assert "no-dicom and seg contradict each other" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--case", "1"], "--db URL is missing, expected both"),
        (["--db", "cases.sqlite"], "--case ID is missing, expected both"),
        (["--case", "1", "--db", "absent.sqlite"], "absent.sqlite does not exist"),
        (["--table", "ROW", "--image", "ROW"], "--image without --segmentation"),
        (["--table", "absent.csv"], "absent.csv does not exist"),
        (["--table", "ROW", "--case", "1"], "not allowed with argument"),
    ],
)
def test_sources_that_do_not_go_together(tmp_path, capsys, words, message):
    row = tmp_path / "row.csv"
    row.write_text("size\n3\n")
    words = [str(row) if word == "ROW" else word for word in words]
    assert main(["diagnose", "lung_nodule", *words, "--out", str(tmp_path / "out"), "--quiet"]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("size", "shown", "absent"), [(8, "interval", "abstains"), (190, "no assessment", " 99")])
def test_demo_says_of_the_nodule_what_its_report_says(toy_model, tmp_path, size, shown, absent):
    prediction = predict_case(toy_model, {"size": size, "ratio": 0.2, "edge": "Blurred", "kind": 1})
    result = demo_job.Result(
        report=tmp_path / "report.html",
        scene=tmp_path / "scene.mrb",
        consistency_before_mm=None,
        consistency_after_mm=None,
        phantom_before_mm=9.0,
        phantom_after_mm=1.0,
        nodule_probability=prediction.probability,
        nodule_abstains=prediction.abstains,
        nodule_summary=summary_lines(prediction),
    )
    assert from_json(demo_job.Result, to_json(result)) == result
    (line,) = [line for line in DEMO.summary(result) if line.startswith(prediction.pathology)]
    assert shown in line
    assert absent not in line
    percent = f"{100 * prediction.probability:.0f} %"
    assert (percent in line) != prediction.abstains
    told = any(line.startswith("Abstains: ") for line in DEMO.summary(result))
    assert told == prediction.abstains == result.nodule_abstains


@pytest.mark.slow
def test_demo_offline(tmp_path):
    done = run("demo", "--offline", "--out", tmp_path / "demo")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "demo" / "report.html").stat().st_size > 10_000
    assert "target registration error" in done.stdout
    prediction = json.loads((tmp_path / "demo" / "prediction.json").read_text(encoding="utf-8"))
    assert ("no assessment" in done.stdout) == prediction["abstains"]
