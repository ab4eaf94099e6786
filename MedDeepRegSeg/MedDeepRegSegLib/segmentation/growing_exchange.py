"""What a window and the process that grows for it say to each other.

Two files in one folder, one JSON object a line: ``commands.jsonl`` is appended by the window, ``answers.jsonl`` by the
worker. Arrays go into ``.npy`` files beside them, cropped to the box that holds them. Files serve instead of pipes for
the reason that jobs have: a launcher stands between the two processes.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.folder import AppendedLines
from MedDeepRegSegLib.jobs.schema import from_json, to_json

Point = tuple[float, float, float]
Line = TypeVar("Line")


@dataclass(frozen=True, kw_only=True)
class Command:
    """One wish of the window."""

    number: int
    """Counts up; the answer has the same number."""
    do: Literal["start", "click", "undo", "uncertainty", "end"]
    """``start`` begins a structure and drops what was clicked before; ``undo`` takes the click ``target`` back."""
    name: str = "Structure"
    """Of ``start``: name of the structure."""
    box: tuple[float, float, float, float, float, float] | None = None
    """Of ``start``: two opposite corners of a box that holds the structure, LPS mm."""
    previous: Path | None = None
    """Of ``start``: mask file to go on from, on the grid of the image."""
    positive: tuple[Point, ...] = ()
    """Of ``click``: points inside, LPS mm; several are a scribble."""
    negative: tuple[Point, ...] = ()
    """Of ``click``: points outside, LPS mm."""
    target: int = 0
    """Of ``undo``: number of the click to take back."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the worker did."""

    number: int
    """Number of the command; 0 for the first answer, that the worker is ready."""
    kind: Literal["ready", "started", "step", "undone", "uncertainty", "dropped", "refused"]
    """``dropped`` clicks were taken back before they were done, or their start was refused; ``refused`` ones cannot be used, ``message`` says why."""
    message: str = ""
    """One line for a person."""
    array: str | None = None
    """File name of the mask (uint8, 0 and 1) or of the uncertainty (float32, 0 to 1), cropped; None where it is empty."""
    offset: tuple[int, int, int] = (0, 0, 0)
    """Index (k, j, i) of the first voxel of the array in the image."""
    volume_ml: float = 0.0
    """Volume of the structure, ml."""
    changed_ml: float = 0.0
    """How much of it changed, ml."""
    suggestion: Point | None = None
    """Where the next click would help most, LPS mm."""
    suggestion_positive: bool = True
    """Whether that click would be inside."""
    adapted: bool = False
    """Whether the network adapted to the corrections."""
    notes: tuple[str, ...] = ()
    """What the user should know."""
    seconds: float = 0.0
    """How long it took, s."""


class Exchange:
    """Names and formats of the files of one exchange."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self._commands = self.folder / "commands.jsonl"
        self._answers = self.folder / "answers.jsonl"
        self._new_commands = AppendedLines(self._commands)
        self._new_answers = AppendedLines(self._answers)

    def create(self) -> None:
        """Make the folder, readable by this user alone."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def send(self, command: Command) -> None:
        """Append a command."""
        _append(self._commands, to_json(command))

    def answer(self, answer: Answer) -> None:
        """Append an answer."""
        _append(self._answers, to_json(answer))

    def commands(self) -> list[Command]:
        """Return the commands since the last call."""
        return _parsed(Command, self._new_commands.read())

    def answers(self) -> list[Answer]:
        """Return the answers since the last call."""
        return _parsed(Answer, self._new_answers.read())

    def write_array(self, array: np.ndarray, number: int) -> tuple[str | None, tuple[int, int, int]]:
        """Write an array (k, j, i), cropped to where it is not 0; return the file's name (None if it is 0) and the offset."""
        box = box_of(array)
        if box is None:
            return None, (0, 0, 0)
        name = f"array-{number}.npy"
        np.save(self.folder / name, np.ascontiguousarray(array[box]), allow_pickle=False)
        return name, (box[0].start, box[1].start, box[2].start)

    def take_array(self, answer: Answer) -> np.ndarray | None:
        """Return the array of an answer and remove its file; None where it is empty, damaged or was taken before."""
        if answer.array is None or Path(answer.array).name != answer.array:
            return None
        path = self.folder / answer.array
        try:
            return np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError):  # the file is gone, cut off or no array
            return None
        finally:
            path.unlink(missing_ok=True)


def box_of(array: np.ndarray) -> tuple[slice, slice, slice] | None:
    """Return the smallest box of a (k, j, i) array that holds everything that is not 0, or None if nothing is.

    Examples
    --------
    >>> array = np.zeros((4, 5, 6))
    >>> array[1, 2, 3:5] = 1
    >>> box_of(array)
    (slice(1, 2, None), slice(2, 3, None), slice(3, 5, None))
    """
    found = []
    for axis in range(3):
        filled = np.flatnonzero(array.any(axis=tuple({0, 1, 2} - {axis})))
        if filled.size == 0:
            return None
        found.append(slice(int(filled[0]), int(filled[-1]) + 1))
    return found[0], found[1], found[2]


def _append(path: Path, data: dict[str, Any]) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
    file = os.open(path, flags, 0o600)
    try:
        os.write(file, json.dumps(data, allow_nan=False).encode() + b"\n")
    finally:
        os.close(file)


def _parsed(kind: type[Line], lines: list[bytes]) -> list[Line]:
    """Return what stands on the lines; a damaged line stops nothing."""
    found = []
    for line in lines:
        try:
            found.append(from_json(kind, json.loads(line)))
        except (ValueError, RecursionError, InputError):
            continue
    return found
