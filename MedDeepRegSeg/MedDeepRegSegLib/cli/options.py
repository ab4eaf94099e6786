"""Options that all subcommands share, and the types of their values."""

import argparse
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from MedDeepRegSegLib.errors import InputError

Point = tuple[float, float, float]
Box = tuple[float, float, float, float, float, float]

_STARTS_NEGATIVE = re.compile(r"-[\d.]")


class UsageError(InputError):
    """The command line itself is wrong."""


class OneLineParser(argparse.ArgumentParser):
    """A parser whose errors are one line, and that never guesses what an abbreviation means."""

    def __init__(self, *args: object, **options: object) -> None:
        options.setdefault("allow_abbrev", False)
        super().__init__(*args, **options)  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the whole usage."""
        msg = f"{message} (see {self.prog} --help)"
        raise UsageError(msg)


def common_options(*, uses_gpu: bool = False) -> argparse.ArgumentParser:
    """Return the options that every subcommand takes, as a parent parser.

    Parameters
    ----------
    uses_gpu:
        Whether the command can compute on a GPU, as its ``Command`` says.
    """
    where = "auto takes an NVIDIA GPU where there is one" if uses_gpu else "this command computes on the CPU"
    parser = OneLineParser(add_help=False)
    group = parser.add_argument_group("options of every command")
    group.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help=f"where to compute; {where} (default: auto)",
    )
    group.add_argument("--seed", type=seed, default=0, metavar="N", help="seed of everything random (default: 0)")
    group.add_argument("--quiet", action="store_true", help="no progress and no summary; errors are still told")
    group.add_argument("--json", action="store_true", help="print the result as JSON on standard output")
    group.add_argument("--debug", action="store_true", help="show the traceback of an internal error")
    group.add_argument(
        "--in-process",
        action="store_true",
        help="work in this process instead of a child process, for a debugger or a profiler",
    )
    return parser


def join_negative_values(argv: Sequence[str]) -> list[str]:
    """Return ``argv`` with values such as ``-10,20,30`` joined to the option before them.

    Otherwise the parser takes a point with a negative first coordinate for an option.
    """
    joined: list[str] = []
    for word in argv:
        if _STARTS_NEGATIVE.match(word) and joined and joined[-1].startswith("--") and "=" not in joined[-1]:
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def seed(text: str) -> int:
    """Return a seed: a whole number from 0 to 2**32 - 1."""
    try:
        value = int(text)
    except ValueError:
        value = -1
    if not 0 <= value < 2**32:
        msg = f"{text!r} is not a seed: expected a whole number from 0 to {2**32 - 1}"
        raise argparse.ArgumentTypeError(msg)
    return value


def millimeters(text: str) -> float:
    """Return a length in mm: a finite number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        msg = f"{text!r} is not a length: expected a number of millimeters above 0, for example 2"
        raise argparse.ArgumentTypeError(msg)
    return value


def point(text: str) -> Point:
    """Return the point written ``R,A,S`` (mm), still RAS."""
    right, anterior, superior = _numbers(text, 3, "a point", "R,A,S in mm, for example 12.5,-30,41")
    return (right, anterior, superior)


def box(text: str) -> tuple[Point, Point]:
    """Return the two opposite corners of the box written ``R,A,S,R,A,S`` (mm), still RAS."""
    values = _numbers(text, 6, "a box", "R,A,S,R,A,S in mm: two opposite corners")
    first, second = (values[0], values[1], values[2]), (values[3], values[4], values[5])
    if any(a == b for a, b in zip(first, second, strict=True)):
        msg = f"{text!r} is a flat box: expected two corners that differ in R, A and S"
        raise argparse.ArgumentTypeError(msg)
    return first, second


def _numbers(text: str, count: int, what: str, form: str) -> tuple[float, ...]:
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) != count or not all(math.isfinite(value) and abs(value) < 1e6 for value in values):
        msg = f"{text!r} is not {what}: expected {count} numbers {form}"
        raise argparse.ArgumentTypeError(msg)
    return values


def lps_from_ras(ras: Point) -> Point:
    """Return a point in LPS mm, the coordinates of the engines, from RAS mm, those of the command."""
    # 0.0 - x instead of -x, so that no negative zero appears in files and messages.
    return (0.0 - ras[0], 0.0 - ras[1], ras[2])


def lps_box_from_ras(corners: tuple[Point, Point]) -> Box:
    """Return the lower, then the upper corner of a box in LPS mm from two opposite corners in RAS mm."""
    first, second = (lps_from_ras(corner) for corner in corners)
    lower = [min(pair) for pair in zip(first, second, strict=True)]
    upper = [max(pair) for pair in zip(first, second, strict=True)]
    return (lower[0], lower[1], lower[2], upper[0], upper[1], upper[2])


def existing(path: Path, option: str) -> Path:
    """Return ``path`` if something is there.

    Raises
    ------
    InputError
        If nothing is there.
    """
    if not path.exists():
        msg = f"{option}: {path} does not exist: check the name and the folder you are in"
        raise InputError(msg)
    return path


def output_file(path: Path, suffix: str, *, inputs: Sequence[Path | None] = (), option: str = "--out") -> Path:
    """Return ``path`` if a file of this format may be written there.

    Raises
    ------
    InputError
        If the name ends otherwise, is a folder, or is one of the inputs.
    """
    if not path.name.lower().endswith(suffix) or len(path.name) == len(suffix):
        msg = f"{option}: {path} does not end with {suffix}, expected for example {path.stem or 'result'}{suffix}"
        raise InputError(msg)
    if path.is_dir():
        msg = f"{option}: {path} is a folder, expected the name of a file to write"
        raise InputError(msg)
    for source in inputs:
        if source is not None and path.exists() and source.exists() and path.samefile(source):
            msg = f"{option}: {path} is also an input: choose another name, so that the input is not overwritten"
            raise InputError(msg)
    return path


def output_folder(path: Path) -> Path:
    """Return ``path`` if a folder can be there.

    Raises
    ------
    InputError
        If it is a file.
    """
    if path.exists() and not path.is_dir():
        msg = f"--out: {path} is a file, expected a folder: choose another name"
        raise InputError(msg)
    return path
