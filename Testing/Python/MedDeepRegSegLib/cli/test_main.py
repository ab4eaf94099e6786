import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from MedDeepRegSegLib import __version__
from MedDeepRegSegLib.cli.main import main
from MedDeepRegSegLib.jobs.processes import alive

HERE = Path(__file__).parent
EXAMPLE = [sys.executable, str(HERE / "example_command.py"), "example"]


@pytest.fixture
def run(capfd, example_commands):
    def run_command(*words):
        code = main([str(word) for word in words], extra_commands=example_commands)
        captured = capfd.readouterr()
        return code, captured.out, captured.err

    return run_command


def test_alone_it_shows_help(run):
    code, out, err = run()
    assert code == 0
    assert "exit codes" in out
    assert all(
        name in out
        for name in ("samples", "register", "foreground", "grow", "measure", "subdivide", "features", "batch")
    )
    assert err == ""


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["grow", "--help"]])
def test_help_and_version_end_well(run, capfd, words):
    with pytest.raises(SystemExit) as caught:
        run(*words)
    assert caught.value.code == 0
    out = capfd.readouterr().out
    assert (__version__ if "--version" in words else "usage: meddeep") in out


@pytest.mark.parametrize(
    "command", ["samples", "register", "foreground", "grow", "measure", "subdivide", "features", "batch"]
)
def test_every_help_has_examples_and_the_common_options(run, capfd, command):
    with pytest.raises(SystemExit):
        run(command, "--help")
    out = capfd.readouterr().out
    assert re.search(r"examples?:\n  meddeep " + command, out)
    for option in ("--device {auto,cpu,cuda}", "--quiet", "--json", "--seed"):
        assert option in out


def test_help_imports_nothing_heavy():
    code = """
import sys
from MedDeepRegSegLib.cli.main import main
try:
    main(["register", "--help"])
except SystemExit:
    pass
heavy = {"numpy", "SimpleITK", "scipy", "torch", "pandas", "sklearn", "matplotlib", "tqdm"} & set(sys.modules)
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("where", [[], ["--in-process"]])
def test_result_as_lines_and_as_json(run, tmp_path, where):
    assert run("example", tmp_path / "a", "work", *where) == (0, "value 2.5\n", "")
    code, out, err = run("example", tmp_path / "b", "work", "--json", *where)
    assert (code, err) == (0, "")
    data = json.loads(out)
    assert data["command"] == "example"
    assert data["result"] == {"out": str(tmp_path / "b"), "value": 2.5}
    assert run("example", tmp_path / "c", "work", "--quiet", *where) == (0, "", "")
    assert (tmp_path / "c").is_dir()


@pytest.mark.parametrize("where", [[], ["--in-process"]])
@pytest.mark.parametrize(
    ("behavior", "expected"),
    [
        ("input", (2, "input", "fixed image has 4 components, expected 1: pick a scalar volume")),
        ("package", (2, "missing-package", "torch is needed: pip install torch")),
        ("fail", (1, "failed", "ZeroDivisionError: division by zero")),
    ],
)
def test_errors_are_one_line_and_leave_nothing(run, tmp_path, where, behavior, expected):
    code, kind, message = expected
    got, out, err = run("example", tmp_path / "a", behavior, "--json", *where)
    assert got == code
    assert err.startswith(f"meddeep example: {message}")
    assert err.count("\n") == 1
    assert ("report it" in err) == (code == 1)
    assert json.loads(out)["error"] == {"kind": kind, "message": message}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("where", [[], ["--in-process"]])
def test_debug_shows_where_it_failed(run, tmp_path, where):
    code, _, err = run("example", tmp_path / "a", "fail", "--debug", *where)
    assert code == 1
    assert "Traceback" in err
    assert "example_job.py" in err
    assert "Traceback" not in run("example", tmp_path / "a", "fail", *where)[2]


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_crash_in_a_library_is_told(run, tmp_path):
    code, _, err = run("example", tmp_path / "a", "segfault")
    assert code == 1
    assert "crashed (SIGSEGV)" in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_faults_of_a_command_are_internal_errors(run):
    code, _, err = run("broken")
    assert code == 1
    assert "neither a job nor work" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["no-such"], "invalid choice: 'no-such'"),
        (["--no-such"], "unrecognized arguments: --no-such"),
        (["example", "a"], "the following arguments are required: behavior"),
        (["example", "a", "work", "--devic", "cpu"], "unrecognized arguments: --devic"),
        (["example", "a", "work", "--device", "tpu"], "invalid choice: 'tpu'"),
        (["example", "a", "work", "--device", "cuda"], "computes on the CPU only"),
        (["example", "a", "work", "--seed", "-3"], "'-3' is not a seed"),
    ],
)
def test_wrong_command_lines_are_one_line(run, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("quiet", [False, True])
def test_progress_off_a_terminal_is_sparse_lines(capfd, monkeypatch, quiet):
    from MedDeepRegSegLib.cli import progress_bar

    monkeypatch.setattr(progress_bar, "_LINE_EVERY_S", 0.15)
    with progress_bar.ProgressBar(quiet=quiet) as show:
        for step in range(100):
            show(step / 100, "aligning")
            time.sleep(0.005)
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) <= (0 if quiet else 4)
    assert all(re.fullmatch(r" \d\d % aligning", line) for line in lines)
    assert quiet or lines


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals of POSIX")
def test_progress_at_a_terminal_is_a_bar(monkeypatch):
    import pty

    from MedDeepRegSegLib.cli import progress_bar

    monkeypatch.setattr(progress_bar, "_SHOW_AFTER_S", 0.0)
    outer, inner = pty.openpty()
    with os.fdopen(inner, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        with progress_bar.ProgressBar() as show:
            for step in range(5):
                show(step / 4, "aligning")
                time.sleep(0.06)
        monkeypatch.undo()
        shown = os.read(outer, 100_000).decode()
    os.close(outer)
    assert "aligning" in shown
    assert "75 %|" in shown


def start_example(tmp_path, behavior, *words):
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(HERE.parent / "jobs"), os.environ.get("PYTHONPATH", "")]),
    }
    command = [*EXAMPLE, str(tmp_path / "a"), behavior, *words]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_outputs(tmp_path):
    """Wait until the job is at work, which its temporary outputs show."""
    deadline = time.monotonic() + 20
    while not any(tmp_path.glob(".a*")):
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize(
    ("behavior", "words", "number"),
    [
        ("follow", [], "SIGTERM"),
        ("gil", [], "SIGINT"),
        ("follow", ["--in-process"], "SIGINT"),
    ],
)
def test_one_interrupt_ends_everything_within_two_seconds(tmp_path, behavior, words, number):
    process = start_example(tmp_path, behavior, "--json", *words)
    wait_for_outputs(tmp_path)
    began = time.monotonic()
    process.send_signal(getattr(signal, number))
    out, err = process.communicate(timeout=20)
    assert time.monotonic() - began < 2.5  # two seconds and the end of the command itself
    assert process.returncode == 130
    assert json.loads(out)["error"]["kind"] == "canceled"
    assert err.splitlines()[-1] == "meddeep example: canceled by the user; nothing was written"
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("words", [[], ["--in-process"]])
def test_the_second_interrupt_ends_at_once(tmp_path, words):
    process = start_example(tmp_path, "sleep", *words)
    wait_for_outputs(tmp_path)
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert time.monotonic() - began < 0.8
    assert process.returncode == 130
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_killed_command_takes_its_job_with_it(tmp_path):
    process = start_example(tmp_path, "sleep")
    wait_for_outputs(tmp_path)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if not children.exists():
        process.kill()
        process.communicate()
        pytest.skip("this system does not list child processes")
    pids = [int(pid) for pid in children.read_text().split()]
    assert pids
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 2
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert list(tmp_path.iterdir()) == []
