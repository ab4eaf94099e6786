"""What tasks share that train something on a dataset for some minutes: options of the user become a request."""

from pathlib import Path
from typing import Any

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.registry import job_module


class TimedTraining:
    """Trains on the cases of a dataset. Subclasses name the ``JOB`` and collect what came of it.

    Parameters
    ----------
    dataset_path:
        File of a dataset, as :class:`~MedDeepRegSegLib.mrml.dataset_task.DatasetTask` or ``meddeep dataset`` writes it.
    out:
        Folder of the model.
    minutes:
        Time of the training, on this machine.
    options:
        Other fields of the ``Request`` of the job, for example ``resume=True``.
    """

    JOB: str

    def __init__(
        self, dataset_path: str | Path, *, out: str | Path, minutes: float | None = None, **options: Any
    ) -> None:
        self._dataset, self._out, self._options = Path(dataset_path), Path(out), {"minutes": minutes, **options}

    def prepare(self, _folder: Path) -> tuple[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        try:
            return self.JOB, job_module(self.JOB).Request(dataset=self._dataset, out=self._out, **self._options)
        except TypeError as error:
            msg = f"an option of training is unknown ({error}): leave it out"
            raise InputError(msg) from error
