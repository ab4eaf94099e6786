"""Run a job in a child process, watch it without blocking, and end it with everything it started.

The child is started through an injectable ``launch``, because inside 3D Slicer it must be
``slicer.util.launchConsoleProcess``. What that returns may be a launcher that starts the real process:
the job tells its own process number in its first event, and both trees are ended.
"""

import contextlib
import signal
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, get_args

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.failures import ErrorKind, JobError, JobFailed, one_line
from MedDeepRegSegLib.jobs.folder import EventReader, JobEvent, JobFolder
from MedDeepRegSegLib.jobs.launching import Launch, Process, child_environment, command_line, launch
from MedDeepRegSegLib.jobs.outputs import remove_journaled
from MedDeepRegSegLib.jobs.processes import WINDOWS, alive, end_tree, tree_alive
from MedDeepRegSegLib.jobs.registry import job_module
from MedDeepRegSegLib.jobs.runner import what_a_cancel_left
from MedDeepRegSegLib.jobs.schema import from_json

__all__ = ["ChildJob", "JobError", "JobEvent", "JobFailed", "JobState", "child_environment", "command_line", "launch"]

JobState = Literal["created", "starting", "running", "done", "failed", "canceled"]

_PATIENCE_S = 1.3
"""From cancel to ending the tree from outside, in seconds: a little more than the child's own grace."""

_LINGER_S = 1.0
"""How long the child, or its launcher, may take to end when the work is over, in seconds."""


class ChildJob:
    """A job in a child process.

    Parameters
    ----------
    name:
        A registered job kind.
    request:
        The ``Request`` of that job kind.
    folder:
        The job folder: absent or empty. It is not removed, because its log may be wanted.
    launch:
        Starts a process: ``launch(args, updateEnvironment=variables)``.
    module:
        The package that runs the job, for example ``MedDeepDiagnosisLib.jobs``.
    command:
        The arguments to start instead of those of :func:`command_line`.

    Examples
    --------
    >>> job = ChildJob("register", request, folder)  # doctest: +SKIP
    >>> job.start()  # doctest: +SKIP
    >>> while job.state in ("starting", "running"):  # doctest: +SKIP
    ...     for event in job.poll():
    ...         print(event.fraction, event.message)
    >>> job.result  # doctest: +SKIP
    """

    def __init__(
        self,
        name: str,
        request: Any,
        folder: Path,
        *,
        launch: Launch = launch,
        module: str = "MedDeepRegSegLib.jobs",
        command: Sequence[str] | None = None,
    ) -> None:
        kind = job_module(name)
        if not isinstance(request, kind.Request):
            msg = f"job {name!r} takes {kind.Request.__module__}.Request, got {type(request).__name__}"
            raise TypeError(msg)
        self.name = name
        self.request = request
        self.folder = JobFolder(folder)
        self._result_class = kind.Result
        self._launch = launch
        self._command = list(command) if command is not None else command_line(folder, module)
        self._process: Process | None = None
        self._reader = EventReader(self.folder.events)
        self._lock = threading.RLock()
        self._queue: list[JobEvent] = []
        self._last: JobEvent | None = None
        self._over_at: float | None = None
        self._pid: int | None = None
        self._canceled_at: float | None = None
        self._printed: deque[str] = deque(maxlen=40)
        self._state: JobState = "created"
        self._result: Any = None
        self._error: JobError | None = None

    def start(self) -> None:
        """Write the request and start the child. Returns at once."""
        if self._state == "canceled":
            return
        if self._state != "created":
            msg = f"job {self.name!r} was started already"
            raise RuntimeError(msg)
        self.folder.create()
        self.folder.write_request(self.name, self.request)
        try:
            self._process = self._launch(self._command, updateEnvironment=child_environment())
        except OSError as error:
            self._state = "failed"
            self._error = JobError(kind="ended", message=f"{self._command[0]} cannot be started: {error}")
            return
        self._state = "starting"
        if getattr(self._process, "stdout", None) is not None:
            threading.Thread(target=self._drain, args=(self._process.stdout,), daemon=True).start()

    @property
    def state(self) -> JobState:
        """``created``, ``starting``, ``running``, or at the end ``done``, ``failed`` or ``canceled``."""
        self._update()
        return self._state

    @property
    def error(self) -> JobError | None:
        """Why there is no result, once the job has ended without one."""
        self._update()
        return self._error

    @property
    def result(self) -> Any:
        """The ``Result`` of the job. Raises what the job raised, or RuntimeError while it still runs."""
        state = self.state
        if state == "done":
            return self._result
        if self._error is not None:
            raise self._error.exception()
        msg = f"job {self.name!r} has no result yet, it is {state}"
        raise RuntimeError(msg)

    def poll(self) -> list[JobEvent]:
        """Return the events since the last call. Never blocks."""
        with self._lock:
            self._update()
            events, self._queue = self._queue, []
            return events

    def wait(self, timeout_s: float | None = None) -> Any:
        """Wait for the end and return the ``Result``, or raise what the job raised.

        Raises
        ------
        TimeoutError
            If the job still runs after ``timeout_s`` seconds; it goes on.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while self.state in ("starting", "running"):
            if deadline is not None and time.monotonic() >= deadline:
                msg = f"job {self.name!r} still runs after {timeout_s} s"
                raise TimeoutError(msg)
            time.sleep(0.02)
        return self.result

    def cancel(self) -> None:
        """Ask the job to stop, and end its whole tree if it does not. Returns at once; gone within 2 s."""
        with self._lock:
            if self._state == "created":
                self._state = "canceled"
                self._error = JobError(kind="canceled", message="canceled before it was started")
            if self._state not in ("starting", "running") or self._canceled_at is not None:
                return
            self._canceled_at = time.monotonic()
            with contextlib.suppress(OSError):
                self.folder.cancel.touch()
        threading.Thread(target=self._enforce_cancel, daemon=True, name="job cancel").start()

    def end_now(self) -> None:
        """Cancel without patience: end the whole tree before this returns."""
        self.cancel()
        self._read()
        self._end_tree()

    def close(self) -> None:
        """Cancel the job if it still runs, and wait until it is gone."""
        self.cancel()
        while self.state in ("starting", "running"):
            time.sleep(0.02)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ---- inside

    def _drain(self, stream: Any) -> None:
        """Read what the launcher prints before the job takes over, so that a full pipe never blocks it."""
        with contextlib.suppress(OSError, ValueError):
            for line in stream:
                self._printed.append(str(line))

    def _read(self) -> None:
        with self._lock:
            for event in self._reader.read():
                if event.kind == "started":
                    self._pid = event.data["pid"]
                    self._state = "running"
                elif event.kind != "progress" and self._last is None:
                    self._last = event
                self._queue.append(event)

    def _alive(self) -> bool:
        launched = self._process is not None and self._process.poll() is None
        return launched or (self._pid is not None and alive(self._pid))

    def _end_tree(self) -> None:
        for pid in (self._pid, self._process.pid if self._process is not None else None):
            if pid is not None:
                end_tree(pid)

    def _enforce_cancel(self) -> None:
        started = time.monotonic()
        while time.monotonic() - started < _PATIENCE_S and self._alive():
            time.sleep(0.05)
        while self._alive():
            self._read()
            self._end_tree()
            time.sleep(0.02)
        self._read()
        self._end_tree()

    def _update(self) -> None:
        with self._lock:
            if self._state not in ("starting", "running"):
                return
            living = self._alive()  # before reading, so that no event of a process that ended is missed
            self._read()
            if living and self._lingers():
                self._end_tree()
                living = self._alive()
            if not living:
                self._finish()

    def _lingers(self) -> bool:
        """Whether the work is over for a while, but the process or its launcher does not end."""
        if self._last is None and (self._pid is None or alive(self._pid)):
            return False
        if self._over_at is None:
            self._over_at = time.monotonic()
        return time.monotonic() - self._over_at > _LINGER_S

    def _finish(self) -> None:
        if self._pid is not None and tree_alive(self._pid):
            end_tree(self._pid)  # what a job that was killed left behind
        event = self._last
        if event is None or event.kind != "result":
            remove_journaled(self.folder.journal)
        if event is not None and event.kind == "result":
            self._finish_with_result(event)
        elif self._canceled_at is not None or (event is not None and event.kind == "canceled"):
            self._state = "canceled"
            self._error = JobError(kind="canceled", message=what_a_cancel_left(self.request))
        elif event is not None:
            kind: ErrorKind = event.data.get("kind", "failed")
            kind = kind if kind in get_args(ErrorKind) else "failed"
            cause = event.data.get("cause", "")
            self._fail(kind, event.message, cause if isinstance(cause, str) else "")
        else:
            self._fail("ended", self._how_it_ended(), self.folder.log_tail() or "".join(self._printed).strip())

    def _finish_with_result(self, event: JobEvent) -> None:
        try:
            self._result = from_json(self._result_class, event.data.get("result"))
            self._state = "done"
        except InputError as error:
            self._fail("failed", f"the result of job {self.name!r} cannot be read: {error}", "")

    def _fail(self, kind: ErrorKind, message: str, cause: str) -> None:
        self._state = "failed"
        self._error = JobError(kind=kind, message=message, cause=cause)

    def _how_it_ended(self) -> str:
        code = self._process.poll() if self._process is not None else None
        tail = self.folder.log_tail() or "".join(self._printed).strip()
        last = one_line(tail.splitlines()[-1])[:300] if tail else ""
        said = f"; its last words: {last}" if last else ""
        if self._pid is None:
            return f"the process of job {self.name!r} could not start (exit code {code}){said}"
        return f"the process of job {self.name!r} {_ending(code)} before it was done{said}"


def _ending(code: int | None) -> str:
    if code is not None and code < 0 and not WINDOWS:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
        if name in ("SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT"):
            return f"crashed ({name})"
        if name == "SIGKILL":
            return "was killed (SIGKILL; often because the machine ran out of memory)"
        return f"was ended from outside ({name})"
    return f"ended unexpectedly (exit code {code})"
