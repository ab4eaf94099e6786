"""Cases from one table."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from MedDeepDiagnosisLib.casebase.mapping import TableMapping
from MedDeepDiagnosisLib.casebase.records import ImportOptions, ImportReport, Origin
from MedDeepDiagnosisLib.casebase.source_table import read_source_table
from MedDeepDiagnosisLib.pathology import Pathology
from MedDeepRegSegLib.hashing import file_sha256

if TYPE_CHECKING:
    from MedDeepDiagnosisLib.casebase.case_base import CaseBase


def import_table(
    base: "CaseBase",
    path: Path,
    pathology: Pathology,
    *,
    mapping: TableMapping | None = None,
    sheet: str | None = None,
    who: str = "",
    options: ImportOptions | None = None,
) -> ImportReport:
    """Import a CSV, TSV or Excel table; see :meth:`~.case_base.CaseBase.import_rows`.

    The mapping that was used is remembered for tables with the same columns.

    Raises
    ------
    InputError
        If the table or the mapping cannot be used, or there are problems to be refused.
    """
    table = read_source_table(path, sheet=sheet)
    report = base.import_rows(
        table.rows,
        pathology,
        source=Origin("table", Path(path).name, file_sha256(path), who),
        mapping=mapping,
        places=table.places,
        layout=table.layout,
        options=options,
    )
    return replace(report, notes=(*table.notes, *report.notes))
