"""Task that shows as a table which cases of a dataset to label next."""

from pathlib import Path
from typing import Any

from MedDeepRegSegLib.mrml.tables import TableColumn, rows_from_csv, table_from_rows
from MedDeepRegSegLib.mrml.task_base import one_action

_COLUMNS = {
    "rank": ("Rank", "", "The case to label first is 1"),
    "case": ("Case", "", "Name of the case in the dataset"),
    "patient": ("Patient", "", "Whose case it is"),
    "uncertainty": ("Uncertainty", "", "How unsure the model is near what it finds, 0 to 1"),
    "distance": ("Distance", "", "How unlike it is to the nearest case that is labeled or ranked before it"),
    "score": ("Score", "", "Mean of uncertainty and distance as fractions of the largest ones"),
    "reason": ("Reason", "", "Why it was chosen"),
}


class SelectTask:
    """Ranks the cases of a dataset that are not labeled yet.

    Parameters
    ----------
    dataset_path:
        File of the dataset.
    model:
        Folder of a model.
    count:
        How many cases to name.
    table_node:
        Table to fill; a new one without.
    device:
        ``auto``, ``cpu`` or ``cuda``.

    Notes
    -----
    :meth:`collect` returns ``table``, and ``cases`` with their names.
    """

    def __init__(
        self,
        dataset_path: str | Path,
        *,
        model: str | Path,
        count: int = 5,
        table_node=None,
        device: str = "auto",
    ) -> None:
        self._dataset = Path(dataset_path)
        self._model = Path(model)
        self._count = count
        self._table = table_node
        self._device = device

    def prepare(self, folder: Path) -> tuple[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        from MedDeepRegSegLib.prediction.select_job import Request

        return "select", Request(
            model=self._model,
            dataset=self._dataset,
            out=folder / "next.csv",
            count=self._count,
            device=self._device,
        )

    def collect(self, _folder: Path, result: Any) -> dict[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        columns, rows = rows_from_csv(Path(result.table))
        described = [
            TableColumn(column.key, *_COLUMNS[column.key]) if column.key in _COLUMNS else column for column in columns
        ]
        with one_action():
            table = table_from_rows(described, rows, "Cases to label next", node=self._table)
        return {"table": table, "cases": tuple(result.cases)}
