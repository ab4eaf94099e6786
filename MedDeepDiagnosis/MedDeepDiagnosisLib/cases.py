"""Tables of cases: what a model learns from, and the one case that is assessed."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.casebase.source_table import read_source_table
from MedDeepDiagnosisLib.lidc import patient_name
from MedDeepDiagnosisLib.pathology import Pathology
from MedDeepDiagnosisLib.pathology.features import MISSING_WORDS
from MedDeepDiagnosisLib.spreadsheet import guarded
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.outputs import write_text

CASE_COLUMN = "case"
PATIENT_COLUMN = "patient"

LESION_COLUMN = "lesion_"
"""Columns ``lesion_0``, ``lesion_1`` ... hold encoder features of the lesion's image."""


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
        (N,) outcome: 1 where it is present and 0 where not, a number, or a step of a scale.
    patients:
        (N,) text; rows of one patient never go to two folds.
    cases:
        (N,) text that identifies the row.
    lesion:
        (N, D) encoder features of the lesion's image, NaN where there is none; D is 0 in a table without images.
    notes:
        What to know about the table, for example how many rows were left out.
    """

    names: tuple[str, ...]
    values: NDArray[np.float64]
    target: NDArray[np.float64]
    patients: NDArray[np.str_]
    cases: NDArray[np.str_]
    notes: tuple[str, ...] = ()
    lesion: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)))

    def __post_init__(self) -> None:
        """Check the shapes; raises ValueError."""
        count = len(self.target)
        if self.values.shape != (count, len(self.names)) or len(self.patients) != count or len(self.cases) != count:
            msg = f"case table: shapes {self.values.shape}, {len(self.patients)}, {len(self.cases)} do not fit {count} rows"
            raise ValueError(msg)
        if self.lesion.shape[1] and len(self.lesion) != count:
            msg = f"case table: {len(self.lesion)} rows of lesion features do not fit {count} rows"
            raise ValueError(msg)

    def __len__(self) -> int:
        return len(self.target)

    def select(self, names: Sequence[str]) -> NDArray[np.float64]:
        """Return (N, len(names)) values of some features."""
        return self.values[:, [self.names.index(name) for name in names]]

    def learning_values(self, names: Sequence[str]) -> NDArray[np.float64]:
        """Return (N, len(names) + D) values of some features, then those of the lesion's image."""
        values = self.select(names)
        return np.concatenate([values, self.lesion], axis=1) if self.lesion.shape[1] else values

    def rows(self, chosen: NDArray) -> "CaseTable":
        """Return the table with some of its rows (indices or booleans)."""
        return replace(
            self,
            values=self.values[chosen],
            target=self.target[chosen],
            patients=self.patients[chosen],
            cases=self.cases[chosen],
            lesion=self.lesion[chosen] if self.lesion.shape[1] else self.lesion,
        )


def table_from_rows(pathology: Pathology, rows: Sequence[Mapping[str, object]]) -> CaseTable:
    """Check rows against a pathology and return them as a table.

    Parameters
    ----------
    rows:
        Feature values by name, the target by its name, ``patient``, and optionally ``case``. Rows without the outcome
        are left out, with a note, as long as others have it.

    Raises
    ------
    InputError
        If there are no rows, a value is implausible, the patient is missing, or the target is missing in every row.
        Names the row.

    Notes
    -----
    Patients get the one spelling of :func:`~MedDeepDiagnosisLib.lidc.patient_name`.
    """
    values, target, patients, cases, used = [], [], [], [], []
    without = 0
    for number, row in enumerate(rows, start=1):
        patient = patient_name(str(row.get(PATIENT_COLUMN) or ""))
        if not patient:
            msg = f"row {number}: column {PATIENT_COLUMN!r} is empty: without it cases of one patient would leak between folds"
            raise InputError(msg)
        try:
            outcome = pathology.target.parse(row.get(pathology.target.name))
            parsed = pathology.parse_values(row) if not np.isnan(outcome) else {}
        except InputError as error:
            msg = f"row {number}: {error}"
            raise InputError(msg) from error
        if np.isnan(outcome):
            without += 1
            continue
        values.append([parsed[feature.name] for feature in pathology.features])
        target.append(outcome)
        patients.append(patient)
        cases.append(str(row.get(CASE_COLUMN) or number))
        used.append(row)
    if not rows:
        msg = "the training table has no rows, expected one for each case"
        raise InputError(msg)
    if not values:
        msg = f"row 1: {pathology.target.name} is '', expected {pathology.target.allowed_text}: no row has the outcome"
        raise InputError(msg)
    notes = [f"{without} of {len(rows)} rows have no {pathology.target.name} and were left out."] if without else []
    notes += _alike(set(patients))
    names = tuple(feature.name for feature in pathology.features)
    return CaseTable(
        names, np.array(values), np.array(target), np.array(patients), np.array(cases), tuple(notes), lesion_rows(used)
    )


def _alike(patients: set[str]) -> list[str]:
    """Point out patients who may be one: in two folds, one patient would flatter the scores. Without their names."""
    spelled = {"".join(patient.split()).casefold() for patient in patients}
    more = len(patients) - len(spelled)
    if not more:
        return []
    return [
        f"The spelling of {more} {'patient' if more == 1 else 'patients'} differs from that of another one in "
        "case or spaces alone; they count as different patients. If they are the same, the scores are too good."
    ]


def lesion_names(names: Iterable[str]) -> list[str]:
    """Return those columns that hold encoder features of the lesion's image, in the order of their numbers."""
    numbered = [(name.removeprefix(LESION_COLUMN), name) for name in names if name.startswith(LESION_COLUMN)]
    return [name for _, name in sorted((int(number), name) for number, name in numbered if number.isdecimal())]


def lesion_rows(rows: Sequence[Mapping[str, object]], count: int | None = None) -> NDArray[np.float64]:
    """Return (N, D) encoder features of the lesion's image, NaN in a row that lacks any of them.

    Parameters
    ----------
    count:
        D; as many as the rows have columns of them if None.

    Raises
    ------
    InputError
        If a cell is no finite number, or the rows have another number of such columns than ``count``, and not none.
    """
    names = lesion_names({name for row in rows for name in row})
    if count is not None and len(names) not in (0, count):
        msg = f"there are {len(names)} columns {LESION_COLUMN}…, expected {count}: use the encoder that the model was trained with"
        raise InputError(msg)
    features = np.full((len(rows), len(names) if count is None else count), np.nan)
    for index, row in enumerate(rows):
        cells = [str(row.get(name) if row.get(name) is not None else "").strip() for name in names]
        if cells and not any(cell.casefold() in MISSING_WORDS for cell in cells):
            try:
                features[index] = [float(cell) for cell in cells]
            except ValueError as error:
                msg = f"row {index + 1}: a column {LESION_COLUMN}… is no number ({error}): expected pooled encoder features"
                raise InputError(msg) from error
            if not np.isfinite(features[index]).all():
                msg = f"row {index + 1}: a column {LESION_COLUMN}… is infinite, expected pooled encoder features"
                raise InputError(msg)
    return features


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read a table with one header line; see :func:`~MedDeepDiagnosisLib.casebase.source_table.read_source_table`."""
    return list(read_source_table(path).rows)


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
    lesion = table.lesion if table.lesion.shape[1] else np.empty((len(table), 0))
    numbered = [f"{LESION_COLUMN}{number}" for number in range(lesion.shape[1])]
    writer.writerow([PATIENT_COLUMN, CASE_COLUMN, pathology.target.name, *table.names, *numbered])
    joined = np.concatenate([table.values, lesion], axis=1)
    for patient, case, outcome, values in zip(table.patients, table.cases, table.target, joined, strict=True):
        cells = ["" if np.isnan(value) else repr(float(value)) for value in values]
        writer.writerow([guarded(patient), guarded(case), f"{float(outcome)!r}".removesuffix(".0"), *cells])
    write_text(path, text.getvalue())
