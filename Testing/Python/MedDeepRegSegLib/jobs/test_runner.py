import sys
import types

import pytest

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs import registry
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.jobs.registry import JOBS, job_module, register_jobs
from MedDeepRegSegLib.jobs.runner import run_job


def test_job_runs_in_this_process_with_progress(example, tmp_path):
    seen = []
    request = example.Request(out=tmp_path / "out", behavior="work", steps=3)
    result = run_job("example", request, progress=lambda fraction, message: seen.append(fraction))
    assert result == example.Result(out=tmp_path / "out", value=1.5)
    assert seen[-1] == 1.0
    assert (tmp_path / "out").is_dir()


def test_canceled_job_leaves_nothing(example, tmp_path):
    token = CancelToken()
    request = example.Request(out=tmp_path / "out", behavior="follow")
    with pytest.raises(Canceled):
        run_job("example", request, progress=lambda fraction, message: token.cancel(), cancel=token)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(Canceled):
        run_job("example", request, cancel=token)


def test_wrong_request_is_a_fault_of_the_program(example):
    with pytest.raises(TypeError, match="Request"):
        run_job("example", {"out": "a"})


@pytest.mark.parametrize("name", ["os", "example_job", "../x", "", "__import__", None, 5])
def test_unknown_names_are_only_looked_up(name):
    with pytest.raises(InputError, match="unknown kind"):
        job_module(name)


def test_registering(monkeypatch):
    monkeypatch.setattr(registry, "JOBS", dict(JOBS))
    register_jobs({"other": "some.module"})
    register_jobs({"other": "some.module"})  # importing a library twice is harmless
    with pytest.raises(ValueError, match="already registered"):
        register_jobs({"register": "some.module"})
    with pytest.raises(ValueError, match="malformed"):
        register_jobs({"a b": "some.module"})


def test_module_that_is_not_a_job_kind(monkeypatch):
    monkeypatch.setitem(JOBS, "broken", "broken_job_kind")
    monkeypatch.setitem(sys.modules, "broken_job_kind", types.ModuleType("broken_job_kind"))
    with pytest.raises(TypeError, match="no dataclass Request"):
        job_module("broken")
