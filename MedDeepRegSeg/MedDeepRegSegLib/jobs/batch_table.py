"""The table of a batch: one case a row, read from CSV."""

import csv
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.wording import folded_name

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,79}")
_DEVICES = {"con", "nul", "aux", "prn", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}
"""Names that stand for devices on Windows, whatever follows behind a point."""
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+")
_YES, _NO = ("yes", "true", "1"), ("no", "false", "0")


@dataclass(frozen=True)
class Row:
    """One case.

    Attributes
    ----------
    name : str
        Name of its folder, unique in the table.
    values : dict of str to str
        Column to text, without empty cells and without the column ``name``.
    folder : Path
        Where the table lies: relative paths start there.
    """

    name: str
    values: dict[str, str]
    folder: Path

    def path(self, column: str) -> Path | None:
        """Return the path in a column; None where the cell is empty.

        Raises
        ------
        InputError
            When nothing is there.
        """
        text = self.values.get(column)
        if text is None:
            return None
        try:
            path = self.folder / Path(text).expanduser()
        except RuntimeError as error:  # of an unknown user's home
            msg = f"{column}: {text} is no path: write the whole path"
            raise InputError(msg) from error
        if not path.exists():
            msg = f"{column}: {path} does not exist: correct the table, or put the file there"
            raise InputError(msg)
        return path

    def needed(self, column: str) -> Path:
        """Return the path in a required column.

        Raises
        ------
        InputError
            When the cell is empty, or nothing is there.
        """
        path = self.path(column)
        if path is None:
            msg = f"{column} is empty, expected a file or folder: fill it in"
            raise InputError(msg)
        return path

    def choice(self, column: str, choices: Sequence[str]) -> str | None:
        """Return the text in a column, one of some words; None where the cell is empty.

        Raises
        ------
        InputError
            When it is another one.
        """
        text = self.values.get(column)
        if text is not None and text.lower() not in choices:
            msg = f"{column}: {text!r} is not allowed, expected one of {', '.join(choices)}: correct the table"
            raise InputError(msg)
        return None if text is None else text.lower()

    def flag(self, column: str) -> bool:
        """Return whether a column says yes; an empty cell means no.

        Raises
        ------
        InputError
            When it says neither.
        """
        return self.choice(column, (*_YES, *_NO)) in _YES

    def number(self, column: str) -> float | None:
        """Return the number in a column; None where the cell is empty.

        Raises
        ------
        InputError
            When it is none.
        """
        text = self.values.get(column)
        if text is None:
            return None
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            msg = f"{column}: {text!r} is no number, expected for example 25: correct the table"
            raise InputError(msg)
        return value


def read_table(path: Path, required: Sequence[str], optional: Sequence[str], *, others: bool = False) -> list[Row]:
    """Return the cases of a table.

    Parameters
    ----------
    path : Path
        CSV with a header; fields are separated by comma, semicolon or tab. Where it is the semicolon, numbers may have a
        decimal comma.
    required, optional : sequence of str
        Columns. ``name`` is always optional; without it cases are called case-1, case-2, ...
    others : bool
        Whether further columns are kept, under the names that they have.

    Raises
    ------
    InputError
        When it cannot be read, a column is unknown or missing, a required cell is empty, or two cases have one name.
    """
    rows = _records(path)
    known = ["name", *required, *optional]
    header = [cell.strip() for cell in rows[0][1]]
    header = [cell.lower() if cell.lower() in known or not others else cell for cell in header]
    if others:
        while header and not header[-1]:  # spreadsheets leave empty columns behind
            header.pop()
    for column in header:
        if column not in known and not (others and column):
            msg = f"{path.name} has a column {column!r}, expected {', '.join(known)}: rename or remove it"
            raise InputError(msg)
        alike = [other for other in header if folded_name(other) == folded_name(column)]
        if len(alike) > 1:
            what = repr(column) if alike[0] == alike[1] else f"{alike[0]!r} and {alike[1]!r} that mean the same"
            msg = f"{path.name} has two columns {what}, expected one: remove one"
            raise InputError(msg)
    missing = [column for column in required if column not in header]
    if missing:
        msg = f"{path.name} has no column {missing[0]!r}, expected {', '.join(required)} and optional others: add it"
        raise InputError(msg)
    cases = [
        _row(path, number, line, dict(zip(header, cells, strict=False)), required=required)
        for number, (line, cells) in enumerate(rows[1:], start=1)
    ]
    if not cases:
        msg = f"{path.name} has no cases, expected one a row below the header: add them"
        raise InputError(msg)
    seen: set[str] = set()
    for case in cases:
        if case.name.lower() in seen:  # folders on Windows and macOS do not tell upper from lower case
            msg = f"{path.name} has two cases named {case.name!r}, expected each its own name: rename one"
            raise InputError(msg)
        seen.add(case.name.lower())
    return cases


def _records(path: Path) -> list[tuple[int, list[str]]]:
    """Return line number and cells of each row that is not empty, the header first."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror or error}; give the table as a CSV file"
        raise InputError(msg) from error
    except UnicodeDecodeError as error:
        msg = f"{path} is not a text in UTF-8, expected a CSV file: export the table as CSV UTF-8"
        raise InputError(msg) from error
    first = text.split("\n", 1)[0]
    separator = max(",;\t", key=first.count)  # spreadsheets of some languages write semicolons
    reader = csv.reader(text.splitlines(keepends=True), delimiter=separator)
    try:
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
        if separator == ";":  # as Excel saves it where the comma is the decimal sign
            rows = [(line, [_with_point(cell) for cell in row]) for line, row in rows]
    except csv.Error as error:
        msg = f"{path} is damaged in line {reader.line_num}: {error}; export the table again"
        raise InputError(msg) from error
    if not rows:
        msg = f"{path} is empty, expected a header and one case a row: fill the table"
        raise InputError(msg)
    return rows


def _with_point(cell: str) -> str:
    return cell.replace(",", ".") if _DECIMAL_COMMA.fullmatch(cell.strip()) else cell


def _row(path: Path, number: int, line: int, cells: dict[str, str], *, required: Sequence[str]) -> Row:
    values = {column: cell.strip() for column, cell in cells.items() if cell.strip()}
    name = values.pop("name", f"case-{number}")
    # "summary.csv" and "batch.json" lie beside the folders of the cases.
    if not _NAME.fullmatch(name) or name.lower().endswith((".", " ", ".csv", ".json")):
        msg = f"{path.name}, line {line}: {name!r} is no name for a folder, expected letters, digits, -, _ and .: rename it"
        raise InputError(msg)
    if name.lower().split(".", 1)[0].rstrip() in _DEVICES:
        msg = f"{path.name}, line {line}: {name!r} is the name of a device on Windows, expected one of a folder: rename it"
        raise InputError(msg)
    for column in required:
        if column not in values:
            msg = (
                f"{path.name}, line {line}: {column} is empty, expected a file or folder: fill it in, or remove the row"
            )
            raise InputError(msg)
    return Row(name, values, Path(path).absolute().parent)
