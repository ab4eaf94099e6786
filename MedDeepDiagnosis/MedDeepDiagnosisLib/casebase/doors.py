"""What the jobs "fit" and "diagnose" read from a case base, by its URL."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from MedDeepDiagnosisLib.casebase.opening import open_case_base
from MedDeepDiagnosisLib.cases import CASE_COLUMN, LESION_COLUMN
from MedDeepDiagnosisLib.pathology import Pathology
from MedDeepRegSegLib.errors import InputError

if TYPE_CHECKING:
    from MedDeepDiagnosisLib.casebase.case_base import CaseBase

LESION_NOTE = "Features of the lesion's image by "
"""Begins the note of a model that learned from such features; then comes which encoder made them."""


@dataclass(frozen=True)
class TrainingRows:
    """Rows to learn from, what must be noted about the others, and the hash that says what was learned from."""

    rows: list[dict[str, object]]
    notes: tuple[str, ...]
    sha256: str


def training_rows(db: str, pathology: Pathology, *, lesion: bool = False) -> TrainingRows:
    """Return the cases of a pathology that have an outcome.

    Parameters
    ----------
    lesion:
        Whether the encoder's features of the lesion's image are wanted too: those of the encoder that most cases have.

    Raises
    ------
    InputError
        If there is no such case base, or no case to learn from in it.
    """
    with open_case_base(db) as base:
        from MedDeepDiagnosisLib.casebase.case_base import rows_sha256

        rows, notes = base.training_rows(pathology)
        if not rows:
            said = f" ({notes[0]})" if notes else ""
            msg = f"case base {base.database.name} has no cases of {pathology.identifier} to learn from{said}: import cases with outcome"
            raise InputError(msg)
        if lesion:
            notes += _add_lesion_features(base, pathology, rows)
        return TrainingRows(rows, notes, rows_sha256(rows))


def _add_lesion_features(base: "CaseBase", pathology: Pathology, rows: list[dict[str, object]]) -> tuple[str, ...]:
    models = base.deep_models(pathology)
    if not models:
        return (
            "The case base has no features of the lesion's image; import cases with them for a network that sees it.",
        )
    model = max(models, key=lambda name: models[name])
    found = base.deep_features(pathology, model)
    count = 0
    for row in rows:
        vector = found.get(str(row[CASE_COLUMN]))
        if vector is not None:
            row.update({f"{LESION_COLUMN}{number}": float(value) for number, value in enumerate(vector)})
            count += 1
    return (f"{LESION_NOTE}{model}", f"{count} of {len(rows)} cases have features of the lesion's image.")


def case_row(db: str, case: str, pathology: Pathology, *, key_file: Path | None = None) -> dict[str, str]:
    """Return the row of one case as a table would hold it: text, empty where a value is missing."""
    with open_case_base(db, key_file=key_file) as base:
        row = base.row(case, pathology)
    return {name: "" if value is None else str(value) for name, value in row.items()}
