"""A command over the example job of the job tests, to test the command line without images."""

import importlib
import os
import sys
from pathlib import Path

import pytest

from MedDeepRegSegLib.jobs import registry

JOBS = Path(__file__).parents[1] / "jobs"


@pytest.fixture
def example_commands(monkeypatch):
    """Return the subcommands ``example OUT BEHAVIOR`` and ``broken``."""
    monkeypatch.syspath_prepend(str(JOBS))
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(JOBS), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setitem(registry.JOBS, "example", "example_job")
    sys.modules.pop("example_command", None)
    return importlib.import_module("example_command").COMMANDS
