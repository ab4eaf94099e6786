"""Which column of a table is which feature: what the case base remembers of such tables, else a suggestion."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from MedDeepDiagnosisLib.casebase.mapping import TableMapping
from MedDeepDiagnosisLib.casebase.opening import open_case_base
from MedDeepDiagnosisLib.casebase.source_table import SourceTable, read_source_table
from MedDeepDiagnosisLib.casebase.suggestion import suggest_mapping
from MedDeepDiagnosisLib.mrml.case_sources import case_source
from MedDeepDiagnosisLib.pathology import Pathology
from MedDeepRegSegLib.errors import InputError


@dataclass(frozen=True)
class ProposedMapping:
    """A mapping to look through before an import.

    Attributes
    ----------
    header:
        Columns of the table.
    mapping:
        What is what.
    remembered:
        Whether tables with these columns were imported with it before; else it is suggested by names and units.
    notes:
        What a reader should know, for example columns that were not used.
    """

    header: tuple[str, ...]
    mapping: TableMapping
    remembered: bool
    notes: tuple[str, ...]


def propose_mapping(source, pathology: Pathology, db: str | Path | None = None) -> ProposedMapping:
    """Return a mapping for a table.

    Parameters
    ----------
    source:
        Table node, or table file.
    db:
        File or URL of the case base that may remember; it may be absent.

    Raises
    ------
    InputError
        If the table or the case base cannot be read, or two columns fit one feature equally well.
    MissingPackageError
        If an Excel file needs openpyxl, or a case base SQLAlchemy, and it is not installed.
    """
    with tempfile.TemporaryDirectory(prefix="meddeep-mapping-") as folder:
        table = read_source_table(case_source(source, Path(folder)))
    remembered = _remembered(table, pathology, db)
    if remembered is not None:
        return ProposedMapping(table.header, remembered, True, table.notes)
    suggestion = suggest_mapping(pathology, table.header, table.rows)
    return ProposedMapping(table.header, suggestion.mapping, False, (*table.notes, *suggestion.notes))


def _remembered(table: SourceTable, pathology: Pathology, db: str | Path | None) -> TableMapping | None:
    if db is None:
        return None
    with open_case_base(db) as base:
        found = base.remembered_mapping(table.layout, pathology)
    try:
        if found is not None:
            found.check(pathology, table.header)
    except InputError:  # the pathology has changed since
        return None
    return found
