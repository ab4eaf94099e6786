"""What the jobs "fit" and "diagnose" read from a case base, by its URL."""

from dataclasses import dataclass
from pathlib import Path

from MedDeepDiagnosisLib.casebase.opening import open_case_base
from MedDeepDiagnosisLib.pathology import Pathology
from MedDeepRegSegLib.errors import InputError


@dataclass(frozen=True)
class TrainingRows:
    """Rows to learn from, what must be noted about the others, and the hash that says what was learned from."""

    rows: list[dict[str, object]]
    notes: tuple[str, ...]
    sha256: str


def training_rows(db: str, pathology: Pathology) -> TrainingRows:
    """Return the cases of a pathology that have an outcome.

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
        return TrainingRows(rows, notes, rows_sha256(rows))


def case_row(db: str, case: str, pathology: Pathology, *, key_file: Path | None = None) -> dict[str, str]:
    """Return the row of one case as a table would hold it: text, empty where a value is missing."""
    with open_case_base(db, key_file=key_file) as base:
        row = base.row(case, pathology)
    return {name: "" if value is None else str(value) for name, value in row.items()}
