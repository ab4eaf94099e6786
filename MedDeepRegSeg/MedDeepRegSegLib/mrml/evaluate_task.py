"""Task that evaluates a model on the cases of a dataset and shows the figures as a table."""

from pathlib import Path
from typing import Any

from MedDeepRegSegLib.mrml.tables import TableColumn, rows_from_csv, table_from_rows
from MedDeepRegSegLib.mrml.task_base import one_action

# Column of metrics.csv: title, units and what it holds.
_COLUMNS = {
    "case": ("Case", "", "Name of the case in the dataset"),
    "class": ("Class", "", "What was segmented"),
    "dice": ("Dice", "", "Twice the common volume over the sum of both volumes"),
    "hd95_mm": ("HD95", "mm", "95th percentile of the distances between the surfaces"),
    "surface_dice": ("Surface Dice", "", "Part of both surfaces within the tolerance of the other"),
    "volume_truth_ml": ("True volume", "ml", "Volume of the labels"),
    "volume_ml": ("Volume", "ml", "Volume of the prediction"),
    "volume_error_percent": ("Volume error", "%", "Predicted less true volume, of the true volume"),
    "volume_error_ml": ("Volume error", "ml", "Predicted less true volume"),
    "mean_distance_mm": ("Mean distance", "mm", "Average symmetric distance of the surfaces"),
    "patient": ("Patient", "", "Whose case it is"),
}


class EvaluateTask:
    """Segments the cases of a dataset with a model and compares with their labels.

    Parameters
    ----------
    dataset_path:
        File of the dataset.
    model:
        Folder of a model.
    role:
        ``test``, ``validation`` or ``training``.
    out:
        Folder that keeps ``metrics.csv``, ``summary.json`` and ``report.html``.
    tolerance_mm:
        Of the surface Dice.
    device:
        ``auto``, ``cpu`` or ``cuda``.

    Notes
    -----
    :meth:`collect` returns ``table``, and ``report`` with the path of the report.
    """

    def __init__(
        self,
        dataset_path: str | Path,
        *,
        model: str | Path,
        role: str = "test",
        out: str | Path,
        tolerance_mm: float = 2.0,
        device: str = "auto",
    ) -> None:
        self._dataset = Path(dataset_path)
        self._model = Path(model)
        self._role = role
        self._out = Path(out)
        self._tolerance_mm = tolerance_mm
        self._device = device

    def prepare(self, _folder: Path) -> tuple[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        from MedDeepRegSegLib.prediction.evaluate_job import Request

        return "evaluate", Request(
            model=self._model,
            dataset=self._dataset,
            out=self._out,
            role=self._role,
            tolerance_mm=self._tolerance_mm,
            device=self._device,
        )

    def collect(self, _folder: Path, result: Any) -> dict[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        columns, rows = rows_from_csv(Path(result.table))
        described = [
            TableColumn(column.key, *_COLUMNS[column.key]) if column.key in _COLUMNS else column for column in columns
        ]
        with one_action():
            table = table_from_rows(described, rows, f"Evaluation of {self._model.name}")
        return {"table": table, "report": Path(result.report)}
