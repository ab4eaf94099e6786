"""Task that trains a network on a dataset: its curves as a plot while it runs, its scores as a table in the end."""

import contextlib
from pathlib import Path
from typing import Any

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.plots import plot_training
from MedDeepRegSegLib.mrml.tables import TableColumn, table_from_rows
from MedDeepRegSegLib.mrml.task_base import one_action

CHECK_LOG = "validation.csv"
"""As in :mod:`MedDeepRegSegLib.training.checks`, which is not imported here: PyTorch takes seconds to start."""


class TrainTask:
    """Trains a segmentation network on the cases of a dataset.

    Parameters
    ----------
    dataset:
        File of a dataset, as :class:`~MedDeepRegSegLib.mrml.dataset_task.DatasetTask` or ``meddeep dataset`` writes it.
    out:
        Folder of the model.
    options:
        Other fields of :class:`MedDeepRegSegLib.training.cases.train_job.Request`, for example ``minutes=20``,
        ``network="unet"`` or ``resume=True``.

    Notes
    -----
    :meth:`collect` returns the folder of the ``model``, its ``score``, a ``table`` of the ``classes``, and the ``chart`` of
    the curves (None where nothing was checked).
    """

    def __init__(self, dataset: str | Path, *, out: str | Path, **options: Any) -> None:
        self._dataset, self._out, self._options = Path(dataset), Path(out), options
        self._chart = None

    @property
    def out(self) -> Path:
        """Folder of the model."""
        return self._out

    def prepare(self, _folder: Path) -> tuple[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        from MedDeepRegSegLib.training.cases.train_job import Request

        try:
            return "train", Request(dataset=self._dataset, out=self._out, **self._options)
        except TypeError as error:
            msg = f"an option of training is unknown ({error}): leave it out"
            raise InputError(msg) from error

    def follow(self):
        """Draw the curves as far as the run is, and return their chart node; None where there are none yet."""
        from MedDeepRegSegLib.training.run_folder import RUN

        with contextlib.suppress(InputError):  # the log has no whole line yet
            self._chart = plot_training(self._out / RUN / CHECK_LOG, chart=self._chart)
        return self._chart

    def collect(self, _folder: Path, result: Any) -> dict[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        columns = (
            TableColumn("class", "Class"),
            TableColumn("dice", "Dice", description="Mean over the validation cases that have the class"),
        )
        rows = [{"class": one.name, "dice": one.dice} for one in result.classes]
        with one_action():
            chart = self.follow()
            table = table_from_rows(columns, rows, f"{self._out.name} validation")
        return {
            "model": str(result.model),
            "score": result.score,
            "advice": result.advice,
            "classes": result.classes,
            "table": table,
            "chart": chart,
        }
