"""A job kind that behaves well or badly as asked, for the tests of the job protocol."""

import ctypes
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from MedDeepRegSegLib.errors import InputError, MissingPackageError
from MedDeepRegSegLib.jobs.outputs import atomic_folder, atomic_path
from MedDeepRegSegLib.jobs.processes import alive

Behavior = Literal[
    "work",
    "many",
    "noise",
    "input",
    "package",
    "fail",
    "segfault",
    "exit",
    "nan",
    "follow",
    "sleep",
    "gil",
    "itk",
    "tree",
    "log",
]


@dataclass(frozen=True, kw_only=True)
class Request:
    out: Path
    behavior: Behavior
    steps: int = 5


@dataclass(frozen=True, kw_only=True)
class Result:
    out: Path
    value: float


def run(request, *, progress, cancel):
    with atomic_folder(request.out) as folder, atomic_path(request.out.with_suffix(".nii.gz")) as file:
        (folder / "half.txt").write_text("half")
        file.write_text("half")
        progress(0.0, "started")
        return _BEHAVIORS[request.behavior](request, progress, cancel)


def _work(request, progress, cancel):
    for step in range(request.steps):
        cancel.raise_if_canceled()
        progress(step / request.steps, f"step {step}")
        time.sleep(0.02)
    progress(1.0, "all steps done")
    return Result(out=request.out, value=request.steps / 2)


def _log(request, progress, cancel):
    """Write into a file whether another process that began this case still runs."""
    log = request.out.with_suffix(".log")
    before = log.read_text().split() if log.is_file() else []
    at_once = any(alive(int(pid)) for pid in before if pid.isdecimal())
    log.write_text(" ".join([*before, *(["at_once"] if at_once else []), str(os.getpid())]))
    return _work(request, progress, cancel)


def _many(request, progress, cancel):
    for step in range(20_000):
        progress(step / 20_000, f"step {step}")
    progress(1.0, "last")
    return Result(out=request.out, value=1)


def _noise(request, progress, cancel):
    for _ in range(200):
        print("x" * 10_000)
        os.write(2, b"y" * 10_000 + b"\n")
    return Result(out=request.out, value=1)


def _input(request, progress, cancel):
    msg = "fixed image has 4 components,\nexpected 1: pick a scalar volume"
    raise InputError(msg)


def _package(request, progress, cancel):
    msg = "torch is needed: pip install torch"
    raise MissingPackageError(msg)


def _fail(request, progress, cancel):
    return 1 / 0


def _segfault(request, progress, cancel):
    ctypes.string_at(0)


def _exit(request, progress, cancel):
    print("these are the last words")
    sys.stdout.flush()
    os._exit(7)


def _nan(request, progress, cancel):
    return Result(out=request.out, value=float("nan"))


def _follow(request, progress, cancel):
    while True:
        cancel.raise_if_canceled()
        time.sleep(0.01)


def _sleep(request, progress, cancel):
    time.sleep(600)


def _gil(request, progress, cancel):
    # One call into C that never lets another thread or a signal handler of Python run.
    re.match(r"(a|a)*b", "a" * 60)


def _itk(request, progress, cancel):
    import numpy as np
    import SimpleITK as sitk

    sitk.Median(sitk.GetImageFromArray(np.zeros((200, 200, 200), np.float32)), [9, 9, 9])


def _tree(request, progress, cancel):
    sleeper = [sys.executable, "-c", "import time; time.sleep(600)"]
    parent = [
        sys.executable,
        "-c",
        f"import subprocess, time; p = subprocess.Popen({sleeper!r}); print(p.pid, flush=True); time.sleep(600)",
    ]
    same_group = subprocess.Popen(parent, stdout=subprocess.PIPE, text=True)
    own_group = subprocess.Popen(sleeper, start_new_session=True)
    pids = [same_group.pid, int(same_group.stdout.readline()), own_group.pid]
    progress(0.5, "pids " + " ".join(map(str, pids)))
    time.sleep(600)


_BEHAVIORS = {
    "work": _work,
    "many": _many,
    "noise": _noise,
    "input": _input,
    "package": _package,
    "fail": _fail,
    "segfault": _segfault,
    "exit": _exit,
    "nan": _nan,
    "follow": _follow,
    "sleep": _sleep,
    "gil": _gil,
    "itk": _itk,
    "tree": _tree,
    "log": _log,
}
