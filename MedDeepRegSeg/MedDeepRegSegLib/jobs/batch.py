"""Many cases of one job, each in a child process and a folder of its own.

A case that fails does not stop the others. A case that is done is skipped the next time, unless its request or one of its
files has changed. :func:`run_case` needs nothing but its arguments, so that another scheduler (Dask) can run it on another
machine; :func:`run_batch` only hands out cases and collects what became of them.
"""

import contextlib
import csv
import dataclasses
import hashlib
import importlib
import io
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.batch_table import Row
from MedDeepRegSegLib.jobs.child import ChildJob
from MedDeepRegSegLib.jobs.failures import describe, one_line
from MedDeepRegSegLib.jobs.launching import child_environment, launch
from MedDeepRegSegLib.jobs.outputs import write_json, write_text
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress
from MedDeepRegSegLib.jobs.schema import from_json, to_json

RECORD = "case.json"
SUMMARY = "summary.csv"
_TICK_S = 0.05


class BatchKind(Protocol):
    """What a module must offer so that its job can be run over a table."""

    JOB: str
    REQUIRED: tuple[str, ...]
    OPTIONAL: tuple[str, ...]
    FIGURES: tuple[str, ...]
    request: Callable[..., Any]
    """``request(row, out, *, seed)`` returns the ``Request``, or raises InputError."""
    figures: Callable[[Any], dict[str, str]]
    """``figures(result)`` returns cells for the columns ``FIGURES`` of the summary."""


BATCHES = {"register": "MedDeepRegSegLib.registration.batch_cases"}
"""Command to the module that says how a row becomes its job."""


def batch_kind(command: str) -> BatchKind:
    """Return the module of a command that can be run over a table.

    Raises
    ------
    InputError
        When it cannot.
    """
    if command not in BATCHES:
        msg = f"the command {command!r} cannot be run over a table, expected one of: {', '.join(BATCHES)}"
        raise InputError(msg)
    return importlib.import_module(BATCHES[command])


@dataclass(frozen=True)
class Case:
    """One case: the request of a job, and the folder in which it is recorded that it is done."""

    name: str
    job: str
    request: Any
    folder: Path


@dataclass(frozen=True)
class Outcome:
    """What became of a case.

    Attributes
    ----------
    name : str
    status : {"done", "skipped", "failed", "canceled"}
        "skipped": was done before.
    error : str
        Why it failed.
    seconds : float
        How long it took.
    figures : dict of str to str
        Cells of the summary.
    """

    name: str
    status: Literal["done", "skipped", "failed", "canceled"]
    error: str = ""
    seconds: float = 0.0
    figures: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class _Record:
    """What the folder of a case that is done keeps."""

    fingerprint: str
    outcome: Outcome


def run_case(
    case: Case,
    figures: Callable[[Any], dict[str, str]],
    *,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
    again: bool = False,
    make_job: Callable[[str, Any, Path], ChildJob] = ChildJob,
) -> Outcome:
    """Run one case in a child process, unless it is done; never raises for what goes wrong in it."""
    cancel = CancelToken() if cancel is None else cancel
    began = time.monotonic()
    fingerprint = _fingerprint(case)
    before = _recorded(case.folder / RECORD)
    if before is not None and before.fingerprint == fingerprint and not again:
        return replace(before.outcome, name=case.name, status="skipped")
    try:
        cancel.raise_if_canceled()
        (case.folder / RECORD).unlink(missing_ok=True)  # its outputs are about to change
        with (
            tempfile.TemporaryDirectory(prefix="meddeep-", ignore_cleanup_errors=True) as scratch,
            make_job(case.job, case.request, Path(scratch) / "job") as job,
        ):
            result = _awaited(job, progress, cancel)
        outcome = Outcome(case.name, "done", "", _since(began), figures(result))
        write_json(case.folder / RECORD, to_json(_Record(fingerprint, outcome)))
        return outcome
    except Canceled:
        if cancel.canceled:
            return Outcome(case.name, "canceled")
        return Outcome(case.name, "failed", "its process was interrupted from outside", _since(began))
    except Exception as error:  # whatever it is, the other cases go on
        told = one_line(str(error)) if type(error).__name__ == "JobFailed" else describe(error)[1]
        return Outcome(case.name, "failed", told, _since(began))


def _since(began: float) -> float:
    """Return the seconds since then."""
    return round(time.monotonic() - began, 1)


def _awaited(job: ChildJob, progress: Progress, cancel: CancelToken) -> Any:
    """Start the job and return its result, or raise what it raised."""
    job.start()
    while job.state in ("starting", "running"):
        if cancel.canceled:
            job.cancel()
        for event in job.poll():
            if event.kind == "progress":
                progress(event.fraction, event.message)
        time.sleep(_TICK_S)
    return job.result


def run_batch(
    kind: BatchKind,
    rows: Sequence[Row],
    out: Path,
    *,
    workers: int = 1,
    seed: int = 0,
    again: bool = False,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
    make_job: Callable[[str, Any, Path], ChildJob] | None = None,
) -> list[Outcome]:
    """Run all cases of a table and write ``out/summary.csv``, anew after each case.

    Parameters
    ----------
    kind : BatchKind
        See :func:`batch_kind`.
    rows : sequence of Row
    out : Path
        Each case gets the folder ``out/NAME``.
    workers : int
        How many cases run at the same time.
    seed : int
        Of every case.
    again : bool
        Also run the cases that are done.
    progress, cancel
        See :mod:`MedDeepRegSegLib.jobs.progress`.
    make_job : callable, optional
        Makes the child job of (job, request, folder).

    Returns
    -------
    list of Outcome
        In the order of the table.

    Raises
    ------
    Canceled
        After the children have ended and the summary is written.
    """
    cancel = CancelToken() if cancel is None else cancel
    make_job = _job_maker(workers) if make_job is None else make_job
    outcomes: dict[str, Outcome] = {}
    running = _Running(len(rows))
    out.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(max_workers=workers) as pool:
        waiting: set[Future[Outcome]] = set()
        for row in rows:
            try:
                case = Case(row.name, kind.JOB, kind.request(row, out / row.name, seed=seed), out / row.name)
            except InputError as error:
                outcomes[row.name] = Outcome(row.name, "failed", one_line(str(error)))
                continue
            told = running.teller(row.name)
            waiting.add(
                pool.submit(run_case, case, kind.figures, progress=told, cancel=cancel, again=again, make_job=make_job)
            )
        while True:
            _write_summary(out / SUMMARY, kind, rows, outcomes)
            progress(*running.state(len(outcomes)))
            if not waiting:
                break
            done: set[Future[Outcome]] = set()
            while not done:
                done, waiting = wait(waiting, timeout=4 * _TICK_S, return_when=FIRST_COMPLETED)
                progress(*running.state(len(outcomes)))
            for future in done:
                outcomes[future.result().name] = future.result()
                running.forget(future.result().name)
    if cancel.canceled:
        ready = sum(outcome.status in ("done", "skipped") for outcome in outcomes.values())
        msg = f"canceled by the user; {ready} of {len(rows)} cases are done: run it again to go on"
        raise Canceled(msg)
    return [outcomes[row.name] for row in rows]


def _job_maker(workers: int) -> Callable[[str, Any, Path], ChildJob]:
    """Return what makes jobs that share the cores."""
    variables = child_environment(max(1, (os.cpu_count() or 2) // workers))

    def start(args: Sequence[str], updateEnvironment: dict[str, str] | None = None) -> Any:
        return launch(args, updateEnvironment={**(updateEnvironment or {}), **variables})

    return lambda job, request, folder: ChildJob(job, request, folder, launch=start)


class _Running:
    """How far the cases are that run just now, told by their threads."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._lock = threading.Lock()
        self._now: dict[str, tuple[float, str]] = {}

    def teller(self, name: str) -> Progress:
        """Return the progress callback of a case."""

        def tell(fraction: float, message: str) -> None:
            with self._lock:
                self._now[name] = (fraction, message)

        return tell

    def forget(self, name: str) -> None:
        """A case has ended."""
        with self._lock:
            self._now.pop(name, None)

    def state(self, ended: int) -> tuple[float, str]:
        """Return the part of all cases that is done, and what is being done."""
        with self._lock:
            part = sum(fraction for fraction, _ in self._now.values())
            last = next(reversed(self._now.items()), None)
        message = f"{ended} of {self._total} cases" + (f"; {last[0]}: {last[1][1]}" if last else "")
        return min(1.0, (ended + part) / self._total), message


def _fingerprint(case: Case) -> str:
    """Return a digest of the request and of size and time of the files that it names."""
    seen: list[Any] = [case.job, to_json(case.request)]
    for field in dataclasses.fields(case.request):
        value = getattr(case.request, field.name)
        if isinstance(value, Path) and field.name != "out":
            with contextlib.suppress(OSError):
                state = value.stat()
                seen.append([field.name, state.st_size, state.st_mtime_ns])
    return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()


def _recorded(path: Path) -> _Record | None:
    """Return the record of a case that is done; None when there is none that can be read."""
    try:
        return from_json(_Record, json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None


def _write_summary(path: Path, kind: BatchKind, rows: Sequence[Row], outcomes: dict[str, Outcome]) -> None:
    """Write one line a case: status, figures, error, seconds."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", "status", *kind.FIGURES, "error", "seconds"])
    for row in rows:
        outcome = outcomes.get(row.name)
        if outcome is None:
            writer.writerow([row.name, "not run", *("" for _ in kind.FIGURES), "", ""])
            continue
        status = "done" if outcome.status == "skipped" else outcome.status
        cells = [outcome.figures.get(column, "") for column in kind.FIGURES]
        writer.writerow([row.name, status, *cells, outcome.error, outcome.seconds or ""])
    write_text(path, text.getvalue())
