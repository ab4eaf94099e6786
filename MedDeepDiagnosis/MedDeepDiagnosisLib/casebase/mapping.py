"""Which column of a table is which feature, and how its values become those of the feature."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from MedDeepDiagnosisLib.cases import CASE_COLUMN, PATIENT_COLUMN
from MedDeepDiagnosisLib.pathology import Pathology
from MedDeepRegSegLib.errors import InputError

STUDY_COLUMN = "study"
PLACES = (PATIENT_COLUMN, CASE_COLUMN, STUDY_COLUMN)
"""What a column can be besides a feature or a target."""


@dataclass(frozen=True)
class MappedColumn:
    """A column, and how its cells are read.

    Attributes
    ----------
    column:
        Its name in the table.
    factor:
        Number by which values are multiplied to be in the units of the feature.
    words:
        Cell to the number or word that it stands for, for example ``{"m": "male"}``; upper and lower case alike.
    """

    column: str
    factor: float = 1.0
    words: dict[str, str] = field(default_factory=dict)

    def read(self, cell: object) -> object:
        """Return the value of a cell in the feature's own terms; text that is no number is left as it is."""
        text = "" if cell is None else str(cell).strip()
        word = self.words.get(text.casefold())
        if word is not None:
            return word
        if self.factor == 1.0:
            return text
        try:
            return repr(float(text) * self.factor)
        except ValueError:
            return text

    @property
    def how(self) -> str:
        """How a value came to be, for the record."""
        return f"column {self.column!r}" + (f" x {self.factor:g}" if self.factor != 1.0 else "")


@dataclass(frozen=True)
class TableMapping:
    """Column of ``patient``, ``case``, ``study``, features and targets by their names; what is absent has no column."""

    columns: dict[str, MappedColumn]

    def to_json(self) -> dict[str, Any]:
        """Return the mapping as JSON types, as :func:`mapping_from_json` reads it."""
        found: dict[str, Any] = {}
        for name, mapped in self.columns.items():
            if mapped.factor == 1.0 and not mapped.words:
                found[name] = mapped.column
                continue
            entry: dict[str, Any] = {"column": mapped.column}
            if mapped.factor != 1.0:
                entry["factor"] = mapped.factor
            if mapped.words:
                entry["words"] = dict(mapped.words)
            found[name] = entry
        return found

    def in_words(self) -> dict[str, str]:
        """Return for each name the column and what is done to its values, in words."""
        return {
            name: mapped.how
            + (", " + ", ".join(f"{cell} = {word}" for cell, word in mapped.words.items()) if mapped.words else "")
            for name, mapped in self.columns.items()
        }

    def check(self, pathology: Pathology, header: tuple[str, ...] | None = None) -> None:
        """Raise InputError if a name is unknown, a column is not in the table, or nothing says whose a row is."""
        known = (*PLACES, *(f.name for f in pathology.features), *(t.name for t in pathology.targets))
        for name, mapped in self.columns.items():
            if name not in known:
                msg = f"mapping: {name!r} is no feature or target of {pathology.title}, expected one of {', '.join(known)}"
                raise InputError(msg)
            if header is not None and mapped.column not in header:
                msg = f"mapping: {name} has the column {mapped.column!r}, which the table lacks; it has {', '.join(header)}"
                raise InputError(msg)
        if PATIENT_COLUMN not in self.columns:
            msg = (
                "no column says whose each row is, expected one called patient or a mapping such as "
                '{"patient": "ID"}: without it cases of one patient would leak between folds'
            )
            raise InputError(msg)
        if not set(self.columns) - set(PLACES):
            names = ", ".join(known[len(PLACES) :])
            msg = f"no column is a feature or target of {pathology.title}, expected some of {names}, or a mapping that says which"
            raise InputError(msg)


def mapping_from_json(data: Any) -> TableMapping:
    """Read a mapping.

    Parameters
    ----------
    data:
        ``{"patient": "ID", "volume_mm3": {"column": "Vol (ml)", "factor": 1000}, "sex": {"column": "Sex", "words":
        {"M": "male"}}}``.

    Raises
    ------
    InputError
        If it has another form. Names the entry.
    """
    if not isinstance(data, Mapping) or not data:
        msg = 'mapping: expected an object such as {"patient": "ID", "size": "Size (mm)"}'
        raise InputError(msg)
    return TableMapping({str(name): _column(str(name), entry) for name, entry in data.items()})


def _column(name: str, entry: Any) -> MappedColumn:
    if isinstance(entry, str):
        return MappedColumn(entry)
    fits = isinstance(entry, Mapping) and isinstance(entry.get("column"), str)
    if not fits or set(entry) - {"column", "factor", "words"}:
        msg = f'mapping: {name} is {str(entry)[:60]}, expected a column\'s name or {{"column": ..., "factor": ..., "words": ...}}'
        raise InputError(msg)
    factor, words = entry.get("factor", 1.0), entry.get("words", {})
    if isinstance(factor, bool) or not isinstance(factor, int | float) or not 0 < abs(factor) < float("inf"):
        msg = f"mapping: {name} has the factor {factor!r}, expected a number that is not 0"
        raise InputError(msg)
    if not isinstance(words, Mapping):
        msg = f'mapping: {name} has the words {words!r}, expected for example {{"M": "male"}}'
        raise InputError(msg)
    return MappedColumn(entry["column"], float(factor), {str(c).strip().casefold(): str(w) for c, w in words.items()})


def read_mapping(path: Path) -> TableMapping:
    """Read a mapping from a JSON file; raises InputError."""
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        msg = f"mapping {path} cannot be read as JSON: {error}"
        raise InputError(msg) from error
    return mapping_from_json(data)
