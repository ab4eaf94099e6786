"""A run becomes a model folder: the averaged weights, and a card that the run itself fills."""

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from MedDeepRegSegLib import __version__
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.schema import from_json, to_json
from MedDeepRegSegLib.models.description import NetworkDescription, NetworkMetric, NetworkTraining, WorkingSpacing
from MedDeepRegSegLib.models.encoder import Encoder, EncoderSettings
from MedDeepRegSegLib.models.encoder_input import standardize
from MedDeepRegSegLib.models.model_card import model_card
from MedDeepRegSegLib.models.model_folder import write_model
from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.synthesis.smooth import smooth_field
from MedDeepRegSegLib.training.checkpoint import Checkpoint, read_checkpoint
from MedDeepRegSegLib.training.pretrain import CHECKPOINT
from MedDeepRegSegLib.training.record import UNRECORDED, RunRecord
from MedDeepRegSegLib.training.settings import PretrainSettings

_LARGEST_CHANGE = 2e-3
_SPACING = WorkingSpacing(smallest=1.0, largest=4.0, recommended=2.0)
_SIDE = 48  # of the volume by which half precision is judged


@dataclass(frozen=True, kw_only=True)
class EncoderTexts:
    """What a run cannot know of its model; see :class:`~MedDeepRegSegLib.models.description.NetworkDescription`.

    ``data``, ``data_license``, ``recipe`` and ``hardware`` are told by the run where they are empty.
    """

    name: str = "meddeep-encoder"
    version: str = "1.0"
    license: str = "Apache-2.0"
    purpose: str = (
        "Features of 3-D images that look alike in CT and in MR: 16 numbers at every second voxel tell which structure "
        "it is and where in it, 32 numbers at every eighth tell which part of the body."
    )
    intended_use: str = (
        "Research: dense features for registration, segmentation and the description of segments, computed by "
        "`meddeep features` or MedDeepRegSegLib.features."
    )
    limitations: tuple[str, ...] = (
        "It learned from synthetic images only; how well it does on a real modality is measured below, or unknown.",
        "Features tell places apart up to rotations of about 40 degrees between two images.",
        "Not for diagnosis, and not a medical device.",
    )
    data: str = ""
    data_license: str = ""
    recipe: str = ""
    hardware: str = ""
    spacing_mm: WorkingSpacing = _SPACING


@dataclass(frozen=True)
class ExportResult:
    """What was written, and the largest change of a feature (a component of a unit vector) by half precision."""

    folder: Path
    description: NetworkDescription
    largest_change: float


def export_encoder(
    run: Path, out: Path, *, texts: EncoderTexts | None = None, metrics: tuple[NetworkMetric, ...] = ()
) -> ExportResult:
    """Make a model folder from the averaged weights of a run.

    Parameters
    ----------
    run : Path
        Folder of the run; it may have been stopped before its last step.
    out : Path
        Folder of the model; one that lies there is replaced.
    texts : EncoderTexts, optional
    metrics : tuple of NetworkMetric
        What was measured of these weights.

    Raises
    ------
    InputError
        When the run has no sound checkpoint, or its weights do not stand half precision.
    """
    run, texts = Path(run), texts or EncoderTexts()
    if not (run / CHECKPOINT).is_file():
        msg = f"{run} has no {CHECKPOINT}: give the folder of a run of pre-training"
        raise InputError(msg)
    checkpoint = read_checkpoint(run / CHECKPOINT)
    weights = checkpoint.part("average/encoder.")
    change = _largest_change(checkpoint.settings.encoder, weights)
    if not change < _LARGEST_CHANGE:
        msg = f"half precision changes features by {change:.2g}, expected below {_LARGEST_CHANGE}: the run did not train soundly"
        raise InputError(msg)
    description = _description(checkpoint, texts, metrics)
    tensors = {name: value.numpy() for name, value in weights.items()}
    written = write_model(out, tensors, description, model_card(description))
    return ExportResult(Path(out), written, change)


def _description(checkpoint: Checkpoint, texts: EncoderTexts, metrics: tuple[NetworkMetric, ...]) -> NetworkDescription:
    try:
        return NetworkDescription(
            name=texts.name,
            version=texts.version,
            architecture="encoder",
            settings=to_json(checkpoint.settings.encoder),
            software_version=__version__,
            license=texts.license,
            purpose=texts.purpose,
            intended_use=texts.intended_use,
            limitations=texts.limitations,
            training=training_of(checkpoint, texts),
            metrics=metrics,
            spacing_mm=texts.spacing_mm,
        )
    except ValueError as error:
        msg = f"the description of the model cannot be used: {error}"
        raise InputError(msg) from error


def training_of(checkpoint: Checkpoint, texts: EncoderTexts) -> NetworkTraining:
    """Return how a run was trained, as it recorded it."""
    settings, position = checkpoint.settings, checkpoint.position
    record = position.record or RunRecord()
    directions = [value for name, value in checkpoint.part("model/").items() if name.endswith("directions")]
    has_maps = bool(record.maps_sha256) or any(len(value) > 1 for value in directions)
    return NetworkTraining(
        data=texts.data or _data(settings, record, has_maps),
        data_license=texts.data_license
        or ("Apache-2.0 (label maps); the rest is computed" if has_maps else "none needed: all of it is computed"),
        recipe=texts.recipe or _recipe(checkpoint, record, has_maps),
        loss=_loss(settings),
        steps=position.step,
        seed=settings.seed,
        hours=round(position.seconds / 3600, 3),
        hardware=texts.hardware or hardware_text(record),
    )


def read_texts(path: Path, usual: EncoderTexts | None = None) -> EncoderTexts:
    """Return the texts of a JSON file; what it leaves out is as in ``usual``.

    Raises
    ------
    InputError
        When it is no such file.
    """
    data = _read_json(path)
    if not isinstance(data, dict):
        msg = f"{path} holds no object, expected some of {', '.join(field.name for field in fields(EncoderTexts))}"
        raise InputError(msg)
    try:
        return from_json(EncoderTexts, {**to_json(usual or EncoderTexts()), **data})
    except InputError as error:
        msg = f"{path}: {error}"
        raise InputError(msg) from error


def read_metrics(path: Path) -> tuple[NetworkMetric, ...]:
    """Return the metrics of a JSON file: a list of objects, or an object whose ``metrics`` is one.

    Raises
    ------
    InputError
        When it is no such file.
    """
    data = _read_json(path)
    rows = data.get("metrics") if isinstance(data, dict) else data
    if not isinstance(rows, list):
        msg = f"{path} holds no list of metrics, expected objects with name, value, unit, dataset and command"
        raise InputError(msg)
    try:
        return tuple(from_json(NetworkMetric, row) for row in rows)
    except InputError as error:
        msg = f"{path}: {error}"
        raise InputError(msg) from error


def _read_json(path: Path) -> object:
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        msg = f"{path} cannot be read as JSON ({error}): correct it"
        raise InputError(msg) from error


def _loss(settings: PretrainSettings) -> str:
    return (
        f"Contrastive, of corresponding points of both views, temperature {settings.temperature:g}: exact place against "
        f"{settings.neighbors} places near it (weight 1), against all other points (weight {settings.global_weight:g}), "
        f"the same for context (weight {settings.context_weight:g}). Asked at {settings.voxels} voxels of each view: the "
        f"structure, or without names the region (weight {settings.region_weight:g}), boundaries around the voxel (weight "
        f"{settings.boundary_weight:g}) and the position in the head (weight {settings.position_weight:g})."
    )


def _data(settings: PretrainSettings, record: RunRecord, has_maps: bool) -> str:
    if not has_maps:
        return "Random shapes in random contrast, computed while training; no image of a person."
    file = f" (packed file with SHA-256 {record.maps_sha256})" if record.maps_sha256 else ""
    return (
        f"Images in random contrast, computed while training: {settings.real_fraction:.0%} of the pairs from the label maps "
        f"of heads that SynthSeg learns from{file}, the others from random shapes; no image of a person."
    )


def _recipe(checkpoint: Checkpoint[PretrainSettings], record: RunRecord, has_maps: bool) -> str:
    settings = checkpoint.settings
    chosen, usual = to_json(settings), to_json(PretrainSettings())
    options = [
        f"--{name.replace('_', '-')} {value}"
        for name, value in chosen.items()
        if name not in ("encoder", "precision") and value != usual[name]
    ]
    command = [
        record.launcher,
        "MedDeepRegSegLib.training pretrain --out RUN",
        *(["--maps MAPS.npz"] if has_maps else []),
    ]
    command += [f"--precision {settings.precision}", *options]
    return how_it_went(f"`{' '.join(command)}`", checkpoint)


def how_it_went(begun: str, checkpoint: Checkpoint[Any]) -> str:
    """Return how a run that began in some way went on: what was averaged, stopped and left out, by how many, with what."""
    settings, position = checkpoint.settings, checkpoint.position
    record = position.record or RunRecord()
    parts = [f"{begun}, then the moving average of the weights (decay {settings.average:g})."]
    if position.step < settings.steps:
        parts.append(f"Stopped at step {position.step} of {settings.steps}.")
    if position.skipped:
        parts.append(f"{position.skipped} steps were skipped, as their gradient was not finite.")
    if len(record.processes) > 1:
        parts.append(f"Parts of it were trained by {' and '.join(map(str, record.processes))} processes.")
    if record.software:
        parts.append(f"With {'; '.join(record.software)}.")
    return " ".join(parts)


def hardware_text(record: RunRecord) -> str:
    """Return on what a run was computed, and how long where there were several kinds."""
    if len(record.hardware) > 1:
        return "; ".join(f"{part.hardware} ({part.seconds / 3600:.2g} hours)" for part in record.hardware)
    return record.hardware[0].hardware if record.hardware else UNRECORDED


def _largest_change(settings: EncoderSettings, weights: dict[str, Tensor]) -> float:
    """Return the largest change of a feature of a smooth volume when the weights are rounded to half precision."""
    random = Randomness(0)
    volume = sum(smooth_field(random, 1, (_SIDE,) * 3, cells) / cells for cells in (3, 6, 12))
    inputs = standardize(torch.as_tensor(volume)[None])
    results = []
    for rounded in (False, True):
        encoder = _network(settings, weights, rounded=rounded)
        with torch.inference_mode():
            results.append(encoder(inputs))
    return float(np.max([(one - two).abs().max() for one, two in zip(*results, strict=True)]))


def _network(settings: EncoderSettings, weights: dict[str, Tensor], *, rounded: bool) -> Encoder:
    with torch.device("meta"):
        encoder = Encoder(settings)
    own = {name: value.half().float() if rounded else value for name, value in weights.items()}
    try:
        encoder.load_state_dict(own, assign=True)
    except RuntimeError as error:
        msg = "the checkpoint holds other tensors than its encoder needs: use the version of MedDeep that made it"
        raise InputError(msg) from error
    return encoder.eval()
