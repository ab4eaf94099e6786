"""The job that trains a segmentation network on a dataset and writes its model folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import NOTE, CancelToken, Progress, no_progress, part_of
from MedDeepRegSegLib.models.segmenter_settings import NetworkName
from MedDeepRegSegLib.training.run_folder import RUN, what_a_cancel_left

_SAVE_MINUTES = 0.25  # a canceled job has no time to finish a long step, and a laptop can be closed at any moment


@dataclass(frozen=True)
class Request:
    """What to train on, and how. What is None follows from the dataset and the machine."""

    dataset: Path
    """File of a dataset."""
    out: Path
    """Folder of the model."""
    network: NetworkName = "encoder"
    """Which network."""
    resume: bool = False
    """Go on with the run that lies in the folder; other options than ``device`` must be left out then."""
    epochs: int | None = None
    """Epochs of the whole run."""
    minutes: float | None = None
    """Choose the number of epochs so that the run takes about this long on this machine."""
    steps_per_epoch: int | None = None
    """Updates between two checks on the validation cases."""
    batch: int | None = None
    """Patches that are computed at once."""
    patch: tuple[int, int, int] | None = None
    """Size of a patch, voxels toward left, back and top."""
    spacing_mm: tuple[float, float, float] | None = None
    """Size of a voxel toward left, back and top, mm."""
    augmentation: str = "default"
    """Name of a preset, or its file; ``none`` for none."""
    learning_rate: float | None = None
    patience: int | None = None
    """Epochs without a better validation score after which the run ends."""
    channels: tuple[int, ...] | None = None
    """Of the network ``custom`` at each level, from the finest; so are the next three."""
    residual_units: int | None = None
    """Of each level; 0 for plain convolutions."""
    normalization: Literal["instance", "batch", "group"] | None = None
    dropout: float | None = None
    """Fraction of features left out in training."""
    start: Path | None = None
    """Folder of a model to begin from: one of this dataset's classes, or an encoder. The encoder that ships without."""
    scratch: bool = False
    """Begin from random weights."""
    memory_gb: float | None = None
    """Budget of memory, GB."""
    device: str = "auto"
    """``auto``, ``cpu`` or ``cuda``."""
    seed: int = 0

    def if_canceled(self) -> str:
        """Return what a person who canceled is told."""
        return what_a_cancel_left(self.out)


@dataclass(frozen=True)
class ClassScore:
    """Mean Dice of a class on the validation cases that have it; None where none has."""

    name: str
    dice: float | None


@dataclass(frozen=True)
class Result:
    """What came of it."""

    model: Path
    """Folder of the model."""
    network: NetworkName
    score: float | None
    """Mean Dice on the validation cases; None without any."""
    classes: tuple[ClassScore, ...]
    epochs: int
    """Epochs that were made."""
    best_epoch: int
    """Epoch whose weights the model has."""
    minutes: float
    notes: tuple[str, ...]
    """Why the run is as it is."""
    ended: Literal["complete", "no better"]
    """Whether all epochs were made, or the score did not get better for long."""
    advice: str
    """What to do about a model that finds next to nothing; empty for others."""


def run(request: Request, *, progress: Progress = no_progress, cancel: CancelToken | None = None) -> Result:
    """Train and write the model.

    Raises
    ------
    InputError
        If the dataset, a case or an option cannot be used, or an unfinished run lies in the folder.
    MissingPackageError
        If PyTorch, or MONAI for its networks, is not installed.
    Canceled
        If ``cancel`` was set. The run was saved and can go on.
    """
    from MedDeepRegSegLib.datasets.dataset import read_dataset
    from MedDeepRegSegLib.models.networks import choose_device
    from MedDeepRegSegLib.models.segmenter_card import advice
    from MedDeepRegSegLib.training.cases.begin import begin
    from MedDeepRegSegLib.training.cases.model_export import describe, write_model
    from MedDeepRegSegLib.training.cases.trainer import train_cases
    from MedDeepRegSegLib.training.team import process_number

    cancel = CancelToken() if cancel is None else cancel
    device = choose_device(request.device)
    dataset = read_dataset(request.dataset)
    begun = begin(request, dataset, device, progress=part_of(progress, 0.0, 0.05), cancel=cancel)
    for note in begun.notes:
        progress(0.05, NOTE + note)
    settings = begun.settings
    result = train_cases(
        settings,
        dataset,
        request.out / RUN,
        start=begun.start,
        memory_bytes=begun.cache_bytes,
        device=device,
        report_every=min(10, settings.steps_per_epoch),
        save_minutes=_SAVE_MINUTES,
        progress=part_of(progress, 0.05, 0.98),
        cancel=cancel,
    )
    if not result.done:
        msg = f"the run stands at step {result.step} of {settings.steps}: go on with --resume"
        raise InputError(msg)
    made = describe(request.out, settings, dataset, result)
    if process_number() == 0:
        write_model(request.out, made, result)
    epochs = result.step // settings.steps_per_epoch
    progress(1.0, f"Model written after {epochs} epochs")
    return Result(
        model=request.out,
        network=settings.network.network,
        score=result.score,
        classes=tuple(ClassScore(metric.name, metric.dice) for metric in made.validation),
        epochs=epochs,
        best_epoch=result.best_step // settings.steps_per_epoch,
        minutes=result.seconds / 60,
        notes=begun.notes,
        ended="complete" if result.step >= settings.steps else "no better",
        advice=advice(made),
    )
