"""From a run of growing training to a model folder: averaged weights in half precision, description and card."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from MedDeepRegSegLib import __version__
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.schema import from_json, to_json
from MedDeepRegSegLib.models.description import NetworkDescription, NetworkMetric
from MedDeepRegSegLib.models.model_card import model_card
from MedDeepRegSegLib.models.model_folder import write_model
from MedDeepRegSegLib.training.checkpoint import Checkpoint, read_checkpoint
from MedDeepRegSegLib.training.growing import GrowingTrainSettings
from MedDeepRegSegLib.training.record import RunRecord
from MedDeepRegSegLib.training.run import CHECKPOINT

_LOSS = (
    "Dice and cross-entropy, the latter weighted up around clicks and for small objects, after the first and the last two "
    "clicks of a simulated user; the same at 1/2, 1/4 and 1/8 of the resolution, weight .15."
)


def export_growing(run: Path, out: Path, texts: Path, metrics: tuple[NetworkMetric, ...] = ()) -> NetworkDescription:
    """Write the model folder of a run.

    Parameters
    ----------
    run : Path
        Folder of the run.
    out : Path
        Folder of the model; one that lies there is replaced.
    texts : Path
        JSON file with the fields of :class:`~MedDeepRegSegLib.models.description.NetworkDescription` that people write:
        name, version, license, purpose, intended_use, limitations, spacing_mm, and ``data``, ``data_license`` and
        ``start`` of the training.
    metrics : tuple of NetworkMetric
        What was measured of these weights.

    Raises
    ------
    InputError
        When the run has no sound checkpoint, or the texts cannot be used.
    """
    run = Path(run)
    if not (run / CHECKPOINT).is_file():
        msg = f"{run} has no {CHECKPOINT}: give the folder of a run of growing training"
        raise InputError(msg)
    checkpoint = read_checkpoint(run / CHECKPOINT, GrowingTrainSettings)
    data = _description(checkpoint, _read(texts), metrics)
    description = from_json(NetworkDescription, data)
    tensors = {name: value.numpy() for name, value in checkpoint.part("average/network.").items()}
    return write_model(out, tensors, description, model_card(description))


def _description(
    checkpoint: Checkpoint[GrowingTrainSettings], texts: Mapping[str, Any], metrics: tuple[NetworkMetric, ...]
) -> dict[str, Any]:
    settings, position = checkpoint.settings, checkpoint.position
    record = position.record or RunRecord()
    usual, chosen = to_json(GrowingTrainSettings()), to_json(settings)
    options = [
        f"{name} {value}" for name, value in chosen.items() if name not in ("network", "start") and value != usual[name]
    ]
    begun = f" {texts['start']}" if settings.start else " It began from random weights."
    recipe = (
        f"`python -m MedDeepRegSegLib.training growing --out RUN --maps MAPS.npz` with {', '.join(options) or 'defaults'}, "
        f"{position.step} of {settings.steps} steps, then the moving average of the weights (decay {settings.average:g}).{begun}"
    )
    own = {
        key: texts[key]
        for key in ("name", "version", "license", "purpose", "intended_use", "limitations", "spacing_mm")
    }
    return {
        **own,
        "format": "meddeep-network",
        "format_version": 1,
        "architecture": "growing",
        "settings": to_json(settings.network),
        "software_version": __version__,
        "labels": [],
        "weights_sha256": "",
        "metrics": [to_json(metric) for metric in metrics],
        "training": {
            "data": texts["data"],
            "data_license": texts["data_license"],
            "recipe": recipe,
            "loss": _LOSS,
            "steps": position.step,
            "seed": settings.seed,
            "hours": round(position.seconds / 3600, 3),
            "hardware": "; ".join(part.hardware for part in record.hardware) or "not recorded",
        },
    }


def _read(path: Path) -> Mapping[str, Any]:
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        msg = f"{path} cannot be read as JSON ({error}): correct it"
        raise InputError(msg) from error
    needed = {
        "name",
        "version",
        "license",
        "purpose",
        "intended_use",
        "limitations",
        "spacing_mm",
        "data",
        "data_license",
        "start",
    }
    if not isinstance(data, dict) or needed - data.keys():
        msg = f"{path} lacks {', '.join(sorted(needed - set(data)))}: add them"
        raise InputError(msg)
    return data
