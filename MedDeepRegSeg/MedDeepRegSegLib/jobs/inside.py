"""What runs in the child process of a job.

The child leads its own process group, sends everything it prints to ``log.txt``, appends events, looks
for the ``cancel`` file ten times a second, and ends with all it started: when the work is done, one
second after a cancel that the work did not follow, or when its owner is gone.
"""

import contextlib
import faulthandler
import json
import math
import os
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs import outputs
from MedDeepRegSegLib.jobs.failures import ErrorKind, describe
from MedDeepRegSegLib.jobs.folder import JobFolder, Owner
from MedDeepRegSegLib.jobs.processes import alive, end_tree, lead_own_group
from MedDeepRegSegLib.jobs.progress import NOTE, CancelToken
from MedDeepRegSegLib.jobs.registry import job_module
from MedDeepRegSegLib.jobs.runner import run_job
from MedDeepRegSegLib.jobs.schema import from_json, to_json

GRACE_S = 1.0
"""How long the work may take to follow a cancel before the process ends anyway, in seconds."""

_TICK_S = 0.1
_LONGEST_CAUSE = 20_000
_EXIT_CODES: dict[ErrorKind, int] = {"input": 2, "missing-package": 2, "canceled": 130}


class EventWriter:
    """Appends events, at most about ten progress lines a second, and always the last one."""

    def __init__(self, path: Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        self._file = os.open(path, flags, 0o600)
        self._lock = threading.Lock()
        self._pending: tuple[float, str] | None = None
        self._written_at = -math.inf
        self._ended = False

    def started(self) -> None:
        """Tell the owner which process runs the job."""
        self._write({"type": "started", "pid": os.getpid()})

    def progress(self, fraction: float, message: str) -> None:
        """Report progress; the callback that the job gets."""
        if not math.isfinite(fraction):
            return
        with self._lock:
            self._pending = (min(max(float(fraction), 0.0), 1.0), str(message))
        # A note must not be replaced by the progress that follows it.
        self.flush(at_least_s=0.0 if message.startswith(NOTE) else _TICK_S)

    def flush(self, *, at_least_s: float = 0.0) -> None:
        """Write the progress that waits, unless some was written less than ``at_least_s`` seconds ago."""
        with self._lock:
            now = time.monotonic()
            if self._pending is None or self._ended or now - self._written_at < at_least_s:
                return
            (fraction, message), self._pending = self._pending, None
            self._written_at = now
            # A full disk must not end the work for the sake of a progress line.
            with contextlib.suppress(OSError):
                self._append({"type": "progress", "fraction": fraction, "message": message})

    def end(self, event: dict[str, Any]) -> None:
        """Write the last event. Later ones are ignored, so that a job ends in one way only."""
        self.flush()
        with self._lock:
            if not self._ended:
                self._append(event)
                self._ended = True

    def _write(self, event: dict[str, Any]) -> None:
        with self._lock:
            self._append(event)

    def _append(self, event: dict[str, Any]) -> None:
        os.write(self._file, json.dumps(event, allow_nan=False).encode() + b"\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job in the folder named by the only argument. Does not return: the process ends here."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print(
            "usage: python -m MedDeepRegSegLib.jobs JOB_FOLDER (an existing folder with request.json)", file=sys.stderr
        )
        return 2
    folder = JobFolder(Path(arguments[0]).absolute())
    if folder.events.exists():
        print(f"{folder.path}: this job ran already; a job folder serves one job", file=sys.stderr)
        return 2
    lead_own_group()
    _print_to(folder.log)
    outputs.keep_journal(folder.journal)
    events = EventWriter(folder.events)
    events.started()
    _end(_run(folder, events))


def _run(folder: JobFolder, events: EventWriter) -> int:
    token = CancelToken()
    try:
        envelope, data = folder.read_request()
        _Watch(folder, envelope.owner, events, token).start()
        token.raise_if_canceled()
        result = _run_request(envelope.job, data, events, token)
        events.end({"type": "result", "result": result})
    except BaseException as error:  # everything goes back to the owner, also SystemExit and KeyboardInterrupt
        traceback.print_exc()
        kind, message = describe(error)
        cause = "" if kind == "canceled" else "".join(traceback.format_exception(error))[-_LONGEST_CAUSE:]
        if kind == "canceled":
            events.end({"type": "canceled", "message": message})
        else:
            events.end({"type": "error", "kind": kind, "message": message, "cause": cause})
        return _EXIT_CODES.get(kind, 1)
    return 0


def _run_request(job: str, data: Any, events: EventWriter, token: CancelToken) -> dict[str, Any]:
    module = job_module(job)
    try:
        request = from_json(module.Request, data)
    except InputError as error:
        msg = f"the request of job {job!r} cannot be used: {error}"
        raise InputError(msg) from error
    result = run_job(job, request, progress=events.progress, cancel=token)
    try:
        return to_json(result)
    except InputError as error:
        # A result that cannot be sent is a fault of the job, not of the user.
        msg = f"the result of job {job!r} cannot be sent: {error}"
        raise RuntimeError(msg) from error


class _Watch(threading.Thread):
    """Looks for a cancel and for the end of the owner, and ends the process when the work does not."""

    def __init__(self, folder: JobFolder, owner: Owner | None, events: EventWriter, token: CancelToken) -> None:
        super().__init__(daemon=True, name="job watch")
        self._folder = folder
        self._owner = owner
        self._events = events
        self._token = token
        self._check()  # a cancel that came before the start takes effect before the work begins

    def run(self) -> None:
        while not self._token.canceled:
            time.sleep(_TICK_S)
            self._events.flush(at_least_s=_TICK_S)
            self._check()
        time.sleep(GRACE_S)
        outputs.remove_temporaries()
        self._events.end({"type": "canceled", "message": "canceled by the user; nothing was written"})
        _end(_EXIT_CODES["canceled"])

    def _check(self) -> None:
        owner_gone = self._owner is not None and not alive(self._owner.pid, self._owner.stamp)
        if owner_gone or self._folder.cancel.exists():
            self._token.cancel()


def _print_to(log: Path) -> None:
    """Send standard output and error to ``log`` below Python, so that a full pipe never blocks the job."""
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os.dup2(nothing, 0)
    os.dup2(target, 1)
    os.dup2(target, 2)
    os.close(nothing)
    os.close(target)
    faulthandler.enable(file=2)


def _end(code: int) -> NoReturn:
    """End this process and all it started, without the clean-up of libraries, which may hang or crash."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
    end_tree(os.getpid(), keep_root=True)
    os._exit(code)
