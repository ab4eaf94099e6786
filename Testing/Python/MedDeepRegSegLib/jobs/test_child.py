"""Real child processes: what they say, how they end, and what they leave behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from MedDeepRegSegLib.errors import Canceled, InputError, MissingPackageError
from MedDeepRegSegLib.jobs.child import ChildJob, JobFailed, child_environment, command_line, launch
from MedDeepRegSegLib.jobs.processes import alive, tree_alive

LIMIT_S = 2.0
"""A canceled job must be gone after this time."""

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@pytest.fixture
def start(tmp_path, example, example_command):
    jobs = []

    def start_job(behavior, **options):
        folder = tmp_path / f"job{len(jobs)}"
        request = example.Request(out=tmp_path / f"out{len(jobs)}", behavior=behavior, **options.pop("request", {}))
        job = ChildJob("example", request, folder, **{"command": example_command(folder), **options})
        jobs.append(job)
        job.start()
        return job

    yield start_job
    for job in jobs:
        job.close()


def wait_for(condition, timeout_s=15):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def wait_for_event(job, pattern):
    """Return the first progress message that matches, and the process number of the job."""
    deadline = time.monotonic() + 15
    pid = None
    while time.monotonic() < deadline:
        for event in job.poll():
            pid = event.data["pid"] if event.kind == "started" else pid
            if event.kind == "progress" and re.match(pattern, event.message):
                return event.message, pid
        time.sleep(0.01)
    pytest.fail(f"no progress like {pattern}; state {job.state}, error {job.error}, log {job.folder.log_tail()}")


def leftovers(tmp_path):
    return sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith("job"))


def cancel_and_measure(job, pids):
    began = time.monotonic()
    job.cancel()
    asked = time.monotonic() - began
    wait_for(lambda: not any(alive(pid) for pid in pids))
    took = time.monotonic() - began
    assert asked < 0.2, "cancel must return at once"
    assert took < LIMIT_S
    wait_for(lambda: job.state == "canceled")
    with pytest.raises(Canceled):
        _ = job.result


def test_events_come_in_order_and_the_result_is_typed(start, tmp_path):
    job = start("work")
    events = []
    while job.state in ("starting", "running"):
        events += job.poll()
        time.sleep(0.01)
    events += job.poll()
    kinds = [event.kind for event in events]
    assert kinds[0] == "started"
    assert kinds[-1] == "result"
    assert set(kinds[1:-1]) == {"progress"}
    fractions = [event.fraction for event in events if event.kind == "progress"]
    assert fractions == sorted(fractions)
    assert events[-2].message == "all steps done"
    assert job.state == "done"
    assert job.error is None
    assert job.result == type(job.result)(out=tmp_path / "out0", value=2.5)
    assert leftovers(tmp_path) == ["out0", "out0.nii.gz"]
    assert job.poll() == []


def test_progress_is_limited_and_the_last_one_always_comes(start):
    job = start("many")
    job.wait(20)
    messages = [event.message for event in job.poll() if event.kind == "progress"]
    assert messages[-1] == "last"
    assert len(messages) < 100


def test_much_output_never_blocks_the_job(start):
    job = start("noise")
    job.wait(20)
    assert job.folder.log.stat().st_size > 4_000_000


@pytest.mark.parametrize(
    ("behavior", "error", "message"),
    [
        ("input", InputError, "fixed image has 4 components, expected 1: pick a scalar volume"),
        ("package", MissingPackageError, "torch is needed: pip install torch"),
        ("fail", JobFailed, "ZeroDivisionError: division by zero"),
        ("nan", JobFailed, r".*result of job 'example' cannot be sent: value: expected a finite number.*"),
    ],
)
def test_errors_come_back_as_errors_with_their_cause(start, tmp_path, behavior, error, message):
    job = start(behavior)
    with pytest.raises(error) as caught:
        job.wait(20)
    assert re.fullmatch(message, str(caught.value))
    assert "Traceback" in str(caught.value.__cause__)
    assert "inside.py" in str(caught.value.__cause__)
    assert job.state == "failed"
    # An output that was complete before a result that cannot be sent stays; a failed job leaves none.
    assert leftovers(tmp_path) == (["out0", "out0.nii.gz"] if behavior == "nan" else [])


@pytest.mark.parametrize(
    ("behavior", "message"),
    [("segfault", r"crashed \(SIGSEGV\)"), ("exit", r"ended unexpectedly \(exit code 7\).*the last words")],
)
@posix_only
def test_a_crash_is_told_with_the_end_of_the_log(start, tmp_path, behavior, message):
    job = start(behavior)
    with pytest.raises(JobFailed, match=message) as caught:
        job.wait(20)
    assert caught.value.cause
    if behavior == "segfault":
        assert "example_job.py" in caught.value.cause  # where in Python it crashed
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("behavior", ["follow", "sleep", "gil", "itk"])
def test_cancel_ends_the_job_whatever_it_does(start, tmp_path, behavior):
    job = start(behavior)
    _, pid = wait_for_event(job, "started")
    time.sleep(0.3)  # deep in its work
    assert alive(pid)
    cancel_and_measure(job, [pid])
    assert leftovers(tmp_path) == []


@posix_only
def test_cancel_ends_what_the_job_started(start, tmp_path):
    job = start("tree")
    message, pid = wait_for_event(job, "pids")
    pids = [pid, *map(int, message.split()[1:])]
    assert len(pids) == 4
    assert all(alive(each) for each in pids)
    cancel_and_measure(job, pids)
    assert leftovers(tmp_path) == []


def launch_through_launcher(args, updateEnvironment=None):
    """Start the job as a child of a launcher that waits for it, as PythonSlicer does."""
    code = "import subprocess, sys; sys.exit(subprocess.Popen(sys.argv[1:]).wait())"
    return launch([sys.executable, "-c", code, *args], updateEnvironment=updateEnvironment)


@pytest.mark.parametrize("behavior", ["work", "sleep", "gil"])
def test_job_behind_a_launcher(start, tmp_path, behavior):
    job = start(behavior, launch=launch_through_launcher)
    _, pid = wait_for_event(job, "started")
    launcher = job._process.pid
    assert pid != launcher
    if behavior == "work":
        assert job.wait(20).value == 2.5
    else:
        cancel_and_measure(job, [pid, launcher])
        assert leftovers(tmp_path) == []


def test_cancel_at_once_after_start(start, tmp_path):
    job = start("sleep", launch=launch_through_launcher)
    began = time.monotonic()
    job.cancel()
    wait_for(lambda: job.state == "canceled")
    assert time.monotonic() - began < LIMIT_S
    wait_for(lambda: not tree_alive(job._process.pid), 1)
    assert leftovers(tmp_path) == []


def test_cancel_before_start_and_after_the_end(tmp_path, example, example_command, start):
    request = example.Request(out=tmp_path / "out", behavior="work")
    job = ChildJob("example", request, tmp_path / "job", command=example_command(tmp_path / "job"))
    job.cancel()
    assert job.state == "canceled"
    done = start("work")
    done.wait(20)
    done.cancel()
    assert done.state == "done"


@pytest.mark.parametrize("number", ["SIGTERM", "SIGKILL"])
@posix_only
def test_a_job_killed_from_outside_is_told_and_cleaned(start, tmp_path, number):
    job = start("tree")
    message, pid = wait_for_event(job, "pids")
    grandchildren = [int(each) for each in message.split()[1:3]]
    assert leftovers(tmp_path) != []
    os.kill(pid, getattr(signal, number))
    with pytest.raises(JobFailed, match=number):
        job.wait(10)
    wait_for(lambda: not any(alive(each) for each in grandchildren), 1)
    assert leftovers(tmp_path) == []
    other = int(message.split()[3])  # left the tree by a session of its own, and its parent is gone
    if alive(other):
        os.kill(other, signal.SIGKILL)


OWNER = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from MedDeepRegSegLib.jobs.child import ChildJob
from MedDeepRegSegLib.jobs.registry import job_module, register_jobs
register_jobs({"example": "example_job"})
folder = Path(sys.argv[2])
request = job_module("example").Request(out=folder / "out", behavior=sys.argv[3])
command = [sys.executable, sys.argv[1] + "/run_example.py", str(folder / "job")]
job = ChildJob("example", request, folder / "job", command=command)
job.start()
time.sleep(600)
"""


@posix_only
@pytest.mark.parametrize("behavior", ["sleep", "tree"])
def test_the_job_ends_with_its_owner(tmp_path, behavior):
    here = os.path.dirname(__file__)
    owner = subprocess.Popen([sys.executable, "-c", OWNER, here, str(tmp_path), behavior])
    events = tmp_path / "job" / "events.jsonl"
    wanted = "pids" if behavior == "tree" else "progress"
    try:
        wait_for(lambda: events.exists() and wanted in events.read_text())
    finally:
        owner.kill()
        began = time.monotonic()
    # The owner is not collected: it stays a zombie, as where nothing collects orphans.
    lines = [json.loads(line) for line in events.read_text().splitlines()]
    pids = [lines[0]["pid"]]
    if behavior == "tree":
        pids += map(int, lines[-1]["message"].split()[1:])
    wait_for(lambda: not any(alive(pid) for pid in pids))
    assert time.monotonic() - began < LIMIT_S
    owner.wait()
    assert [path.name for path in tmp_path.iterdir()] == ["job"]


def test_damaged_lines_are_skipped_and_parts_are_waited_for(start):
    job = start("follow")
    _, _ = wait_for_event(job, "started")
    damaged = [
        b"not json",
        b"[]",
        b'{"type":"progress","fraction":"x"}',
        b'{"type":"progress","fraction":NaN}',
        b"\xff",
    ]
    damaged += [b'{"type":"magic"}', b'{"type":"started","pid":-1}', b"[" * 100_000]
    good = json.dumps({"type": "progress", "fraction": 7, "message": "too far"}).encode()
    with job.folder.events.open("ab") as file:
        file.write(b"\n".join(damaged) + b"\n" + good[:20])
    assert job.poll() == []
    with job.folder.events.open("ab") as file:
        file.write(good[20:] + b"\n")
    (event,) = job.poll()
    assert (event.fraction, event.message) == (1.0, "too far")
    assert job.state == "running"


def test_a_result_of_another_type_is_a_failure(start):
    job = start("follow")
    wait_for_event(job, "started")
    with job.folder.events.open("ab") as file:
        file.write(b'{"type":"result","result":{"out":"a","value":"high"}}\n')
    with pytest.raises(JobFailed, match="value: expected a number"):
        job.wait(10)


def test_a_program_that_cannot_start_is_told(start, tmp_path):
    job = start("work", command=[str(tmp_path / "no-such-python"), "x"])
    with pytest.raises(JobFailed, match="cannot be started"):
        job.wait(1)
    job = start("work", command=[sys.executable, "-c", "import no_such_package_here"])
    with pytest.raises(JobFailed, match=r"could not start \(exit code 1\).*no_such_package_here"):
        job.wait(10)


def test_wait_gives_up_and_the_job_goes_on(start):
    job = start("follow")
    with pytest.raises(TimeoutError):
        job.wait(0.1)
    with pytest.raises(RuntimeError, match="no result yet"):
        _ = job.result
    assert job.state in ("starting", "running")


def test_a_job_folder_serves_one_job(start, tmp_path, example):
    job = start("work")
    job.wait(20)
    again = ChildJob("example", job.request, job.folder.path)
    with pytest.raises(InputError, match="not empty"):
        again.start()
    with pytest.raises(TypeError, match="Request"):
        ChildJob("example", object(), tmp_path / "other")


def run_command(command):
    environment = {**os.environ, **child_environment()}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_the_real_command_line_and_environment(tmp_path):
    folder = tmp_path / "job"
    folder.mkdir()
    (folder / "request.json").write_text('{"protocol": 1, "job": "os.system", "owner": null, "request": {}}')
    done = run_command(command_line(folder))
    assert done.returncode == 2, done.stderr
    last = json.loads((folder / "events.jsonl").read_text().splitlines()[-1])
    assert (last["type"], last["kind"]) == ("error", "input")
    assert last["message"].startswith("job: unknown kind 'os.system', expected one of align-contours, augment, ")
    again = run_command(done.args)
    assert again.returncode == 2
    assert "ran already" in again.stderr
    nothing = run_command([*done.args[:-1], str(tmp_path / "absent")])
    assert nothing.returncode == 2
    assert "usage" in nothing.stderr


def test_environment_keeps_the_numbers_of_the_user(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS", raising=False)
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    variables = child_environment(threads=5)
    assert variables["OMP_NUM_THREADS"] == "3"
    assert variables["ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"] == "5"
    folders = variables["PYTHONPATH"].split(os.pathsep)
    assert folders[-1] == "elsewhere"
    assert os.path.isdir(os.path.join(folders[0], "MedDeepRegSegLib"))
