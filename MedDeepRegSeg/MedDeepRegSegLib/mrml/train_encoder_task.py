"""Task that trains an encoder on volumes without labels, for a training to begin from."""

from pathlib import Path
from typing import Any

from MedDeepRegSegLib.errors import InputError


class TrainEncoderTask:
    """Trains an encoder on the volumes of a dataset by guessing what is hidden in them; labels are not looked at.

    Parameters
    ----------
    dataset_path:
        File of a dataset, as :class:`~MedDeepRegSegLib.mrml.dataset_task.DatasetTask` or ``meddeep dataset`` writes it.
    out:
        Folder of the encoder, for ``start=`` of :class:`~MedDeepRegSegLib.mrml.train_task.TrainTask`.
    minutes:
        Time of the training, on this machine.
    options:
        Other fields of :class:`MedDeepRegSegLib.training.masked_job.Request`, for example ``resume=True``.

    Notes
    -----
    :meth:`collect` returns the folder of the encoder as ``model``, ``text`` for people, and what it says as numbers: the
    errors of what is hidden ``error_before``, ``error_after`` and ``error_of_mean``, and ``steps`` and ``minutes``.
    """

    def __init__(
        self, dataset_path: str | Path, *, out: str | Path, minutes: float | None = None, **options: Any
    ) -> None:
        self._dataset, self._out, self._options = Path(dataset_path), Path(out), {"minutes": minutes, **options}

    def prepare(self, _folder: Path) -> tuple[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        from MedDeepRegSegLib.training.masked_job import Request

        try:
            return "train-masked", Request(dataset=self._dataset, out=self._out, **self._options)
        except TypeError as error:
            msg = f"an option of training is unknown ({error}): leave it out"
            raise InputError(msg) from error

    def collect(self, _folder: Path, result: Any) -> dict[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        names = ("text", "error_before", "error_after", "error_of_mean", "steps", "minutes")
        return {"model": str(result.model), **{name: getattr(result, name) for name in names}}
