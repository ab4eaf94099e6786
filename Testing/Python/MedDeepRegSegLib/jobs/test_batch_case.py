"""One case: what is done is not done again, unless something has changed."""

import json
import os
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from MedDeepRegSegLib.jobs import registry
from MedDeepRegSegLib.jobs.batch_case import RECORD, Case, run_case
from MedDeepRegSegLib.jobs.batch_lock import CaseLock
from MedDeepRegSegLib.jobs.progress import CancelToken


@dataclass(frozen=True)
class Images:
    """A part of a request."""

    paths: tuple[Path, ...]


@pytest.fixture
def run(example, monkeypatch, tmp_path):
    """Return a function that runs a case of the example job and returns its status and error."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))

    def run(behavior="work", *, steps=2, **options):
        request = example.Request(out=tmp_path / "a" / "result", behavior=behavior, steps=steps)
        case = Case("a", "example", request, tmp_path / "a", "run_example")
        return run_case(case, lambda result: {"value": f"{result.value:g}"}, **options)

    return run


def test_a_case_is_done_once(run, tmp_path):
    first = run()
    assert (first.status, first.figures) == ("done", {"value": "1"})
    assert first.seconds > 0
    assert json.loads((tmp_path / "a" / RECORD).read_text())["files"] == ["result"]
    again = run()
    assert (again.status, again.figures, again.seconds) == ("skipped", first.figures, first.seconds)
    assert run(again=True).status == "done"
    assert run(steps=4).figures == {"value": "2"}


def test_a_failure_takes_the_place_of_what_was_done(run, tmp_path):
    assert run().status == "done"
    failed = run("fail")
    assert failed.status == "failed"
    assert "ZeroDivisionError" in failed.error
    assert not (tmp_path / "a" / RECORD).exists()
    assert not (tmp_path / ".a.running").exists()


@pytest.mark.parametrize("damage", ["record", "output"])
def test_a_case_is_done_again_when_its_record_or_output_is_lost(run, tmp_path, damage):
    assert run().status == "done"
    if damage == "record":
        (tmp_path / "a" / RECORD).write_text("{")
    else:
        (tmp_path / "a" / "result" / "half.txt").unlink()
        (tmp_path / "a" / "result").rmdir()
    assert run().status == "done"


def test_a_case_that_was_canceled_before_does_not_start(run, tmp_path):
    token = CancelToken()
    token.cancel()
    assert run(cancel=token).status == "canceled"
    assert not (tmp_path / "a").exists()


def test_a_case_that_another_process_runs_is_waited_for(run, tmp_path):
    """What the other one did is what is wanted."""
    outcome = run()
    (tmp_path / "a" / RECORD).rename(tmp_path / "kept.json")
    told, waits = [], threading.Event()

    def progress(fraction, message):
        told.append(message)
        waits.set()

    found = []
    with CaseLock(tmp_path / "a"):
        thread = threading.Thread(target=lambda: found.append(run(progress=progress)))
        thread.start()
        assert waits.wait(20)
        (tmp_path / "kept.json").rename(tmp_path / "a" / RECORD)
    thread.join(20)
    assert found == [outcome]
    assert set(told) == {f"waiting for process {os.getpid()} on {os.uname().nodename}, which runs this case"}


def test_files_that_a_request_names_anywhere_are_looked_at(monkeypatch, tmp_path):
    """A file in a nested list, a file in a folder; not what the case itself writes."""
    from MedDeepRegSegLib.jobs.batch_case import _fingerprint

    series = tmp_path / "series"
    series.mkdir()
    for path in (tmp_path / "a.nii", series / "1.dcm"):
        path.write_text("x")
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    monkeypatch.setitem(registry.JOBS, "example", "example_job")
    out = tmp_path / "case"
    out.mkdir()
    case = Case("case", "example", Images((tmp_path / "a.nii", series, out / "result")), out)
    seen = [_fingerprint(case)]
    for path in (tmp_path / "a.nii", series / "1.dcm", series / "2.dcm"):
        path.write_text("longer")
        seen.append(_fingerprint(case))
    assert len(set(seen)) == 4
    (out / "result").write_text("x")
    assert _fingerprint(case) == seen[-1]
