"""The task that runs one command over a table of cases, and shows the summary as a table."""

from pathlib import Path
from typing import Any

from MedDeepRegSegLib.mrml.tables import rows_from_csv, table_from_rows
from MedDeepRegSegLib.mrml.task_base import node_in_scene, one_action


class BatchTask:
    """Runs a command over the cases of a table, which are files; the scene gets only the summary.

    Parameters
    ----------
    table:
        CSV with one case a row, see Docs/Batch.md.
    command:
        ``register``, ``grow``, ``predict``, ``measure``, or ``diagnose`` where the module MedDeep Diagnosis is loaded.
    folder:
        Gets ``summary.csv`` and a folder for each case. What is done in it is not done again.
    table_node:
        Table to fill with the summary; a new one without.
    options:
        Other fields of :class:`MedDeepRegSegLib.jobs.batch_job.Request`, for example ``workers=2``.

    Notes
    -----
    :meth:`collect` returns ``table`` (node), ``summary`` (Path), ``joined`` (Path of the rows of all cases, or None), ``done``
    (how many cases) and ``failed`` (name and error of each case that failed).
    """

    def __init__(self, table: Path | str, command: str, folder: Path | str, *, table_node=None, **options: Any) -> None:
        self._source, self._command, self._folder = Path(table), command, Path(folder)
        self._table, self._options = table_node, options

    def prepare(self, _folder: Path) -> tuple[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        from MedDeepRegSegLib.errors import InputError
        from MedDeepRegSegLib.jobs.batch_job import Request

        # Both may be relative, and the child process starts in a folder of its own.
        source, folder = self._source.absolute(), self._folder.absolute()
        try:
            return "batch", Request(table=source, command=self._command, out=folder, **self._options)
        except TypeError as error:
            msg = f"an option of the batch is unknown ({error}): leave it out"
            raise InputError(msg) from error

    def collect(self, _folder: Path, result: Any) -> dict[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        node_in_scene(self._table, "the output table")
        columns, rows = rows_from_csv(result.summary)
        with one_action():
            table = table_from_rows(columns, rows, f"{self._source.stem} {self._command}", node=self._table)
        failed = tuple((case.name, case.error) for case in result.failed)
        return {
            "table": table,
            "summary": result.summary,
            "joined": result.joined,
            "done": len(result.cases) - len(failed),
            "failed": failed,
        }
