"""A run of the growing network becomes a model folder: the averaged weights, and a card that the run itself fills."""

from pathlib import Path

from MedDeepRegSegLib import __version__
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.schema import to_json
from MedDeepRegSegLib.models.description import NetworkDescription, NetworkMetric, NetworkTraining, WorkingSpacing
from MedDeepRegSegLib.models.model_card import model_card
from MedDeepRegSegLib.models.model_folder import write_model
from MedDeepRegSegLib.training.checkpoint import Checkpoint, read_checkpoint
from MedDeepRegSegLib.training.export import EncoderTexts, hardware_text
from MedDeepRegSegLib.training.growing import GrowingTrainSettings
from MedDeepRegSegLib.training.record import RunRecord
from MedDeepRegSegLib.training.run import CHECKPOINT

USUAL_TEXTS = EncoderTexts(
    name="meddeep-growing",
    purpose="Grows a structure in CT or MR from clicks, strokes and a box.",
    intended_use="Research: `meddeep grow IMAGE --positive R,A,S --out SEG.seg.nrrd`; a person looks at each result.",
    limitations=(
        "It learned from synthetic images only; how well it does on real ones is measured below, or unknown.",
        "One click is ambiguous in size: a whole organ or a part of it.",
        "Not for diagnosis, and not a medical device.",
    ),
    spacing_mm=WorkingSpacing(smallest=0.25, largest=6.0, recommended=1.5),
)
"""What a description says that a file of texts leaves out."""

_LOSS = (
    "Dice and cross-entropy, the latter weighted up around clicks and for small objects, after the first and the last two "
    "clicks of a simulated user; the same at 1/2, 1/4 and 1/8 of the resolution, weight .15."
)


def export_growing(
    run: Path, out: Path, *, texts: EncoderTexts = USUAL_TEXTS, metrics: tuple[NetworkMetric, ...] = ()
) -> NetworkDescription:
    """Make a model folder from the averaged weights of a run.

    Parameters
    ----------
    run : Path
        Folder of the run; it may have been stopped before its last step.
    out : Path
        Folder of the model; one that lies there is replaced.
    texts : EncoderTexts
        What the run cannot know.
    metrics : tuple of NetworkMetric
        What was measured of these weights.

    Raises
    ------
    InputError
        When the run has no sound checkpoint, or a text cannot be used.
    """
    run = Path(run)
    if not (run / CHECKPOINT).is_file():
        msg = f"{run} has no {CHECKPOINT}: give the folder of a run of growing training"
        raise InputError(msg)
    checkpoint = read_checkpoint(run / CHECKPOINT, GrowingTrainSettings)
    tensors = {name: value.numpy() for name, value in checkpoint.part("average/network.").items()}
    try:
        description = NetworkDescription(
            name=texts.name,
            version=texts.version,
            architecture="growing",
            settings=to_json(checkpoint.settings.network),
            software_version=__version__,
            license=texts.license,
            purpose=texts.purpose,
            intended_use=texts.intended_use,
            limitations=texts.limitations,
            training=_training(checkpoint, texts),
            metrics=metrics,
            spacing_mm=texts.spacing_mm,
        )
    except ValueError as error:
        msg = f"the description of the model cannot be used: {error}"
        raise InputError(msg) from error
    return write_model(out, tensors, description, model_card(description))


def _training(checkpoint: Checkpoint[GrowingTrainSettings], texts: EncoderTexts) -> NetworkTraining:
    settings, position = checkpoint.settings, checkpoint.position
    record = position.record or RunRecord()
    real = f"{settings.real_fraction:.0%} from packed label maps with SHA-256 {record.maps_sha256}, the others "
    data = (
        "Objects in images of random contrast, computed while training; no image of a person: "
        f"{real if record.maps_sha256 else ''}from random shapes."
    )
    return NetworkTraining(
        data=texts.data or data,
        data_license=texts.data_license or ("that of the label maps" if record.maps_sha256 else "none needed"),
        recipe=texts.recipe or _recipe(checkpoint, record),
        loss=_LOSS,
        steps=position.step,
        seed=settings.seed,
        hours=round(position.seconds / 3600, 3),
        hardware=texts.hardware or hardware_text(record),
    )


def _recipe(checkpoint: Checkpoint[GrowingTrainSettings], record: RunRecord) -> str:
    settings, position = checkpoint.settings, checkpoint.position
    chosen, usual = to_json(settings), to_json(GrowingTrainSettings())
    options = [
        f"--{name.replace('_', '-')} {' '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in chosen.items()
        if name not in ("precision", "network", "start") and value != usual[name]
    ]
    command = ["python -m MedDeepRegSegLib.training growing --out RUN"]
    command += [*(["--maps MAPS.npz"] if record.maps_sha256 else []), f"--precision {settings.precision}", *options]
    begun = f"from weights with SHA-256 {settings.start}" if settings.start else "from random weights"
    parts = [f"`{' '.join(command)}`, {begun}, then the moving average of the weights (decay {settings.average:g})."]
    if position.step < settings.steps:
        parts.append(f"Stopped at step {position.step} of {settings.steps}.")
    if position.skipped:
        parts.append(f"{position.skipped} steps were skipped, as their gradient was not finite.")
    if record.software:
        parts.append(f"With {'; '.join(record.software)}.")
    return " ".join(parts)
