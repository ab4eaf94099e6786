"""Task that fine-tunes the growing network on a dataset: how many clicks that saves becomes a table."""

from pathlib import Path
from typing import Any

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.tables import TableColumn, table_from_rows
from MedDeepRegSegLib.mrml.task_base import one_action

_COLUMNS = (
    TableColumn("what", "What"),
    TableColumn("before", "Before"),
    TableColumn("after", "After"),
    TableColumn("difference", "Gained or saved", description="Mean over the objects; more is better"),
    TableColumn("low", "From", description="Lower end of the 95 % interval"),
    TableColumn("high", "To", description="Upper end of the 95 % interval"),
)


class TrainGrowingTask:
    """Fine-tunes the growing network on the cases of a dataset, and measures the clicks that it saves.

    Parameters
    ----------
    dataset_path:
        File of a dataset, as :class:`~MedDeepRegSegLib.mrml.dataset_task.DatasetTask` or ``meddeep dataset`` writes it.
    out:
        Folder of the model, for ``model=`` of :class:`~MedDeepRegSegLib.mrml.segment_tasks.GrowTask`.
    minutes:
        Time of the training, on this machine.
    options:
        Other fields of :class:`MedDeepRegSegLib.training.growing_job.Request`, for example ``resume=True``.

    Notes
    -----
    :meth:`collect` returns the folder of the ``model``, the ``verdict`` (``better``, ``not better``, ``worse`` or
    ``not measured``), its ``text`` for people, and a ``table`` of Dice and clicks before and after (None where nothing was
    measured).
    """

    def __init__(
        self, dataset_path: str | Path, *, out: str | Path, minutes: float | None = None, **options: Any
    ) -> None:
        self._dataset, self._out, self._options = Path(dataset_path), Path(out), {"minutes": minutes, **options}

    def prepare(self, _folder: Path) -> tuple[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        from MedDeepRegSegLib.training.growing_job import Request

        try:
            return "train-growing", Request(dataset=self._dataset, out=self._out, **self._options)
        except TypeError as error:
            msg = f"an option of training is unknown ({error}): leave it out"
            raise InputError(msg) from error

    def collect(self, _folder: Path, result: Any) -> dict[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        rows = [
            {
                "what": row.name,
                **{name: getattr(row, name) for name in ("before", "after", "difference", "low", "high")},
            }
            for row in result.changes
        ]
        table = None
        if rows:
            with one_action():
                table = table_from_rows(_COLUMNS, rows, f"{self._out.name} clicks saved")
        return {"model": str(result.model), "verdict": result.verdict, "text": result.text, "table": table}
