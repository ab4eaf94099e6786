"""What the export of every kind of run does alike: read the checkpoint, describe the run, write the model folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from MedDeepRegSegLib import __version__
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.schema import to_json
from MedDeepRegSegLib.models.description import NetworkDescription, NetworkMetric, NetworkTraining
from MedDeepRegSegLib.models.model_card import model_card
from MedDeepRegSegLib.models.model_folder import write_model
from MedDeepRegSegLib.training.checkpoint import Checkpoint, read_checkpoint
from MedDeepRegSegLib.training.export import EncoderTexts, hardware_text, how_it_went
from MedDeepRegSegLib.training.record import RunRecord
from MedDeepRegSegLib.training.run import CHECKPOINT
from MedDeepRegSegLib.training.settings import PretrainSettings

S = TypeVar("S")


def kind_of(run: Path) -> str:
    """Return what a run trained: ``encoder``, ``growing``, ``masked`` or ``subdivision``.

    Raises
    ------
    InputError
        When the run has no sound checkpoint of one of them.
    """
    from MedDeepRegSegLib.training.growing_settings import GrowingTrainSettings
    from MedDeepRegSegLib.training.masked_settings import MaskedSettings
    from MedDeepRegSegLib.training.subdivision_settings import SubdivisionTraining

    kinds = {
        "encoder": PretrainSettings,
        "growing": GrowingTrainSettings,
        "masked": MaskedSettings,
        "subdivision": SubdivisionTraining,
    }
    path = _checkpoint_path(run, "encoder, growing, masked or subdivision")
    problem = InputError(f"{path} cannot be read")
    for kind, settings in kinds.items():
        try:
            read_checkpoint(path, settings)
        except InputError as error:
            problem = error
        else:
            return kind
    raise problem


def _checkpoint_path(run: Path, what: str) -> Path:
    path = Path(run) / CHECKPOINT
    if not path.is_file():
        msg = f"{run} has no {CHECKPOINT}: give the folder of a run of {what} training"
        raise InputError(msg)
    return path


def checkpoint_of(run: Path, kind: type[S], what: str) -> tuple[Checkpoint[S], dict[str, np.ndarray]]:
    """Return the checkpoint of a run, and the averaged weights of its network.

    Raises
    ------
    InputError
        When the run has no sound checkpoint; ``what`` says of which training it should be.
    """
    checkpoint = read_checkpoint(_checkpoint_path(run, what), kind)
    return checkpoint, {name: value.numpy() for name, value in checkpoint.part("average/network.").items()}


def write_run(
    out: Path,
    checkpoint: Checkpoint[Any],
    tensors: Mapping[str, np.ndarray],
    *,
    texts: EncoderTexts,
    metrics: tuple[NetworkMetric, ...],
    **described: Any,
) -> NetworkDescription:
    """Write the model folder of a run.

    Parameters
    ----------
    out : Path
        One that lies there is replaced.
    checkpoint, tensors
        See :func:`checkpoint_of`.
    texts : EncoderTexts
        What the run cannot know.
    metrics : tuple of NetworkMetric
    **described
        The fields ``architecture``, ``settings`` and ``labels`` of the description, and ``data``, ``data_license``,
        ``recipe`` and ``loss`` of its training, as far as the texts do not say them.

    Raises
    ------
    InputError
        When a text cannot be used.
    """
    position = checkpoint.position
    training = NetworkTraining(
        data=texts.data or described.pop("data"),
        data_license=texts.data_license or described.pop("data_license"),
        recipe=texts.recipe or described.pop("recipe"),
        loss=described.pop("loss"),
        steps=position.step,
        seed=checkpoint.settings.seed,
        hours=round(position.seconds / 3600, 3),
        hardware=texts.hardware or hardware_text(position.record or RunRecord()),
    )
    fields = {name: described[name] for name in ("architecture", "settings", "labels") if name in described}
    try:
        description = NetworkDescription(
            name=texts.name,
            version=texts.version,
            software_version=__version__,
            license=texts.license,
            purpose=texts.purpose,
            intended_use=texts.intended_use,
            limitations=texts.limitations,
            training=training,
            metrics=metrics,
            spacing_mm=texts.spacing_mm,
            **fields,
        )
    except ValueError as error:
        msg = f"the description of the model cannot be used: {error}"
        raise InputError(msg) from error
    return write_model(out, tensors, description, model_card(description))


def changed_options(settings: Any, left_out: Sequence[str]) -> list[str]:
    """Return the options by which settings differ from the usual ones, as the command takes them."""
    usual = to_json(type(settings)())
    return [
        f"--{name.replace('_', '-')} {' '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in to_json(settings).items()
        if name not in left_out and value != usual[name]
    ]


def recipe(command: Sequence[str], begun: str, checkpoint: Checkpoint[Any]) -> str:
    """Return what was done, so that it can be done again: the command, what it began from, and how it went."""
    return how_it_went(f"`{' '.join(command)}`, {begun}", checkpoint)
