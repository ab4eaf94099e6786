"""Task that fine-tunes the growing network on a dataset: how many clicks that saves becomes a table."""

from pathlib import Path
from typing import Any

from MedDeepRegSegLib.mrml.tables import TableColumn, table_from_rows
from MedDeepRegSegLib.mrml.task_base import one_action
from MedDeepRegSegLib.mrml.timed_training import TimedTraining

_COLUMNS = (
    TableColumn("what", "What"),
    TableColumn("before", "Before"),
    TableColumn("after", "After"),
    TableColumn("difference", "Gained or saved", description="Mean over the objects; more is better"),
    TableColumn("low", "From", description="Lower end of the 95 % interval"),
    TableColumn("high", "To", description="Upper end of the 95 % interval"),
)


class TrainGrowingTask(TimedTraining):
    """Fine-tunes the growing network on the cases of a dataset, and measures the clicks that it saves.

    Parameters are those of :class:`~MedDeepRegSegLib.mrml.timed_training.TimedTraining`, with the options of
    :class:`MedDeepRegSegLib.training.growing_job.Request`. The folder is for ``model=`` of
    :class:`~MedDeepRegSegLib.mrml.segment_tasks.GrowTask`.

    Notes
    -----
    :meth:`collect` returns the folder of the ``model``, the ``verdict`` (``better``, ``not better``, ``worse`` or
    ``not measured``), its ``text`` for people, and a ``table`` of Dice and clicks before and after (None where nothing was
    measured).
    """

    JOB = "train-growing"

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
