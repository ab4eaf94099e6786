"""Guesses what the columns of a table are, where no pathology says so. Every guess carries its reason."""

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.associations.table import Column, Kind, MixedTable, tidy
from MedDeepDiagnosisLib.pathology.features import MISSING_WORDS
from MedDeepRegSegLib.errors import InputError

PATIENT_NAMES = ("patient", "patient_id", "patientid", "participant_id", "subject", "subject_id", "pseudonym")
"""Columns that name the patient, in this order; upper and lower case alike."""

MOST_LEVELS = 12
"""Text with more different values is free text or an identifier."""

MOST_STEPS = 10
"""Whole numbers with no more different values, close together, are steps of a rating."""

_NONE = "none"
"""A level where others are words (no emphysema), a missing value where others are numbers."""

_MISSING = MISSING_WORDS - {_NONE} | {"null", "?"}
_BOUND = re.compile(r"(\d+(?:\.\d+)?)\s*\+|[<>]=?\s*(\d+(?:\.\d+)?)")
_NO_YES = {_NONE: 0, "no": 0, "false": 0, "absent": 0, "yes": 1, "true": 1, "present": 1}
_ABBREVIATIONS = frozenset(
    [
        "aspects",
        "asa",
        "bmi",
        "bnp",
        "ct",
        "crp",
        "ecog",
        "egfr",
        "gcs",
        "hdl",
        "icu",
        "ldl",
        "mr",
        "mri",
        "mrs",
        "nihss",
        "nyha",
        "pet",
        "psa",
        "suv",
        "tnm",
        "who",
    ]
)
_UNITS = {
    **{word: word for word in ("mm", "cm", "ml", "kg", "years", "days", "hours")},
    **{"mm2": "mm²", "mm3": "mm³", "hu": "HU", "px": "pixels", "percent": "%"},
}
_KINDS: tuple[Kind, ...] = ("number", "ordinal", "category", "binary")


def guessed_table(
    rows: Sequence[Mapping[str, object]],
    *,
    patient_column: str | None = None,
    kinds: Mapping[str, str] | None = None,
    leave_out: Sequence[str] = (),
) -> MixedTable:
    """Return rows as a mixed table with guessed kinds.

    Parameters
    ----------
    rows:
        Values by column name, all rows with the same columns.
    patient_column:
        Column that names the patient; by default the first of ``PATIENT_NAMES`` that is there, or none.
    kinds:
        Kinds that are known better, by column name.
    leave_out:
        Columns not to look at.

    Raises
    ------
    InputError
        If there are no rows, a named column is absent, a kind is unknown or does not fit, or too little is left.
    """
    if not rows:
        msg = "the table has no rows, expected one for each case"
        raise InputError(msg)
    names = list(rows[0])
    known = dict(kinds or {})
    patient = _patient_column(names, patient_column)
    for name in (*known, *leave_out):
        if name not in names:
            msg = f"the table has no column {name!r}, expected one of {', '.join(names)}"
            raise InputError(msg)
    columns, values = [], []
    left_out = [(name, "as asked for") for name in leave_out]
    for name in names:
        if name == patient or name in leave_out:
            continue
        texts = _without_none([_text(row.get(name)) for row in rows])
        column, data, reason = _guess(name, texts, known.get(name))
        if column is None or data is None:
            left_out.append((name, reason))
            continue
        columns.append(column)
        values.append(data)
    if len(columns) < 2:
        msg = "fewer than two columns of the table can be looked at, expected at least two that are no identifiers or free text"
        raise InputError(msg)
    patients = (
        [str(number) for number in range(len(rows))] if patient is None else [_text(row[patient]) for row in rows]
    )
    if "" in patients:
        msg = f"row {patients.index('') + 1}: column {patient!r} is empty: rows of one patient are not independent, so each needs its patient"
        raise InputError(msg)
    table = MixedTable(
        tuple(columns), np.column_stack(values), np.array(patients), tuple(left_out), patient is not None
    )
    return tidy(table)


def _patient_column(names: Sequence[str], wanted: str | None) -> str | None:
    if wanted is not None:
        if wanted not in names:
            msg = f"the table has no column {wanted!r} for the patient, expected one of {', '.join(names)}"
            raise InputError(msg)
        return wanted
    lowered = {name.lower(): name for name in reversed(names)}
    return next((lowered[name] for name in PATIENT_NAMES if name in lowered), None)


def _text(value: object) -> str:
    text = "" if value is None else str(value).strip()
    return "" if text.lower() in _MISSING else text


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _guess(
    name: str, texts: Sequence[str], wanted: str | None
) -> tuple[Column | None, NDArray[np.float64] | None, str]:
    """Return column and values, or no column and the reason why it is left out."""
    if wanted is not None and wanted not in _KINDS:
        msg = f"column {name}: kind {wanted!r} is unknown, expected one of {', '.join(_KINDS)}"
        raise InputError(msg)
    given = [text for text in texts if text]
    if not given:
        return None, None, "empty"
    texts, bounds = _without_bounds(texts)
    given = [text for text in texts if text]
    numbers = np.array([_number(text) if text else math.nan for text in texts])
    numeric = bool(np.isfinite(numbers[[bool(text) for text in texts]]).all())
    distinct = np.unique(numbers[np.isfinite(numbers)]) if numeric else np.array(sorted(set(given)))
    kind, why = _kind_of(numeric, numbers, distinct, len(given))
    if wanted is not None:
        kind, why = wanted, "as asked for"
    if kind is None:
        return None, None, why
    title, units = _title(name)
    if kind in {"number", "ordinal"}:
        if not numeric:
            odd = next(text for text in given if not math.isfinite(_number(text)))
            msg = f"column {name}: {odd[:40]!r} is no number, expected numbers in a column of kind {kind}"
            raise InputError(msg)
        why += f"; {bounds} taken as the number" if bounds else ""
        return Column(name, title, kind, "finding", units, why=why), numbers, ""
    levels = [f"{value:g}" for value in distinct] if numeric else [str(text) for text in distinct]
    if kind == "binary" and len(levels) != 2:
        msg = f"column {name} has {len(levels)} different values, expected 2 in a column of kind binary"
        raise InputError(msg)
    order = sorted(levels, key=lambda level: _NO_YES.get(level.lower(), -1)) if len(levels) == 2 else levels
    code = {level: number for number, level in enumerate(order)}
    keys = [f"{number:g}" for number in numbers] if numeric else texts
    values = np.array([code[key] if text else math.nan for key, text in zip(keys, texts, strict=True)], float)
    return Column(name, title, kind, "finding", levels=tuple(order), why=why), values, ""


def _without_none(texts: Sequence[str]) -> Sequence[str]:
    others = [text for text in texts if text and text.lower() != _NONE]
    if others and not all(math.isfinite(_number(text)) or _BOUND.fullmatch(text) for text in others):
        return texts
    return ["" if text.lower() == _NONE else text for text in texts]


def _without_bounds(texts: Sequence[str]) -> tuple[Sequence[str], str]:
    """Return bounds such as ``90+`` or ``>89`` as their numbers if all else are numbers, and which they were."""
    bounds = {text: match[1] or match[2] for text in set(texts) if (match := _BOUND.fullmatch(text))}
    if not bounds or not all(math.isfinite(_number(text)) for text in texts if text and text not in bounds):
        return texts, ""
    return [bounds.get(text, text) for text in texts], " and ".join(sorted(bounds))


def _kind_of(numeric: bool, numbers: NDArray, distinct: NDArray, given: int) -> tuple[Kind | None, str]:
    count = len(distinct)
    if count == 2:
        shown = " and ".join(f"{value:g}" if numeric else str(value) for value in distinct)
        return "binary", f"two different values ({shown})"
    if not numeric:
        if count > MOST_LEVELS:
            return None, f"{count} different texts: free text or identifiers"
        return "category", f"{count} different texts"
    whole = bool((distinct == np.round(distinct)).all())
    if whole and count == given > MOST_LEVELS and distinct[-1] - distinct[0] == count - 1:
        return None, "counts the rows: an identifier"
    if whole and count <= MOST_STEPS and distinct[-1] - distinct[0] <= 2 * MOST_STEPS:
        return "ordinal", f"{count} different whole numbers"
    return "number", f"{count} different numbers"


def _title(name: str) -> tuple[str, str]:
    """Return title and units for people: ``volume_mm3`` is ``Volume`` in ``mm³``, ``age_years`` ``Age`` in ``years``."""
    words = name.replace("_", " ").split()
    units = _UNITS.get(words[-1].lower(), "") if len(words) > 1 else ""
    title = " ".join(words[:-1] if units else words)
    shown = " ".join(word.upper() if word.lower() in _ABBREVIATIONS else word for word in title.split())
    return shown[:1].upper() + shown[1:], units
