"""One process at a time runs a case."""

import os
import signal
import subprocess
import sys
import time

import pytest

from MedDeepRegSegLib.errors import Canceled
from MedDeepRegSegLib.jobs.batch_lock import CaseLock
from MedDeepRegSegLib.jobs.progress import CancelToken

HOLD = """
import subprocess, sys, time
from pathlib import Path
from MedDeepRegSegLib.jobs.batch_lock import CaseLock
with CaseLock(Path(sys.argv[1])) as lock:
    held = (lock.descriptor,) if sys.argv[2] == "child" else ()
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], pass_fds=held)
    print(child.pid, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path):
    """Return a function that starts a process that holds the lock, and returns it and its child's number."""
    ended = []

    def hold(who):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(tmp_path / "case"), who],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        child = int(process.stdout.readline())
        ended.extend([process.pid, child])
        return process, child

    yield hold
    for pid in ended:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def test_the_lock_leaves_nothing_behind(tmp_path):
    with CaseLock(tmp_path / "case") as lock:
        assert not lock.waited
        assert (tmp_path / ".case.running").is_file()
    assert list(tmp_path.iterdir()) == []


def test_a_cancel_ends_the_wait(holder, tmp_path):
    process, _ = holder("child")
    token, told = CancelToken(), []

    def progress(fraction, message):
        told.append(message)
        token.cancel()

    with pytest.raises(Canceled), CaseLock(tmp_path / "case", progress=progress, cancel=token):
        pass
    assert told[0].startswith(f"waiting for process {process.pid} on ")
    assert (tmp_path / ".case.running").is_file()


@pytest.mark.skipif(sys.platform == "win32", reason="a killed process of POSIX")
@pytest.mark.parametrize("who", ["parent", "child"])
def test_a_killed_process_frees_the_case_when_its_child_has_ended_too(holder, tmp_path, who):
    process, child = holder(who)
    process.kill()
    process.wait()
    ends = []

    def progress(fraction, message):
        if not ends:
            os.kill(child, signal.SIGKILL)
            ends.append(time.monotonic())

    with CaseLock(tmp_path / "case", progress=progress) as lock:
        assert lock.waited == (who == "child")
    assert bool(ends) == (who == "child")
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_without_locks_has_none(monkeypatch, tmp_path):
    fcntl = pytest.importorskip("fcntl")

    def refuse(file, what):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with CaseLock(tmp_path / "case") as lock:
        assert not lock.waited
