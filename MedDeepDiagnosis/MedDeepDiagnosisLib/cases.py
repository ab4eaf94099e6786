"""Tables of cases: what a model learns from, and the one case that is assessed."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.lidc import patient_name
from MedDeepDiagnosisLib.pathology import Pathology
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.outputs import write_text

CASE_COLUMN = "case"
PATIENT_COLUMN = "patient"


@dataclass(frozen=True)
class CaseTable:
    """Cases with known outcome.

    Attributes
    ----------
    names:
        Names of the F features, in the order of the columns.
    values:
        (N, F) in the features' units, NaN where missing.
    target:
        (N,) 1 where the outcome is present, 0 where not.
    patients:
        (N,) text; rows of one patient never go to two folds.
    cases:
        (N,) text that identifies the row.
    """

    names: tuple[str, ...]
    values: NDArray[np.float64]
    target: NDArray[np.float64]
    patients: NDArray[np.str_]
    cases: NDArray[np.str_]

    def __post_init__(self) -> None:
        """Check the shapes; raises ValueError."""
        count = len(self.target)
        if self.values.shape != (count, len(self.names)) or len(self.patients) != count or len(self.cases) != count:
            msg = f"case table: shapes {self.values.shape}, {len(self.patients)}, {len(self.cases)} do not fit {count} rows"
            raise ValueError(msg)

    def __len__(self) -> int:
        return len(self.target)

    def select(self, names: Sequence[str]) -> NDArray[np.float64]:
        """Return (N, len(names)) values of some features."""
        return self.values[:, [self.names.index(name) for name in names]]

    def rows(self, chosen: NDArray) -> "CaseTable":
        """Return the table with some of its rows (indices or booleans)."""
        return CaseTable(
            self.names, self.values[chosen], self.target[chosen], self.patients[chosen], self.cases[chosen]
        )


def table_from_rows(pathology: Pathology, rows: Sequence[Mapping[str, object]]) -> CaseTable:
    """Check rows against a pathology and return them as a table.

    Parameters
    ----------
    rows:
        Feature values by name, the target (1 or 0) by its name, ``patient``, and optionally ``case``.

    Raises
    ------
    InputError
        If there are no rows, a value is implausible, or patient or target is missing. Names the row.

    Notes
    -----
    Patients get the one spelling of :func:`~MedDeepDiagnosisLib.lidc.patient_name`.
    """
    values, target, patients, cases = [], [], [], []
    for number, row in enumerate(rows, start=1):
        patient = patient_name(str(row.get(PATIENT_COLUMN) or ""))
        outcome = str(row.get(pathology.target.name) if row.get(pathology.target.name) is not None else "").strip()
        if not patient:
            msg = f"row {number}: column {PATIENT_COLUMN!r} is empty: without it cases of one patient would leak between folds"
            raise InputError(msg)
        if outcome not in {"0", "1", "0.0", "1.0"}:
            msg = f"row {number}: {pathology.target.name} is {outcome!r}, expected 1 ({pathology.target.positive}) or 0"
            raise InputError(msg)
        try:
            parsed = pathology.parse_values(row)
        except InputError as error:
            msg = f"row {number}: {error}"
            raise InputError(msg) from error
        values.append([parsed[feature.name] for feature in pathology.features])
        target.append(float(outcome))
        patients.append(patient)
        cases.append(str(row.get(CASE_COLUMN) or number))
    if not values:
        msg = "the training table has no rows, expected one for each case"
        raise InputError(msg)
    names = tuple(feature.name for feature in pathology.features)
    return CaseTable(names, np.array(values), np.array(target), np.array(patients), np.array(cases))


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read a comma-separated table with one header line.

    Raises
    ------
    InputError
        If it is missing, not text, has no rows, repeats a column, or has lines of differing length.
    """
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            lines = [line for line in csv.reader(file) if any(cell.strip() for cell in line)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        msg = f"table {path} cannot be read ({error}): expected a comma-separated text file with one header line"
        raise InputError(msg) from error
    if len(lines) < 2:
        msg = f"table {path} has no rows, expected a header line and one line for each case"
        raise InputError(msg)
    header = [cell.strip() for cell in lines[0]]
    if len(set(header)) != len(header):
        msg = f"table {path} repeats the column {next(name for name in header if header.count(name) > 1)!r}"
        raise InputError(msg)
    for number, line in enumerate(lines[1:], start=2):
        if len(line) != len(header):
            msg = f"table {path}: line {number} has {len(line)} cells, expected {len(header)} as in the header"
            raise InputError(msg)
    return [dict(zip(header, line, strict=True)) for line in lines[1:]]


def read_case(path: Path) -> dict[str, str]:
    """Read the table of the one case to assess; raises InputError unless it has exactly one row."""
    rows = read_rows(path)
    if len(rows) != 1:
        msg = f"table {path} has {len(rows)} rows, expected the one case to assess: keep one row"
        raise InputError(msg)
    return rows[0]


def write_table(table: CaseTable, pathology: Pathology, path: Path) -> None:
    """Write a case table as CSV that :func:`read_rows` and :func:`table_from_rows` read back to the last digit."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([PATIENT_COLUMN, CASE_COLUMN, pathology.target.name, *table.names])
    for patient, case, outcome, values in zip(table.patients, table.cases, table.target, table.values, strict=True):
        cells = ["" if np.isnan(value) else repr(float(value)) for value in values]
        writer.writerow([patient, case, f"{outcome:g}", *cells])
    write_text(path, text.getvalue())
