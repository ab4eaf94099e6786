"""Many cases, by threads and by a cluster of Dask in this process."""

import threading
import time

import pytest

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs import batch_crew
from MedDeepRegSegLib.jobs.batch_crew import CrewLost, ThreadCrew
from MedDeepRegSegLib.jobs.processes import alive
from MedDeepRegSegLib.jobs.progress import CancelToken


@pytest.fixture(params=["threads", "dask"], autouse=True)
def crew(request, monkeypatch):
    """Who runs the cases."""
    if request.param == "dask":
        pytest.importorskip("distributed")
    monkeypatch.setattr(batch_crew, "_has_dask", lambda: request.param == "dask")
    return request.param


def test_a_case_that_fails_does_not_stop_the_others(batch, summary, tmp_path):
    told = []
    cases = {"a": "work", "b": "bad row", "c": "segfault", "d": "input", "e": "work"}
    outcomes = batch(cases, steps=50, workers=2, progress=lambda fraction, message: told.append((fraction, message)))
    assert [(one.name, one.status) for one in outcomes] == [
        *(("a", "done"), ("b", "failed"), ("c", "failed"), ("d", "failed"), ("e", "done"))
    ]
    rows = summary()
    assert (rows["a"]["status"], rows["a"]["light"], rows["a"]["error"]) == ("done", "25", "")
    assert rows["b"]["error"] == "kind is 'x', expected one of a, b: choose one"
    assert "crashed" in rows["c"]["error"]
    assert rows["d"]["error"] == "fixed image has 4 components, expected 1: pick a scalar volume"
    assert rows["d"]["light"] == ""
    assert (tmp_path / "out" / "e" / "result" / "half.txt").is_file()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a", "e", "summary.csv"]
    assert told[-1] == (1.0, "5 of 5 cases")
    assert any("step" in message for _, message in told)


def test_cases_run_side_by_side(batch):
    seen = set()
    stop = threading.Event()

    def watch():
        while not stop.is_set():
            seen.add(sum(job.state == "running" for job in list(batch.made)))
            time.sleep(0.01)

    for workers in (None, 2):
        seen.clear()
        stop.clear()
        thread = threading.Thread(target=watch)
        thread.start()
        batch(dict.fromkeys("abc"[: 1 + (workers or 1)], "work"), steps=30, workers=workers, again=True)
        stop.set()
        thread.join()
        assert max(seen) == (workers or 1)


def test_cancel_ends_the_children_and_a_second_run_goes_on(batch, summary):
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
    assert [summary()[name]["status"] for name in "abc"] == ["done", "canceled", "canceled"]
    assert [one.status for one in batch({"a": "work", "b": "work", "c": "work"})] == ["skipped", "done", "done"]


@pytest.fixture
def tables(batch, monkeypatch, tmp_path):
    """Two cases that are done, with a table each."""
    batch({"a": "work", "b": "work", "c": "bad row"}, workers=2)
    for name, text in (("a", "Segment,Volume\nLiver,3\nTumor,1\n"), ("b", "Segment,Mean,name\nLiver,40,x\n")):
        (tmp_path / "out" / name / "table.csv").write_text(text)
    monkeypatch.setattr(batch.kind, "JOINED", "table.csv")
    return tmp_path / "out"


def test_tables_of_all_cases_are_joined(batch, tables):
    batch({"a": "work", "b": "work", "c": "bad row"}, workers=2)
    assert (tables / "table.csv").read_text().splitlines() == [
        "name,Segment,Volume,Mean",
        "a,Liver,3,",
        "a,Tumor,1,",
        "b,Liver,,40",
    ]
    batch({"c": "bad row"})
    assert not (tables / "table.csv").exists()


def test_a_table_that_is_gone_hides_no_other_error(batch, tables):
    (tables / "a" / "table.csv").unlink()
    with pytest.raises(InputError, match=r"a.table\.csv was removed while the batch ran: run it again"):
        batch({"a": "work", "b": "work"})
    assert "b,Liver,40" in (tables / "table.csv").read_text()

    class Lost(ThreadCrew):
        def ended(self, timeout_s):
            ended = super().ended(20.0)
            if not ended:
                msg = "nobody works"
                raise CrewLost(msg)
            return ended

        def start(self, cases, orders):
            super().start(cases[:1], orders)

    with pytest.raises(InputError, match="nobody works; 1 of 2 cases are done: run it again to go on"):
        batch({"a": "work", "b": "work"}, crew=Lost(1))
