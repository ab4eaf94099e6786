"""Task that trains an encoder on volumes without labels, for a training to begin from."""

from pathlib import Path
from typing import Any

from MedDeepRegSegLib.mrml.timed_training import TimedTraining


class TrainEncoderTask(TimedTraining):
    """Trains an encoder on the volumes of a dataset by guessing what is hidden in them; labels are not looked at.

    Parameters are those of :class:`~MedDeepRegSegLib.mrml.timed_training.TimedTraining`, with the options of
    :class:`MedDeepRegSegLib.training.masked_job.Request`. The folder is for ``start=`` of
    :class:`~MedDeepRegSegLib.mrml.train_task.TrainTask`.

    Notes
    -----
    :meth:`collect` returns the folder of the encoder as ``model``, ``text`` for people, and what it says as numbers: the
    errors of what is hidden ``error_before``, ``error_after`` and ``error_of_mean``, and ``steps`` and ``minutes``.
    """

    JOB = "train-masked"

    def collect(self, _folder: Path, result: Any) -> dict[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        names = ("text", "error_before", "error_after", "error_of_mean", "steps", "minutes")
        return {"model": str(result.model), **{name: getattr(result, name) for name in names}}
