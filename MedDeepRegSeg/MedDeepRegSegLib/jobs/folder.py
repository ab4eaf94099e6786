"""The job folder: the files through which a job and its owner speak.

``request.json``
    What to do, written by the owner: protocol version, job name, owner process, request.
``events.jsonl``
    One JSON object a line, appended by the job: ``started``, ``progress``, and one of ``result``,
    ``error`` and ``canceled`` at the end.
``cancel``
    Appears when the owner wants the job to stop.
``log.txt``
    Everything that the job and the libraries below it print.
``journal``
    Temporary outputs, to be removed if the job is killed.
"""

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.outputs import write_json
from MedDeepRegSegLib.jobs.processes import start_stamp
from MedDeepRegSegLib.jobs.schema import from_json, to_json

PROTOCOL = 1
"""Version of the files in a job folder."""

_LARGEST_REQUEST = 64 * 1024 * 1024

EventKind = Literal["started", "progress", "result", "error", "canceled"]


@dataclass(frozen=True, kw_only=True)
class JobEvent:
    """One line of ``events.jsonl``.

    Attributes
    ----------
    kind:
        What happened.
    fraction:
        Of ``progress``: the part of the work that is done, in [0, 1].
    message:
        Of ``progress`` and ``error``: one line for a person.
    data:
        The whole line.
    """

    kind: EventKind
    data: dict[str, Any]
    fraction: float = 0.0
    message: str = ""


@dataclass(frozen=True)
class Owner:
    """The process that waits for the job; when it ends, so does the job."""

    pid: int
    stamp: str | None


@dataclass(frozen=True)
class Envelope:
    """What stands around a request."""

    protocol: int
    job: str
    owner: Owner | None


class JobFolder:
    """Names and formats of the files in one job folder."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.request = self.path / "request.json"
        self.events = self.path / "events.jsonl"
        self.cancel = self.path / "cancel"
        self.log = self.path / "log.txt"
        self.journal = self.path / "journal"

    def create(self) -> None:
        """Make the folder, readable by this user alone.

        Raises
        ------
        InputError
            If the folder holds files already: a job folder serves one job.
        """
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(self.path.iterdir()):
            msg = f"job folder {self.path} is not empty: choose a new one for every job"
            raise InputError(msg)

    def write_request(self, job: str, request: Any, *, owned: bool = True) -> None:
        """Write the request; with ``owned``, the job ends when this process ends."""
        owner = Owner(os.getpid(), start_stamp(os.getpid())) if owned else None
        write_json(self.request, {**to_json(Envelope(PROTOCOL, job, owner)), "request": to_json(request)})

    def read_request(self) -> tuple[Envelope, Any]:
        """Return the checked envelope and the request as plain JSON, still to be checked.

        Raises
        ------
        InputError
            If the file is absent, damaged, or written for another version; the field is named.
        """
        try:
            if self.request.stat().st_size > _LARGEST_REQUEST:
                msg = f"{self.request.name} is larger than {_LARGEST_REQUEST // 2**20} MiB, which no request is"
                raise InputError(msg)
            data = json.loads(self.request.read_text(encoding="utf-8"), object_pairs_hook=_without_repeats)
        except FileNotFoundError:
            msg = f"{self.path} holds no request.json, expected a job folder"
            raise InputError(msg) from None
        except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
            msg = f"{self.request.name} cannot be read: {error}"
            raise InputError(msg) from error
        if not isinstance(data, dict) or "request" not in data:
            msg = f"request: missing field in {self.request.name}, expected protocol, job, owner and request"
            raise InputError(msg)
        request = data.pop("request")
        if type(data.get("protocol")) is int and data["protocol"] != PROTOCOL:
            msg = f"protocol: version {data['protocol']}, expected {PROTOCOL}: use one version of MedDeep on both sides"
            raise InputError(msg)
        return from_json(Envelope, data), request

    def log_tail(self, characters: int = 2000) -> str:
        """Return the end of the log."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - 4 * characters))
                return file.read().decode("utf-8", errors="replace")[-characters:].strip()
        except OSError:
            return ""


class AppendedLines:
    """Reads the lines that were appended to a file since the last time, complete ones only."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def read(self) -> list[bytes]:
        """Return the new lines; none while the file is absent."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                new = file.read()
        except OSError:
            return []
        complete = new[: new.rfind(b"\n") + 1]
        self._offset += len(complete)
        return complete.splitlines()


class EventReader:
    """Reads what was appended to ``events.jsonl`` since the last time."""

    def __init__(self, path: Path) -> None:
        self._lines = AppendedLines(path)

    def read(self) -> list[JobEvent]:
        """Return the new events. Lines that are not events are skipped."""
        events = (parse_event(line) for line in self._lines.read())
        return [event for event in events if event is not None]


def parse_event(line: bytes) -> JobEvent | None:
    """Return the event on one line of ``events.jsonl``, or None if the line is damaged."""
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict) or data.get("type") not in get_args(EventKind):
        return None
    kind: EventKind = data["type"]
    message = data.get("message", "")
    if not isinstance(message, str):
        return None
    fraction = 0.0
    if kind == "progress":
        value = data.get("fraction")
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return None
        fraction = min(max(float(value), 0.0), 1.0)
    if kind == "started" and not (type(data.get("pid")) is int and data["pid"] > 1):
        return None
    return JobEvent(kind=kind, data=data, fraction=fraction, message=message)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        msg = f"{repeated}: field is given twice"
        raise InputError(msg)
    return data
