"""The example job kind, known to tests only."""

import sys
from pathlib import Path

import pytest

from MedDeepRegSegLib.jobs import registry

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
