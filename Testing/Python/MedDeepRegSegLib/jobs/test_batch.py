import csv
import threading
import time
from types import SimpleNamespace

import pytest

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.batch import batch_kind, run_batch
from MedDeepRegSegLib.jobs.batch_table import Row
from MedDeepRegSegLib.jobs.child import ChildJob
from MedDeepRegSegLib.jobs.processes import alive
from MedDeepRegSegLib.jobs.progress import CancelToken


@pytest.fixture
def batch(example, example_command, tmp_path):
    """Return a function that runs cases {name: behavior} of the example job; ``made`` lists the jobs that it started."""
    made = []

    def make_job(job, request, folder):
        made.append(ChildJob(job, request, folder, command=example_command(folder)))
        return made[-1]

    def request(row, out, *, seed):
        if row.values["behavior"] == "bad row":
            msg = "kind is 'x', expected one of a, b: choose one"
            raise InputError(msg)
        return example.Request(out=out / "result", behavior=row.values["behavior"], steps=int(row.values["steps"]))

    kind = SimpleNamespace(
        JOB="example", FIGURES=("light",), request=request, figures=lambda result: {"light": f"{result.value:g}"}
    )

    def run(cases, *, steps=5, **options):
        made.clear()
        rows = [Row(name, {"behavior": behavior, "steps": str(steps)}, tmp_path) for name, behavior in cases.items()]
        return run_batch(kind, rows, tmp_path / "out", make_job=make_job, **options)

    run.made = made
    return run


def summary(tmp_path):
    with (tmp_path / "out" / "summary.csv").open(newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def test_a_case_that_fails_does_not_stop_the_others(batch, tmp_path):
    told = []
    cases = {"a": "work", "b": "bad row", "c": "segfault", "d": "input", "e": "work"}
    outcomes = batch(cases, steps=50, workers=2, progress=lambda fraction, message: told.append((fraction, message)))
    assert [(one.name, one.status) for one in outcomes] == [
        *(("a", "done"), ("b", "failed"), ("c", "failed"), ("d", "failed"), ("e", "done"))
    ]
    rows = summary(tmp_path)
    assert (rows["a"]["status"], rows["a"]["light"], rows["a"]["error"]) == ("done", "25", "")
    assert rows["b"]["error"] == "kind is 'x', expected one of a, b: choose one"
    assert "crashed" in rows["c"]["error"]
    assert rows["d"]["error"] == "fixed image has 4 components, expected 1: pick a scalar volume"
    assert rows["d"]["light"] == ""
    assert (tmp_path / "out" / "e" / "result" / "half.txt").is_file()
    assert not (tmp_path / "out" / "c").exists() or not list((tmp_path / "out" / "c").iterdir())
    assert told[-1] == (1.0, "5 of 5 cases")
    assert any("step" in message for _, message in told)


def test_what_is_done_is_not_done_again_unless_asked_or_changed(batch, tmp_path):
    assert [one.status for one in batch({"a": "work", "b": "fail"})] == ["done", "failed"]
    assert [one.status for one in batch({"a": "work", "b": "work", "c": "work"})] == ["skipped", "done", "done"]
    assert len(batch.made) == 2
    assert summary(tmp_path)["a"]["light"] == "2.5"
    assert summary(tmp_path)["a"]["status"] == "done"
    assert [one.status for one in batch({"a": "work"}, again=True)] == ["done"]
    assert [one.status for one in batch({"a": "work"}, steps=6)] == ["done"]
    assert summary(tmp_path)["a"]["light"] == "3"
    assert [one.status for one in batch({"a": "fail"}, steps=6)] == ["failed"]
    # The failure took the old result's place, so it is not taken for done.
    assert [one.status for one in batch({"a": "work"}, steps=6)] == ["done"]
    (tmp_path / "out" / "a" / "case.json").write_text("{")
    assert [one.status for one in batch({"a": "work"}, steps=6)] == ["done"]


def test_cases_run_side_by_side(batch):
    seen = set()
    stop = threading.Event()

    def watch():
        while not stop.is_set():
            seen.add(sum(job.state == "running" for job in list(batch.made)))
            time.sleep(0.01)

    for workers in (1, 2):
        seen.clear()
        stop.clear()
        thread = threading.Thread(target=watch)
        thread.start()
        batch({"a": "work", "b": "work", "c": "work"}, steps=40, workers=workers, again=True)
        stop.set()
        thread.join()
        assert max(seen) == workers


def test_cancel_ends_the_children_and_a_second_run_goes_on(batch, tmp_path):
    token = CancelToken()

    def progress(fraction, message):
        if message.startswith("1 of") and any(job.state == "running" for job in batch.made[1:]):
            token.cancel()

    began = time.monotonic()
    with pytest.raises(Canceled, match="1 of 3 cases are done: run it again to go on"):
        batch({"a": "work", "b": "sleep", "c": "work"}, progress=progress, cancel=token)
    assert time.monotonic() - began < 60
    assert [job.state for job in batch.made] == ["done", "canceled"]
    assert not any(alive(job._pid) for job in batch.made)
    assert [summary(tmp_path)[name]["status"] for name in "abc"] == ["done", "canceled", "canceled"]
    assert [one.status for one in batch({"a": "work", "b": "work", "c": "work"})] == ["skipped", "done", "done"]


def test_a_command_that_knows_no_table_is_refused():
    assert batch_kind("register").REQUIRED == ("fixed", "moving")
    with pytest.raises(InputError, match="'grow' cannot be run over a table, expected one of: register"):
        batch_kind("grow")
