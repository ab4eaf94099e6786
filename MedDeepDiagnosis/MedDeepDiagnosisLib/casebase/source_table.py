"""Reads tables of people: CSV with commas or semicolons, TSV, and Excel."""

import csv
import hashlib
import io
import json
import re
from dataclasses import dataclass
from pathlib import Path

from MedDeepDiagnosisLib.spreadsheet import unguarded
from MedDeepRegSegLib.errors import InputError, MissingPackageError

_EXCEL = frozenset({".xlsx", ".xlsm"})
_OLD_EXCEL = frozenset({".xls", ".ods", ".xlsb"})


@dataclass(frozen=True)
class SourceTable:
    """A table as text.

    Attributes
    ----------
    header:
        Names of the columns, unique and not empty.
    rows:
        Cells by column; an empty cell is an empty text.
    places:
        Where each row stands in the file: ``line 2``.
    notes:
        What a reader should know about the reading.
    """

    header: tuple[str, ...]
    rows: tuple[dict[str, str], ...]
    places: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def layout(self) -> str:
        """What tells tables of this layout: a hash of the columns' names, in any order, upper and lower case alike."""
        names = sorted(" ".join(name.casefold().split()) for name in self.header)
        return hashlib.sha256(json.dumps(names).encode()).hexdigest()


def read_source_table(path: Path, *, sheet: str | None = None) -> SourceTable:
    """Read a table with one header line.

    Parameters
    ----------
    path:
        ``.csv``, ``.tsv``, ``.txt`` or ``.xlsx``. Text is UTF-8 or what Excel saves as Unicode text; columns are separated
        by what occurs most in the header of comma, semicolon and tab.
    sheet:
        Of an Excel file; by default the first.

    Raises
    ------
    InputError
        If it cannot be read, has no rows, or columns without name or of the same name.
    MissingPackageError
        If an Excel file needs openpyxl and it is not installed.
    """
    suffix = Path(path).suffix.lower()
    if suffix in _OLD_EXCEL:
        msg = f"table {path} is {suffix}, expected .xlsx, .csv or .tsv: save it as one of these"
        raise InputError(msg)
    if suffix not in _EXCEL and sheet is not None:
        msg = f"table {path} is no Excel file and has no sheet {sheet!r}: leave the sheet away"
        raise InputError(msg)
    lines, notes = _excel_lines(Path(path), sheet) if suffix in _EXCEL else (_text_lines(Path(path)), ())
    filled = [(number, line) for number, line in enumerate(lines, start=1) if any(line)]
    if len(filled) < 2:
        msg = f"table {path} has no rows, expected a header line and one line for each case"
        raise InputError(msg)
    header = _header(Path(path), filled[0][1])
    rows, places = [], []
    for number, line in filled[1:]:
        if any(line[len(header) :]) or (suffix not in _EXCEL and len(line) < len(header)):
            msg = f"table {path}: line {number} has {len(line)} cells, expected {len(header)} as in the header"
            raise InputError(msg)
        cells = [*line, *[""] * (len(header) - len(line))]
        rows.append(dict(zip(header, cells, strict=False)))
        places.append(f"line {number}")
    return SourceTable(header, tuple(rows), tuple(places), tuple(notes))


def _header(path: Path, line: list[str]) -> tuple[str, ...]:
    while line and not line[-1]:
        line = line[:-1]
    for number, name in enumerate(line, start=1):
        if not name:
            msg = f"table {path}: column {number} has no name, expected one in the first line: name it or remove it"
            raise InputError(msg)
    repeated = [name for name in line if line.count(name) > 1]
    if repeated:
        msg = f"table {path} repeats the column {repeated[0]!r}, expected each once: rename one"
        raise InputError(msg)
    return tuple(line)


def _text_lines(path: Path) -> list[list[str]]:
    try:
        raw = path.read_bytes()
        encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        text = raw.decode(encoding)
        if "\0" in text:
            msg = "it holds binary data"
            raise ValueError(msg)
        separator = max(",;\t", key=text.lstrip().partition("\n")[0].count)
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except (OSError, ValueError, csv.Error) as error:
        msg = f"table {path} cannot be read ({error}): expected text in UTF-8 with one header line, or an .xlsx file"
        raise InputError(msg) from error
    cells = [[unguarded(cell.strip()) for cell in line] for line in lines]
    if separator == ";":  # as Excel saves it where the comma is the decimal sign
        cells = [cells[0], *([_with_point(cell) for cell in line] for line in cells[1:])] if cells else cells
    return cells


def _with_point(cell: str) -> str:
    return cell.replace(",", ".") if re.fullmatch(r"[-+]?\d+,\d+", cell) else cell


def _excel_lines(path: Path, sheet: str | None) -> tuple[list[list[str]], tuple[str, ...]]:
    try:
        import openpyxl
    except ImportError as error:
        msg = "reading Excel files needs the package openpyxl: install it with 'pip install openpyxl', or save as CSV"
        raise MissingPackageError(msg) from error
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as error:  # openpyxl raises what zipfile, its XML reader and itself do
        msg = f"table {path} cannot be read as an Excel file ({error}): open it in Excel and save it anew"
        raise InputError(msg) from error
    try:
        names = [page.title for page in book.worksheets]
        if sheet is not None and sheet not in names:
            msg = f"table {path} has no sheet {sheet!r}, expected one of {', '.join(names)}"
            raise InputError(msg)
        chosen = sheet or names[0]
        lines = [[_cell_text(cell) for cell in line] for line in book[chosen].iter_rows(values_only=True)]
    finally:
        book.close()
    note = (f"sheet {chosen!r} of {len(names)} was read",) if sheet is None and len(names) > 1 else ()
    return lines, note


def _cell_text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))  # a patient's number 12 that Excel keeps as 12.0
    if isinstance(cell, float):
        return repr(cell)
    return unguarded(str(cell).strip())
