"""Workers of Dask: in this process, and of a scheduler in processes of its own, as on other machines."""

import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.batch_lock import CaseLock
from MedDeepRegSegLib.jobs.processes import alive
from MedDeepRegSegLib.jobs.progress import CancelToken

pytest.importorskip("distributed")

from distributed import Client

from MedDeepRegSegLib.jobs import batch_dask

HERE = Path(__file__).parent
RUN = "import sys; from dask.__main__ import main; sys.argv[0] = 'dask'; main()"
WITHOUT_MEDDEEP = "import sys; sys.modules['MedDeepRegSegLib'] = None; "


class Cluster:
    """A scheduler and its workers."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._processes = folder, []
        file = folder / "scheduler.json"
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file))
        wait_until(lambda: file.is_file() and file.read_text().endswith("}"))
        self.address = file.read_text().split('"address": "')[1].split('"')[0]

    def add_worker(self, code: str = "") -> subprocess.Popen:
        """Start a worker for one case at a time."""
        options = ["--nthreads", "1", "--no-nanny", "--host", "127.0.0.1", "--local-directory", str(self._folder)]
        return self._start("worker", self.address, *options, code=code)

    def _start(self, *words: str, code: str = "") -> subprocess.Popen:
        library = str(HERE.parents[3] / "MedDeepRegSeg")
        process = subprocess.Popen(
            [sys.executable, "-c", code + RUN, *words, "--no-dashboard"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([library, str(HERE)])},
        )
        self._processes.append(process)
        return process

    def close(self) -> None:
        for process in reversed(self._processes):
            process.kill()
        for process in self._processes:
            process.wait(20)


def wait_until(true, seconds=60.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def cluster(tmp_path_factory):
    made = Cluster(tmp_path_factory.mktemp("dask"))
    yield made
    made.close()


@pytest.fixture
def in_background(batch):
    """Return a function that runs a batch in a thread; what it returned or raised is in the list that it returns."""
    threads = []

    def start(*args, **options):
        found = []

        def work():
            try:
                found.append(batch(*args, **options))
            except Exception as error:
                found.append(error)

        threads.append(threading.Thread(target=work))
        threads[-1].start()
        return found

    yield start
    for thread in threads:
        thread.join(60)


def children(tmp_path, name):
    """The processes that began a case of the behavior "log", in their order."""
    log = tmp_path / "out" / name / "result.log"
    return [int(word) for word in log.read_text().split()] if log.is_file() else []


def test_nothing_is_opened_to_the_network_and_nothing_is_logged(batch, capfd):
    import psutil

    level = logging.getLogger("distributed").level
    seen = set()

    def progress(fraction, message):
        seen.update(one.laddr for one in psutil.Process().net_connections("inet") if one.status == "LISTEN")

    before = {one.laddr for one in psutil.Process().net_connections("inet") if one.status == "LISTEN"}
    assert [one.status for one in batch({"a": "work", "b": "fail"}, workers=2, progress=progress)] == ["done", "failed"]
    assert {address.ip for address in seen - before} <= {"127.0.0.1"}
    assert 8787 not in {address.port for address in seen - before}
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")
    assert logging.getLogger("distributed").level == level


@pytest.mark.slow
def test_a_lost_worker_is_replaced_and_no_case_runs_twice_at_once(batch, cluster, in_background, summary, tmp_path):
    workers = [cluster.add_worker(), cluster.add_worker()]
    told = []
    cases = {"a": "log", "b": "log", "c": "input"}
    found = in_background(
        cases, steps=120, scheduler=cluster.address, progress=lambda fraction, message: told.append(message)
    )
    wait_until(lambda: children(tmp_path, "a") and children(tmp_path, "b"))
    wait_until(lambda: any("step" in message for message in told))
    workers[0].kill()
    wait_until(lambda: found)
    assert [one.status for one in found[0]] == ["done", "done", "failed"]
    assert summary()["c"]["error"].startswith("fixed image has 4 components")
    began = [children(tmp_path, name) for name in "ab"]
    assert sorted(map(len, began)) == [1, 2]
    assert not any(alive(pid) for pids in began for pid in pids)
    # Nobody here started a child: the workers did. And they are free again for another batch.
    assert batch.made == []
    assert [one.status for one in batch({"a": "log", "b": "log"}, steps=120, scheduler=cluster.address)] == [
        "skipped",
        "skipped",
    ]


@pytest.mark.slow
def test_a_lost_scheduler_is_told_and_the_next_run_goes_on(batch, cluster, in_background, summary, tmp_path):
    cluster.add_worker()
    found = in_background({"a": "work", "b": "log", "c": "work"}, steps=100, scheduler=cluster.address)
    wait_until(lambda: children(tmp_path, "b"))
    cluster.scheduler.kill()
    wait_until(lambda: found)
    assert isinstance(found[0], InputError)
    assert f"the Dask scheduler at {cluster.address} was lost" in str(found[0])
    assert "1 of 3 cases are done: run it again to go on" in str(found[0])
    assert [summary()[name]["status"] for name in "abc"] == ["done", "not run", "not run"]
    statuses = [one.status for one in batch({"a": "work", "b": "log", "c": "work"}, steps=100)]
    assert statuses in (["skipped", "done", "done"], ["skipped", "skipped", "done"])


@pytest.mark.slow
def test_a_cancel_ends_the_children_of_workers(batch, cluster, summary, tmp_path):
    cluster.add_worker()
    token = CancelToken()

    def progress(fraction, message):
        if children(tmp_path, "a"):
            token.cancel()

    with pytest.raises(Canceled, match="0 of 3 cases are done"):
        batch(
            {"a": "log", "b": "work", "c": "work"},
            steps=3000,
            scheduler=cluster.address,
            workers=1,
            progress=progress,
            cancel=token,
        )
    assert not alive(children(tmp_path, "a")[0])
    assert {row["status"] for row in summary().values()} == {"canceled"}
    with CaseLock(tmp_path / "out" / "a") as lock:
        assert not lock.waited


@pytest.mark.slow
def test_workers_that_cannot_work_are_refused(batch, cluster, monkeypatch, tmp_path):
    monkeypatch.setattr(batch_dask, "NO_WORKERS_S", 0.5)
    monkeypatch.setattr(batch_dask, "LOOK_S", 0.2)
    told = []

    def refused():
        with pytest.raises(InputError) as caught:
            batch({"a": "work"}, scheduler=cluster.address, progress=lambda fraction, message: told.append(message))
        assert "0 of 1 cases are done: run it again to go on" in str(caught.value)
        return str(caught.value)

    assert f"has had no workers for 0 s: start some with 'dask worker {cluster.address}'" in refused()
    assert f"0 of 1 cases; waiting for a worker at {cluster.address}" in told
    monkeypatch.setattr(batch_dask, "NO_WORKERS_S", 60.0)
    worker = cluster.add_worker(WITHOUT_MEDDEEP)
    assert "lacks the Python package meddeep, expected version" in refused()
    worker.kill()
    worker.wait()
    cluster.add_worker()
    with monkeypatch.context() as patch:
        patch.setattr(batch_dask, "__version__", "99.0")
        assert "expected version 99.0: install the same version there" in refused()
    probe = batch_dask.probe
    with monkeypatch.context() as patch:
        patch.setattr(batch_dask, "probe", lambda mark: probe(mark.replace("/out/", "/not shared/")))
        assert f"does not see the folder {tmp_path / 'out'}: use a folder that all machines share" in refused()
    assert [one.status for one in batch({"a": "work"}, scheduler=cluster.address)] == ["done"]
    assert not list((tmp_path / "out").glob(".*"))


@pytest.mark.slow
def test_other_versions_are_refused_before_anything_is_sent(batch, cluster, monkeypatch):
    cluster.add_worker()
    sent = []
    for name in ("run", "submit"):
        monkeypatch.setattr(Client, name, lambda *args, name=name, **options: sent.append(name))
    get = Client.get_versions
    for who, package, version, says in (
        ("scheduler", "python", "3.1.2.final.0", f"the scheduler at {cluster.address} has Python 3.1, expected 3."),
        ("workers", "python", "3.1.2.final.0", r"the worker tcp://.* has Python 3.1, expected 3."),
        ("workers", "distributed", "2020.1.0", r"the worker tcp://.* has distributed 2020.1.0, expected 20"),
        ("workers", "cloudpickle", None, r"the worker tcp://.* has cloudpickle of an unknown version, expected"),
    ):

        def changed(client, who=who, package=package, version=version):
            found = get(client)
            for one in [found["scheduler"]] if who == "scheduler" else found["workers"].values():
                one["packages"][package] = version
            return found

        monkeypatch.setattr(Client, "get_versions", changed)
        with pytest.raises(InputError, match=says):
            batch({"a": "work"}, scheduler=cluster.address)
    assert sent == []


def test_workers_that_do_not_answer_are_not_waited_for_without_end(batch, monkeypatch):
    monkeypatch.setattr(batch_dask, "ANSWER_S", 0.2)
    deaf = threading.Event()
    monkeypatch.setattr(Client, "run", lambda *args, **options: deaf.wait(60))
    began = time.monotonic()
    with pytest.raises(InputError, match=r"has not answered for 0\.2 s: see whether all still run"):
        batch({"a": "work"})
    deaf.set()
    assert time.monotonic() - began < 30


def test_what_has_ended_is_kept_when_the_workers_are_lost(batch, monkeypatch, summary):
    """The first case has ended and is found in the very look that finds the second one lost."""
    fetched = batch_dask.DaskCrew._fetched

    def second_lost(self, name, future):
        if name == "b":
            raise self._lost()
        return fetched(self, name, future)

    def patient(self, done, deadline):
        await_(self, [], 0.0) if not self._sent else wait_until(lambda: all(one.done() for one in self._sent.values()))
        self._collect(done)

    await_ = batch_dask.DaskCrew._await
    monkeypatch.setattr(batch_dask.DaskCrew, "_fetched", second_lost)
    monkeypatch.setattr(batch_dask.DaskCrew, "_await", patient)
    with pytest.raises(InputError, match="was lost: see whether it still runs; 1 of 2 cases are done"):
        batch({"a": "work", "b": "work"}, workers=2)
    assert [summary()[name]["status"] for name in "ab"] == ["done", "not run"]


def test_dask_is_not_told_the_names_of_cases(batch, monkeypatch):
    """They may be those of patients; Dask's pages and logs show keys and messages."""
    keys, messages = [], []
    submit, hear = Client.submit, batch_dask.DaskCrew._hear

    def noted(self, *args, **options):
        keys.append(options["key"])
        return submit(self, *args, **options)

    def heard(self, event):
        messages.append(event[1])
        return hear(self, event)

    monkeypatch.setattr(Client, "submit", noted)
    monkeypatch.setattr(batch_dask.DaskCrew, "_hear", heard)
    told = []
    batch({"Doe-John": "work", "b": "work"}, steps=60, progress=lambda fraction, message: told.append(message))
    assert [key.rpartition("-")[2] for key in keys] == ["1", "2"]
    assert {message["case"] for message in messages} <= {1, 2}
    assert messages
    assert "Doe" not in str((keys, messages))
    assert any(message.endswith("cases; Doe-John: started") or "Doe-John: step" in message for message in told)
