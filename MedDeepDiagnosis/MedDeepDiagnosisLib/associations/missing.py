"""What is missing in a table, which columns are missing together, and whether that goes with an outcome.

If values are missing more often where the outcome is bad, cases without gaps are not like the others, and what is
learned from them does not hold for all.
"""

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.associations.pairs import Association, associate_pair, corrected
from MedDeepDiagnosisLib.associations.resampling import PatientBootstrap
from MedDeepDiagnosisLib.associations.significance import Permuter
from MedDeepDiagnosisLib.associations.table import Column, MixedTable

MOST_PATTERNS = 12


@dataclass(frozen=True)
class MissingColumn:
    """How much of a column is missing: ``rows`` of all rows, ``fraction`` in [0, 1]."""

    name: str
    rows: int
    fraction: float


@dataclass(frozen=True)
class MissingPattern:
    """Columns that are missing together (none of them: a complete row), and in how many rows just these are."""

    missing: tuple[str, ...]
    rows: int
    fraction: float


@dataclass(frozen=True)
class MissingData:
    """The missing-data view.

    Attributes
    ----------
    columns:
        In the order of the table, complete ones too.
    patterns:
        Most frequent first, at most ``MOST_PATTERNS``.
    pattern_count:
        How many different patterns there are.
    complete_rows:
        Rows without a missing value.
    with_outcome:
        Missingness of a column (``first``) against an outcome (``second``). A positive value means that the outcome is
        higher, or more often present, where the column is missing. The family of tests is their own.
    tests:
        How many of these were made and corrected for.
    """

    columns: tuple[MissingColumn, ...]
    patterns: tuple[MissingPattern, ...]
    pattern_count: int
    complete_rows: int
    with_outcome: tuple[Association, ...]
    tests: int


def missing_data(table: MixedTable, *, resamples: int = 400, permutations: int = 999, seed: int = 0) -> MissingData:
    """Return what is missing in a table, and whether missingness goes with its outcomes."""
    absent = np.isnan(table.values)
    names = [column.name for column in table.columns]
    columns = tuple(
        MissingColumn(name, int(count), float(count) / len(table))
        for name, count in zip(names, absent.sum(0), strict=True)
    )
    counted = Counter(map(tuple, absent.tolist()))
    patterns = tuple(
        MissingPattern(
            tuple(name for name, gone in zip(names, pattern, strict=True) if gone), count, count / len(table)
        )
        for pattern, count in counted.most_common(MOST_PATTERNS)
    )
    tested = _with_outcomes(table, absent, resamples=resamples, permutations=permutations, seed=seed)
    result = corrected(tested, clustered=len(table) > table.patient_count)
    tests = sum(not math.isnan(pair.q) for pair in result.pairs)
    complete = int((~absent.any(1)).sum())
    return MissingData(columns, patterns, len(counted), complete, result.pairs, tests)


def _with_outcomes(
    table: MixedTable, absent: NDArray[np.bool_], *, resamples: int, permutations: int, seed: int
) -> list[Association]:
    index = table.patient_index
    clustered = len(index) > table.patient_count
    bootstrap = PatientBootstrap(index, count=resamples, seed=seed)
    permuter = Permuter(index, seed=seed)
    found = []
    for at, column in enumerate(table.columns):
        if not absent[:, at].any():
            continue
        indicator = Column(column.name, column.title, "binary", column.group, levels=("given", "missing"))
        for other_at, outcome in enumerate(table.columns):
            if not outcome.outcome or other_at == at:
                continue
            pair = [(outcome, table.values[:, other_at]), (indicator, absent[:, at].astype(float))]
            if outcome.kind == "category":  # the one with more order comes first
                pair.reverse()
            made = associate_pair(
                pair[0],
                pair[1],
                index,
                bootstrap=bootstrap,
                permuter=permuter,
                permutations=permutations,
                clustered=clustered,
            )
            # One test for each question: the mutual information would only repeat it.
            found.append(
                Association(
                    column.name,
                    outcome.name,
                    made.estimates[:1],
                    made.rows,
                    made.patients,
                    made.missing,
                    made.odds_ratio,
                    made.note,
                )
            )
    return found
