"""The job "export-cases": the current values of all cases as one table."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from MedDeepDiagnosisLib.casebase.opening import open_case_base
from MedDeepDiagnosisLib.pathology import load_pathology
from MedDeepDiagnosisLib.spreadsheet import guarded
from MedDeepRegSegLib.jobs.outputs import write_text
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress


@dataclass(frozen=True)
class Request:
    """What to export.

    Attributes
    ----------
    db:
        URL or file of the case base.
    out:
        Table to write; tabs separate the columns of a ``.tsv``, commas of others.
    pathology:
        Only its cases and columns, in its order; None for all cases and all names.
    """

    db: str
    out: Path
    pathology: str | None = None


@dataclass(frozen=True)
class Result:
    """The table, and how large it is."""

    table: Path
    cases: int
    columns: int


def run(request: Request, *, progress: Progress = no_progress, cancel: CancelToken | None = None) -> Result:
    """Read and write. Numbers are written to the last digit, so that importing the table again changes nothing.

    Raises
    ------
    InputError
        If there is no such case base, or the pathology or the output cannot be used.
    Canceled
        If ``cancel`` was set; nothing is written then.
    """
    pathology = None if request.pathology is None else load_pathology(request.pathology)
    progress(0.0, "reading the case base")
    with open_case_base(request.db) as base:
        columns, rows = base.table(pathology)
    if cancel is not None:
        cancel.raise_if_canceled()
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t" if request.out.suffix.lower() == ".tsv" else ",", lineterminator="\n")
    writer.writerow([guarded(column) for column in columns])
    for row in rows:
        writer.writerow([_cell(row[column]) for column in columns])
    write_text(request.out, text.getvalue())
    progress(1.0, "exported")
    return Result(request.out, len(rows), len(columns))


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return guarded(str(value))
