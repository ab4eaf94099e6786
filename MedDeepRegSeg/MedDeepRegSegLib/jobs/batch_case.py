"""One case of a batch: it runs in a child process, and its folder keeps a record of that it is done.

A case that is done is skipped the next time, unless its request, one of the files that it reads or one of those that it
wrote has changed. :func:`run_case` needs nothing but its arguments, so that it runs on another machine as well as here.
"""

import contextlib
import dataclasses
import hashlib
import importlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from MedDeepRegSegLib.errors import Canceled
from MedDeepRegSegLib.jobs.batch_kinds import OWN_JOBS
from MedDeepRegSegLib.jobs.batch_lock import CaseLock
from MedDeepRegSegLib.jobs.child import ChildJob
from MedDeepRegSegLib.jobs.failures import describe, one_line
from MedDeepRegSegLib.jobs.launching import child_environment, launch
from MedDeepRegSegLib.jobs.outputs import write_json
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress
from MedDeepRegSegLib.jobs.schema import from_json, to_json

RECORD = "case.json"
_TICK_S = 0.05


@dataclass(frozen=True)
class Case:
    """One case.

    Attributes
    ----------
    name : str
    job : str
        Name of the job kind.
    request : object
        Its ``Request``.
    folder : Path
        Where it is recorded that the case is done, and what the job writes.
    jobs : str
        The package that knows the job kind.
    """

    name: str
    job: str
    request: Any
    folder: Path
    jobs: str = OWN_JOBS


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
    files: tuple[str, ...]
    """What was written, relative to the folder."""


def run_case(
    case: Case,
    figures: Callable[[Any], dict[str, str]],
    *,
    threads: int = 1,
    environment: Mapping[str, str] | None = None,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
    again: bool = False,
) -> Outcome:
    """Run one case in a child process, unless it is done; never raises for what goes wrong in it.

    Where another process runs the same case, this one waits and takes what became of it.

    Parameters
    ----------
    case : Case
    figures : callable
        Returns the cells of the summary of a result.
    threads : int
        How many threads the libraries in the child may use, where the user has not said so (OMP_NUM_THREADS).
    environment : mapping, optional
        Further variables of the child.
    progress, cancel
        See :mod:`MedDeepRegSegLib.jobs.progress`.
    again : bool
        Run it even when it is done.
    """
    cancel = CancelToken() if cancel is None else cancel
    began = time.monotonic()
    outcome = _run(case, figures, began, {**child_environment(threads), **(environment or {})}, progress, cancel, again)
    if outcome.status in ("failed", "canceled"):
        with contextlib.suppress(OSError):
            case.folder.rmdir()  # where nothing is in it
    return outcome


def _run(  # noqa: PLR0917 - parts of one function
    case: Case,
    figures: Callable[[Any], dict[str, str]],
    began: float,
    variables: Mapping[str, str],
    progress: Progress,
    cancel: CancelToken,
    again: bool,
) -> Outcome:
    try:
        fingerprint = _fingerprint(case)
        if not again and (before := _done(case, fingerprint)) is not None:
            return replace(before, name=case.name, status="skipped")
        cancel.raise_if_canceled()
        importlib.import_module(case.jobs)  # another library adds its job kinds there
        with CaseLock(case.folder, progress=progress, cancel=cancel) as lock:
            if lock.waited and (before := _done(case, fingerprint)) is not None:
                return replace(before, name=case.name)
            (case.folder / RECORD).unlink(missing_ok=True)  # its outputs are about to change
            start = _launcher(variables, lock.descriptor)
            with (
                tempfile.TemporaryDirectory(prefix="meddeep-", ignore_cleanup_errors=True) as scratch,
                ChildJob(case.job, case.request, Path(scratch) / "job", launch=start, module=case.jobs) as job,
            ):
                result = _awaited(job, progress, cancel)
            outcome = Outcome(case.name, "done", "", _since(began), figures(result))
            files = tuple(sorted({path.as_posix() for path in _written(result, case.folder)}))
            write_json(case.folder / RECORD, to_json(_Record(fingerprint, outcome, files)))
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


def _launcher(variables: Mapping[str, str], lock: int | None) -> Callable[..., Any]:
    """Return what starts children with these variables that hold the lock, too."""
    held = () if lock is None else (lock,)

    def start(args: Sequence[str], updateEnvironment: dict[str, str] | None = None) -> Any:
        return launch(args, updateEnvironment={**(updateEnvironment or {}), **variables}, pass_fds=held)

    return start


def _done(case: Case, fingerprint: str) -> Outcome | None:
    """Return the outcome of a case that was done like this, and whose files are all there; else None."""
    try:
        text = (case.folder / RECORD).read_text(encoding="utf-8")
        record = from_json(_Record, json.loads(text))
    except (OSError, ValueError):
        return None
    there = all((case.folder / name).exists() for name in record.files)
    return record.outcome if there and record.fingerprint == fingerprint else None


def _fingerprint(case: Case) -> str:
    """Return a digest of the request, and of size and time of the files that it reads."""
    seen: list[Any] = [case.job, to_json(case.request)]
    for path in _paths(case.request):
        if not path.is_relative_to(case.folder):
            seen.append([str(path), *_states(path)])
    return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()


def _states(path: Path) -> list[Any]:
    """Return name, size and time of a file, or of the files in a folder; nothing where there is none."""
    try:
        if not path.is_dir():
            state = path.stat()
            return [[state.st_size, state.st_mtime_ns]]
        with os.scandir(path) as entries:
            files = [(entry.name, entry.stat()) for entry in entries if entry.is_file()]
    except OSError:
        return []
    return sorted([name, state.st_size, state.st_mtime_ns] for name, state in files)


def _written(result: Any, folder: Path) -> Iterator[Path]:
    """Yield the paths in a result that lie in ``folder``, relative to it."""
    for path in _paths(result):
        if path.is_relative_to(folder) and path.exists():
            yield path.relative_to(folder)


def _paths(value: Any) -> Iterator[Path]:
    """Yield all paths in a dataclass."""
    if isinstance(value, Path):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _paths(item)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from _paths(getattr(value, field.name))
