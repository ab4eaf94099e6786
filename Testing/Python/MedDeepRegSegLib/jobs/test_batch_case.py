"""One case: what is done is not done again, unless something has changed."""

import json
import os
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from MedDeepRegSegLib.jobs import batch_case, registry
from MedDeepRegSegLib.jobs.batch_case import RECORD, Case, run_case
from MedDeepRegSegLib.jobs.batch_lock import CaseLock
from MedDeepRegSegLib.jobs.failures import JobFailed
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
    files = json.loads((tmp_path / "a" / RECORD).read_text())["files"]
    assert [file["name"] for file in files] == ["result.nii.gz", "result/half.txt"]
    again = run()
    assert (again.status, again.figures, again.seconds) == ("skipped", first.figures, first.seconds)
    assert run(again=True).status == "done"
    assert run(steps=4).figures == {"value": "2"}


def test_a_failure_takes_the_place_of_what_was_done(run, tmp_path):
    assert run().status == "done"
    failed = run("fail")
    assert failed.status == "failed"
    assert "ZeroDivisionError" in failed.error
    assert json.loads((tmp_path / "a" / RECORD).read_text())["outcome"] is None
    assert not (tmp_path / ".a.running").exists()
    assert run().status == "done"


def test_a_case_is_done_again_when_its_output_is_lost(run, tmp_path):
    assert run().status == "done"
    (tmp_path / "a" / "result" / "half.txt").unlink()
    (tmp_path / "a" / "result").rmdir()
    assert run().status == "done"


def test_what_a_person_changed_is_not_overwritten(run, tmp_path):
    """Such as a segmentation that was corrected by hand."""
    assert run().status == "done"
    output = tmp_path / "a" / "result" / "half.txt"
    output.write_text("mine")
    for steps in (2, 4):
        outcome = run(steps=steps)
        assert outcome.status == "failed"
        assert f"{output} has changed since this case wrote it" in outcome.error
        assert "run the batch with --again to overwrite it" in outcome.error
        assert output.read_text() == "mine"
    assert run(again=True).status == "done"
    assert output.read_text() == "half"
    (tmp_path / "a" / "notes.txt").write_text("not in the way")
    assert run().status == "skipped"
    assert run(steps=4).status == "done"


def test_files_without_a_record_are_not_overwritten(run, tmp_path):
    output = tmp_path / "a" / "result" / "half.txt"
    output.parent.mkdir(parents=True)
    output.write_text("mine")
    (tmp_path / "a" / RECORD).write_text("{")
    outcome = run()
    assert outcome.status == "failed"
    assert "holds files, for example result/half.txt, and no record that this case wrote them: move" in outcome.error
    assert output.read_text() == "mine"
    assert run(again=True).status == "done"


def test_what_a_killed_process_left_is_the_cases_own(run, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / RECORD).write_text('{"files": [], "fingerprint": "", "outcome": null, "running": true}')
    (tmp_path / "a" / "result.nii.gz").write_text("of the killed process")
    assert run().status == "done"
    assert "result.nii.gz" in (tmp_path / "a" / RECORD).read_text()


def test_a_failure_of_the_first_run_leaves_nothing(run, tmp_path):
    assert run("fail").status == "failed"
    assert not (tmp_path / "a").exists()


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


def test_what_another_process_ended_just_before_the_lock_is_kept(run, monkeypatch, tmp_path):
    """It was asked for before the lock was tried, and the lock was free again."""
    outcome = run()
    (tmp_path / "a" / RECORD).rename(tmp_path / "kept.json")

    class Late(CaseLock):
        def __enter__(self):
            (tmp_path / "kept.json").rename(tmp_path / "a" / RECORD)
            return super().__enter__()

    monkeypatch.setattr(batch_case, "CaseLock", Late)
    found = run()
    assert (found.status, found.seconds) == ("skipped", outcome.seconds)


def test_a_fault_of_the_process_is_told_in_its_own_words(run, monkeypatch):
    class Worse(JobFailed):
        """A fault of a kind that is yet to come."""

    def awaited(*_):
        raise Worse("the process crashed,\nsee its log")

    monkeypatch.setattr(batch_case, "_awaited", awaited)
    assert run().error == "the process crashed, see its log"


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
