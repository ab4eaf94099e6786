"""The example job kind, known to tests only."""

import csv
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs import registry
from MedDeepRegSegLib.jobs.batch_table import Row

HERE = Path(__file__).parent


@pytest.fixture
def example(monkeypatch):
    """Module of the example job kind, registered under the name ``example`` for one test."""
    monkeypatch.syspath_prepend(str(HERE))
    monkeypatch.setitem(registry.JOBS, "example", "example_job")
    return registry.job_module("example")


@pytest.fixture
def example_command():
    """Return the arguments that run a job folder with the example job kind."""
    return lambda folder: [sys.executable, str(HERE / "run_example.py"), str(folder)]


@pytest.fixture
def batch(example, monkeypatch, tmp_path):
    """Return a function that runs cases {name: behavior} of the example job; ``made`` lists the jobs that it started here."""
    from MedDeepRegSegLib.jobs import batch_case
    from MedDeepRegSegLib.jobs.batch import run_batch
    from MedDeepRegSegLib.jobs.batch_crew import make_crew

    monkeypatch.setenv("PYTHONPATH", str(HERE))
    made = []

    class Noted(batch_case.ChildJob):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            made.append(self)

    monkeypatch.setattr(batch_case, "ChildJob", Noted)

    def request(row, out, *, seed, device):
        if row.values["behavior"] == "bad row":
            msg = "kind is 'x', expected one of a, b: choose one"
            raise InputError(msg)
        return example.Request(out=out / "result", behavior=row.values["behavior"], steps=int(row.values["steps"]))

    kind = SimpleNamespace(
        JOB="example",
        JOBS="run_example",
        FIGURES=("light",),
        JOINED="",
        request=request,
        figures=lambda result: {"light": f"{result.value:g}"},
    )

    def run(cases, *, steps=5, workers=None, scheduler=None, crew=None, **options):
        made.clear()
        rows = [Row(name, {"behavior": behavior, "steps": str(steps)}, tmp_path) for name, behavior in cases.items()]
        crew = make_crew(workers, scheduler) if crew is None else crew
        return run_batch(kind, rows, tmp_path / "out", crew=crew, **options)

    run.made = made
    run.kind = kind
    return run


@pytest.fixture
def summary(tmp_path):
    """Return a function that reads the summary of the batch: name to row."""

    def read():
        with (tmp_path / "out" / "summary.csv").open(newline="") as file:
            return {row["name"]: row for row in csv.DictReader(file)}

    return read
