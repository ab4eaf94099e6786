"""A table of mixed types: the findings of many cases, with the patient of each row.

Numbers and ordinals keep their values. Categories and binary columns hold the code of a level, 0, 1, 2, ...; the
levels say what the codes mean. NaN is a missing value.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.cases import CASE_COLUMN, PATIENT_COLUMN
from MedDeepDiagnosisLib.pathology import Feature, Pathology, Target
from MedDeepRegSegLib.errors import InputError

Kind = Literal["number", "ordinal", "category", "binary"]

RARE_ROWS = 5
"""A level of a category with fewer rows is pooled with the other rare ones: tests of such levels do not hold."""

POOLED = "other (rare)"

_LONGEST_TITLE = 34
"""Outcomes have sentences as titles; the name is shown in place of a longer one."""


@dataclass(frozen=True)
class Column:
    """What one column holds.

    Attributes
    ----------
    name, title, units, description:
        Name in files; the others are for people. ``units`` is empty where there are none.
    kind:
        ``number``; ``ordinal``, steps with an order; ``category``, levels without one; ``binary``, two levels.
    group:
        Where it comes from, for example ``measured``, ``rated``, ``clinical`` or ``outcome``.
    levels:
        Words of the codes 0, 1, ... of a category or binary column; empty for numbers and ordinals. The second
        level of a binary column is the one that counts as present.
    why:
        How the kind is known, for people: from the pathology, or what the guess rests on.
    outcome:
        Whether it is an outcome: missing data are compared with outcomes.
    """

    name: str
    title: str
    kind: Kind
    group: str
    units: str = ""
    levels: tuple[str, ...] = ()
    description: str = ""
    why: str = ""
    outcome: bool = False

    @property
    def label(self) -> str:
        """Title with units, for example ``Volume (mm³)``; of a binary column with what counts as present."""
        if self.kind == "binary" and self.levels[1].casefold() not in {"yes", "true", "1", "present"}:
            return f"{self.title}: {self.levels[1]}"
        return f"{self.title} ({self.units})" if self.units else self.title


@dataclass(frozen=True)
class MixedTable:
    """Rows of findings.

    Attributes
    ----------
    columns:
        The F columns.
    values:
        (N, F) values or codes, NaN where missing.
    patients:
        (N,) text; rows of one patient are not independent.
    left_out:
        Columns that are not looked at, each with the reason.
    patients_known:
        Whether the table names patients. Otherwise each row counts as a patient of its own.
    """

    columns: tuple[Column, ...]
    values: NDArray[np.float64]
    patients: NDArray[np.str_]
    left_out: tuple[tuple[str, str], ...] = ()
    patients_known: bool = True

    def __post_init__(self) -> None:
        """Check the shapes; raises ValueError."""
        if self.values.shape != (len(self.patients), len(self.columns)):
            msg = f"mixed table: values {self.values.shape}, expected ({len(self.patients)}, {len(self.columns)})"
            raise ValueError(msg)

    def __len__(self) -> int:
        return len(self.patients)

    @cached_property
    def patient_index(self) -> NDArray[np.intp]:
        """(N,) number of the patient of each row, 0 to P - 1."""
        return np.unique(self.patients, return_inverse=True)[1].astype(np.intp)

    @property
    def patient_count(self) -> int:
        """How many patients there are."""
        return int(self.patient_index.max(initial=-1)) + 1

    def column(self, name: str) -> tuple[Column, NDArray[np.float64]]:
        """Return a column and its (N,) values; raises InputError for an unknown one."""
        for index, column in enumerate(self.columns):
            if column.name == name:
                return column, self.values[:, index]
        msg = f"the table has no column {name!r} to look at, expected one of {', '.join(c.name for c in self.columns)}"
        raise InputError(msg)

    def with_outcomes(self, names: Sequence[str]) -> "MixedTable":
        """Return the table with these columns marked as outcomes, beside those that already are; raises InputError."""
        for name in names:
            self.column(name)
        columns = tuple(
            replace(column, outcome=True, group="outcome") if column.name in names else column
            for column in self.columns
        )
        return replace(self, columns=columns)


def table_from_pathology(pathology: Pathology, rows: Sequence[Mapping[str, object]]) -> MixedTable:
    """Return rows as a mixed table, with the types, ranges and words of a pathology.

    Parameters
    ----------
    rows:
        Values by name: features and targets of the pathology, and ``patient``. Other keys are left out.

    Raises
    ------
    InputError
        If there are no rows, a row has no patient, or a value is implausible. Names the row.
    """
    if not rows:
        msg = "the table has no rows, expected one for each case"
        raise InputError(msg)
    present = {name for row in rows for name in row}
    columns, values = [], []
    known = {PATIENT_COLUMN, CASE_COLUMN, *(feature.name for feature in pathology.features)}
    known |= {target.name for target in pathology.targets}
    left_out = [
        (name, "not part of the pathology")
        for name in dict.fromkeys(n for row in rows for n in row)
        if name not in known
    ]
    for feature in pathology.features:
        if feature.name not in present:
            left_out.append((feature.name, "not in the table"))
            continue
        lenient = replace(feature, required=False)  # a missing value is something to look at here, not a mistake
        numbers = np.array([_parsed(lenient, row, number) for number, row in enumerate(rows, start=1)])
        columns.append(_column_of(feature))
        values.append(_codes(feature, numbers))
    for target in pathology.targets:
        if target.name not in present:
            left_out.append((target.name, "not in the table"))
            continue
        columns.append(_outcome_column(target))
        values.append(np.array([_parsed(target, row, number) for number, row in enumerate(rows, start=1)]))
    patients = [str(row.get(PATIENT_COLUMN) or "").strip() for row in rows]
    if "" in patients:
        msg = f"row {patients.index('') + 1}: column {PATIENT_COLUMN!r} is empty: rows of one patient are not independent, so each needs its patient"
        raise InputError(msg)
    if not values:
        raise _too_few()
    return tidy(MixedTable(tuple(columns), np.column_stack(values), np.array(patients), tuple(left_out)))


def tidy(table: MixedTable) -> MixedTable:
    """Return the table with rare levels pooled, and without columns that never vary; these are told in ``left_out``.

    Raises
    ------
    InputError
        If fewer than two columns are left.
    """
    columns, values, left_out = [], [], list(table.left_out)
    for index, column in enumerate(table.columns):
        kept, data = pool_rare(column, table.values[:, index])
        distinct = np.unique(data[~np.isnan(data)])
        if len(distinct) < 2:
            left_out.append((column.name, "empty" if not len(distinct) else "the same in every row"))
            continue
        columns.append(kept)
        values.append(data)
    if len(columns) < 2:
        raise _too_few()
    return replace(table, columns=tuple(columns), values=np.column_stack(values), left_out=tuple(left_out))


def pool_rare(column: Column, values: NDArray[np.float64]) -> tuple[Column, NDArray[np.float64]]:
    """Return a category whose levels with fewer than ``RARE_ROWS`` rows are one level; others unchanged.

    Levels that never occur are removed from the codes.
    """
    if column.kind != "category":
        return column, values
    counts = np.array([(values == code).sum() for code in range(len(column.levels))])
    common, rare = np.flatnonzero(counts >= RARE_ROWS), np.flatnonzero((counts > 0) & (counts < RARE_ROWS))
    if len(rare) == 1:  # nothing to pool it with
        common, rare = np.flatnonzero(counts > 0), rare[:0]
    pooled = np.full(values.shape, np.nan)
    for new, code in enumerate(common):
        pooled[values == code] = new
    pooled[np.isin(values, rare)] = len(common)
    levels = tuple(column.levels[code] for code in common) + ((POOLED,) if len(rare) else ())
    return replace(column, levels=levels), pooled


def _too_few() -> InputError:
    return InputError(
        "fewer than two columns of the table can be looked at, expected at least two that vary: check the names of the columns"
    )


def _parsed(part: Feature | Target, row: Mapping[str, object], number: int) -> float:
    try:
        return part.parse(row.get(part.name))
    except InputError as error:
        msg = f"row {number}: {error}"
        raise InputError(msg) from error


def _column_of(feature: Feature) -> Column:
    levels: tuple[str, ...] = ()
    kind: Kind = feature.kind
    if feature.words and (feature.kind == "category" or len(feature.words) == 2):
        kind = "binary" if len(feature.words) == 2 else "category"
        levels = tuple(step.word for step in feature.words)
    return Column(
        name=feature.name,
        title=feature.title,
        kind=kind,
        group=feature.group,
        units=feature.units,
        levels=levels,
        description=feature.description,
        why="from the pathology",
    )


def _codes(feature: Feature, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    if not (feature.words and (feature.kind == "category" or len(feature.words) == 2)):
        return numbers
    codes = np.full(numbers.shape, np.nan)
    for code, step in enumerate(feature.words):
        codes[numbers == step.value] = code
    return codes


def _outcome_column(target: Target) -> Column:
    return Column(
        name=target.name,
        title=target.title if len(target.title) <= _LONGEST_TITLE else target.name.replace("_", " ").capitalize(),
        kind=target.kind,
        group="outcome",
        units=target.units,
        levels=("no", "yes") if target.kind == "binary" else (),
        description=f"{target.title}. {target.reference}",
        why="from the pathology",
        outcome=True,
    )
