"""One case of a batch: it runs in a child process, and its folder keeps a record of that it is done.

A case that is done is skipped the next time, unless its request, one of the files that it reads or one of those that it
wrote has changed. What a person has put into the folder or changed there, for example a corrected segmentation, is not
overwritten: the case fails then and says so. :func:`run_case` needs nothing but its arguments, so that it runs on another
machine as well as here.
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

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.batch_kinds import OWN_JOBS
from MedDeepRegSegLib.jobs.batch_lock import CaseLock
from MedDeepRegSegLib.jobs.child import ChildJob
from MedDeepRegSegLib.jobs.failures import JobFailed, describe, one_line
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
class _File:
    """A file as the case left it; ``name`` is relative to the folder."""

    name: str
    size: int
    time_ns: int


@dataclass(frozen=True)
class _Record:
    """What the folder of a case keeps from when the case begins.

    ``fingerprint`` and ``outcome`` are there once it is done. ``running`` says that it had begun: where its process was
    killed, this stays, and what lies in the folder is taken for its own.
    """

    files: tuple[_File, ...]
    """What was written."""
    fingerprint: str = ""
    outcome: Outcome | None = None
    running: bool = False


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
        Run it even when it is done, and overwrite files that have changed since or that are not its own.
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
            # The other process may have ended before the lock was tried, too.
            if (lock.waited or not again) and (before := _done(case, fingerprint)) is not None:
                return replace(before, name=case.name, status="done" if lock.waited else "skipped")
            if not again:
                _refuse_overwriting(case)
            with _recorded(case.folder) as files:
                start = _launcher(variables, lock.descriptor)
                with (
                    tempfile.TemporaryDirectory(prefix="meddeep-", ignore_cleanup_errors=True) as scratch,
                    ChildJob(case.job, case.request, Path(scratch) / "job", launch=start, module=case.jobs) as job,
                ):
                    result = _awaited(job, progress, cancel)
                outcome = Outcome(case.name, "done", "", _since(began), figures(result))
                _write(case.folder, _Record(files(), fingerprint, outcome))
            return outcome
    except Canceled:
        if cancel.canceled:
            return Outcome(case.name, "canceled")
        return Outcome(case.name, "failed", "its process was interrupted from outside", _since(began))
    except Exception as error:  # whatever it is, the other cases go on
        told = one_line(str(error)) if isinstance(error, JobFailed) else describe(error)[1]
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
    """Return the outcome of a case that was done like this, and whose files are all as it left them; else None."""
    record = _read(case.folder)
    if record is None or record.outcome is None or record.fingerprint != fingerprint:
        return None
    return record.outcome if set(record.files) <= set(_files(case.folder)) else None


def _refuse_overwriting(case: Case) -> None:
    """Raise InputError where the case would overwrite files that it did not write, or that have changed since."""
    there = {file.name: file for file in _files(case.folder)}
    record = _read(case.folder)
    if record is None:
        if there:
            msg = (
                f"the folder {case.folder} holds files, for example {next(iter(there))}, and no record that this case wrote "
                f"them: move them away, choose another folder for the batch, or run it with --again to overwrite them"
            )
            raise InputError(msg)
        return
    if record.running:  # its process was killed
        return
    changed = [file.name for file in record.files if there.get(file.name, file) != file]
    own = {file.name for file in record.files}
    asked = (
        path.relative_to(case.folder).as_posix() for path in _paths(case.request) if path.is_relative_to(case.folder)
    )
    changed += [name for name in asked if name in there and name not in own]
    if changed:
        msg = (
            f"{case.folder / changed[0]} has changed since this case wrote it, or is not its own, and is not overwritten: "
            f"move it away to keep it, or run the batch with --again to overwrite it"
        )
        raise InputError(msg)


@contextlib.contextmanager
def _recorded(folder: Path) -> Iterator[Callable[[], tuple[_File, ...]]]:
    """Keep a record while a case writes into its folder, and of what it left there when it fails.

    Gives what returns the files that it has written, now or an earlier time.
    """
    before, last = set(_files(folder)), _read(folder)
    own = {file.name for file in last.files} if last is not None else set()
    if last is not None and last.running:
        own = {file.name for file in before}

    def files() -> tuple[_File, ...]:
        return tuple(file for file in _files(folder) if file not in before or file.name in own)

    _write(folder, _Record(files(), running=True))
    try:
        yield files
    except BaseException:
        with contextlib.suppress(OSError):
            if left := files():
                _write(folder, _Record(left))
            else:
                (folder / RECORD).unlink(missing_ok=True)
        raise


def _read(folder: Path) -> _Record | None:
    """Return the record in the folder of a case; None where there is none that can be read."""
    try:
        return from_json(_Record, json.loads((folder / RECORD).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None


def _write(folder: Path, record: _Record) -> None:
    write_json(folder / RECORD, to_json(record))


def _files(folder: Path) -> list[_File]:
    """Return all files in the folder of a case, sorted, without its record and hidden ones."""
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(place, name)
            if name.startswith(".") or path == folder / RECORD:
                continue
            with contextlib.suppress(FileNotFoundError):
                state = path.stat()
                found.append(_File(path.relative_to(folder).as_posix(), state.st_size, state.st_mtime_ns))
    return sorted(found, key=lambda file: file.name)


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
