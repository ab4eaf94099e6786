"""The jobs of this library are known to the one protocol."""

import dataclasses
import json
import subprocess
import sys

import pytest

import MedDeepDiagnosisLib.jobs  # noqa: F401  # adds the job kinds
from MedDeepRegSegLib.jobs.registry import JOBS, job_module
from MedDeepRegSegLib.jobs.schema import from_json


@pytest.mark.parametrize("name", ["fit", "diagnose"])
def test_jobs_are_registered_and_complete(name):
    module = job_module(name)
    assert module.__name__ == f"MedDeepDiagnosisLib.{name}_job"
    assert dataclasses.is_dataclass(module.Request)
    assert "demo" in JOBS


def test_importing_the_jobs_imports_nothing_heavy():
    code = (
        "import sys, MedDeepDiagnosisLib.jobs;"
        "print([m for m in ('numpy', 'SimpleITK', 'sklearn', 'jinja2', 'safetensors', 'torch') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_predicting_needs_no_learning_library(tmp_path, toy_model):
    from MedDeepDiagnosisLib.models.model_folder import write_model

    write_model(toy_model, "card", tmp_path / "model")
    code = (
        "import sys; from pathlib import Path;"
        "from MedDeepDiagnosisLib.models.model_folder import read_model;"
        "from MedDeepDiagnosisLib.models.prediction import predict_case;"
        "p = predict_case(read_model(Path(sys.argv[1])), {'size': 8, 'edge': 'Sharp'});"
        "assert 0 < p.probability < 1;"
        "print([m for m in ('sklearn', 'pandas', 'scipy', 'torch', 'pickle5') if m in sys.modules])"
    )
    arguments = [sys.executable, "-c", code, str(tmp_path / "model")]
    result = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_bad_request_comes_back_as_an_error_event(tmp_path):
    folder = tmp_path / "job"
    folder.mkdir()
    request = {"job": "fit", "request": {"pathology": "lung_nodule"}}
    (folder / "request.json").write_text(json.dumps(request))
    result = subprocess.run(
        [sys.executable, "-m", "MedDeepDiagnosisLib.jobs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode != 0
    last = json.loads((folder / "events.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    assert (last["type"], last["kind"]) == ("error", "input")
    assert "missing field" in last["message"]


def test_requests_survive_the_border(tmp_path):
    from MedDeepDiagnosisLib import diagnose_job, fit_job
    from MedDeepRegSegLib.jobs.schema import to_json

    for request in (
        fit_job.Request("lung_nodule", tmp_path / "a.sqlite", tmp_path / "m", exclude_patients=("LIDC-IDRI-0001",)),
        diagnose_job.Request(None, tmp_path / "row.csv", tmp_path / "out", segment="nodule"),
    ):
        assert from_json(type(request), json.loads(json.dumps(to_json(request)))) == request
