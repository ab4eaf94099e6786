"""Tasks on a case base: import a table or a folder, export to a table, list the cases, show the history of one."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from MedDeepDiagnosisLib.casebase.mapping import TableMapping
from MedDeepDiagnosisLib.casebase.opening import resolved_url
from MedDeepDiagnosisLib.casebase.records import ImportOptions
from MedDeepDiagnosisLib.mrml.case_sources import case_source
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.tables import TableColumn, rows_from_csv, table_from_rows
from MedDeepRegSegLib.mrml.task_base import node_in_scene, one_action


class ImportCasesTask:
    """Stores the cases of a table or a folder in a case base, all that can be or none.

    Parameters
    ----------
    source:
        Table node, table file (CSV, TSV, Excel), or folder with one folder for each patient.
    pathology:
        Name of a pathology that ships, or the path of its file.
    db:
        File or URL of the case base; an absent file is made.
    mapping:
        Which column is what: a :class:`~MedDeepDiagnosisLib.casebase.mapping.TableMapping`, or the same as a dictionary;
        the remembered or the suggested one without.
    sheet, segment, features, key, who:
        See :class:`MedDeepDiagnosisLib.casebase.import_job.Request`.
    options:
        What to do with problems, and with names.

    Notes
    -----
    :meth:`collect` returns the ``report`` (:class:`~MedDeepDiagnosisLib.casebase.records.ImportReport`) and ``db``.
    """

    def __init__(
        self,
        source,
        pathology: str | Path,
        db: str | Path,
        *,
        mapping: TableMapping | Mapping[str, object] | None = None,
        sheet: str | None = None,
        segment: str | None = None,
        features: bool = False,
        key: Path | None = None,
        who: str = "",
        options: ImportOptions | None = None,
    ) -> None:
        self._source, self._pathology, self._db = source, str(pathology), db
        self._mapping = mapping.to_json() if isinstance(mapping, TableMapping) else mapping
        self._further = {"sheet": sheet, "segment": segment, "features": features, "key": key, "who": who}
        self._options = options or ImportOptions()

    def prepare(self, folder: Path) -> tuple[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        from MedDeepDiagnosisLib.casebase.import_job import Request

        path = None
        if self._mapping is not None:
            path = folder / "mapping.json"
            path.write_text(json.dumps(self._mapping), encoding="utf-8")
        return "import-cases", Request(
            source=case_source(self._source, folder),
            pathology=self._pathology,
            db=resolved_url(self._db),
            mapping=path,
            options=self._options,
            **self._further,
        )

    def collect(self, _folder: Path, result: Any) -> dict[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        return {"report": result.report, "db": result.db}


class ExportCasesTask:
    """Writes the current values of the cases of a case base into a table.

    Parameters
    ----------
    db:
        File or URL of the case base.
    out:
        Table file (``.csv`` or ``.tsv``); None for a table node alone.
    pathology:
        Only its cases and columns; None for all.
    table_node:
        Table to fill; a new one without.

    Notes
    -----
    :meth:`collect` returns the ``table`` node, the ``file`` (None without ``out``), and the number of ``cases``.
    """

    def __init__(
        self, db: str | Path, out: str | Path | None = None, *, pathology: str | Path | None = None, table_node=None
    ) -> None:
        self._db, self._out, self._node = db, None if out is None else Path(out), table_node
        self._pathology = None if pathology is None else str(pathology)

    def prepare(self, folder: Path) -> tuple[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        from MedDeepDiagnosisLib.casebase.export_job import Request

        suffixes = (".csv", ".tsv")
        if self._out is not None and self._out.suffix.lower() not in suffixes:
            msg = f"output {self._out.name} is no table, expected a name that ends with {' or '.join(suffixes)}"
            raise InputError(msg)
        return "export-cases", Request(
            db=resolved_url(self._db), out=self._out or folder / "cases.csv", pathology=self._pathology
        )

    def collect(self, _folder: Path, result: Any) -> dict[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        node_in_scene(self._node, "the output table")
        columns, rows = _described(Path(result.table), self._pathology)
        with one_action():
            table = table_from_rows(columns, rows, "Cases", node=self._node)
        return {"table": table, "file": self._out, "cases": result.cases}


class ShowCasesTask:
    """Lists the cases of a case base, or shows one of them with its history.

    Parameters
    ----------
    db:
        File or URL of the case base.
    case:
        Name of the case to show, its own or that in its source; None for the list.
    key:
        File of the key of the pseudonyms; beside the database by default.

    Notes
    -----
    :meth:`collect` returns ``cases`` (:class:`~MedDeepDiagnosisLib.casebase.records.CaseSummary`) and the ``history`` of
    the case (:class:`~MedDeepDiagnosisLib.casebase.records.HistoryEntry`).
    """

    def __init__(self, db: str | Path, case: str | None = None, *, key: Path | None = None) -> None:
        self._db, self._case, self._key = db, case, key

    def prepare(self, _folder: Path) -> tuple[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        from MedDeepDiagnosisLib.casebase.show_job import Request

        return "show-cases", Request(db=resolved_url(self._db), case=self._case, key=self._key)

    def collect(self, _folder: Path, result: Any) -> dict[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        return {"cases": result.cases, "history": result.history}


def _described(path: Path, pathology: str | None) -> tuple[list[TableColumn], list[dict[str, object]]]:
    """Return columns, with titles and units where the pathology says them, and rows of an exported table."""
    if path.suffix.lower() == ".tsv":
        from MedDeepDiagnosisLib.casebase.source_table import read_source_table

        table = read_source_table(path)
        columns = [TableColumn(name) for name in table.header]
        rows: list[dict[str, object]] = [{name: _number(cell) for name, cell in row.items()} for row in table.rows]
    else:
        found, rows = rows_from_csv(path)
        columns = list(found)
    if pathology is None:
        return columns, rows
    from MedDeepDiagnosisLib.pathology import load_pathology

    described = load_pathology(pathology)
    parts = {part.name: part for part in (*described.features, *described.targets)}
    return [TableColumn(c.key, parts[c.key].title, parts[c.key].units) if c.key in parts else c for c in columns], rows


def _number(cell: str) -> object:
    if not cell:
        return None
    try:
        return float(cell)
    except ValueError:
        return cell
