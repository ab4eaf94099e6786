"""A run of a subdivision network becomes a model folder: the averaged weights, and a card that the run itself fills."""

from pathlib import Path

from MedDeepRegSegLib import __version__
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.schema import to_json
from MedDeepRegSegLib.models.description import NetworkDescription, NetworkMetric, NetworkTraining, WorkingSpacing
from MedDeepRegSegLib.models.model_card import model_card
from MedDeepRegSegLib.models.model_folder import write_model
from MedDeepRegSegLib.synthesis.parts import BRAIN_PARTS
from MedDeepRegSegLib.training.checkpoint import Checkpoint, read_checkpoint
from MedDeepRegSegLib.training.export import EncoderTexts, hardware_text
from MedDeepRegSegLib.training.record import RunRecord
from MedDeepRegSegLib.training.run import CHECKPOINT
from MedDeepRegSegLib.training.subdivision_settings import SubdivisionTraining

USUAL_TEXTS = EncoderTexts(
    name="meddeep-subdivision",
    purpose="The parts of a structure in CT and MR.",
    intended_use="Research: `meddeep subdivide IMAGE --model MODEL_DIR --out SEG.seg.nrrd`.",
    limitations=(
        "It learned from synthetic images only; how well it does on real ones is measured below, or unknown.",
        "The orientation in the header of an image must be right: it tells left from right.",
        "Not for diagnosis, and not a medical device.",
    ),
    spacing_mm=WorkingSpacing(smallest=1.4, largest=2.4, recommended=1.75),
)
"""What a description says that a file of texts leaves out."""


def export_subdivision(
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
        msg = f"{run} has no {CHECKPOINT}: give the folder of a run of training subdivision"
        raise InputError(msg)
    checkpoint = read_checkpoint(run / CHECKPOINT, SubdivisionTraining)
    tensors = {name: value.numpy() for name, value in checkpoint.part("average/network.").items()}
    settings = checkpoint.settings
    width = [len(tensors[f"encoder.{name}.0.convolution.weight"]) for name in ("down1", "down2", "down3", "down4")]
    first, second, third, fourth = width
    try:
        description = NetworkDescription(
            name=texts.name,
            version=texts.version,
            architecture="subdivision",
            settings=to_json(settings.network((first, second, third, fourth))),
            software_version=__version__,
            license=texts.license,
            purpose=texts.purpose,
            intended_use=texts.intended_use,
            limitations=texts.limitations,
            training=_training(checkpoint, texts),
            metrics=metrics,
            spacing_mm=texts.spacing_mm,
            labels=tuple(part.name for part in settings.parts),
        )
    except ValueError as error:
        msg = f"the description of the model cannot be used: {error}"
        raise InputError(msg) from error
    return write_model(out, tensors, description, model_card(description))


def _training(checkpoint: Checkpoint[SubdivisionTraining], texts: EncoderTexts) -> NetworkTraining:
    settings, position = checkpoint.settings, checkpoint.position
    record = position.record or RunRecord()
    data = (
        "Images of label maps, computed while training; no image of a person. "
        f"{settings.tissue_fraction:.0%} of them have the gray levels that tissues of the head have in T1, T2, FLAIR and "
        f"proton density MR and in CT, the others random ones; {settings.stripped_fraction:.0%} show the brain alone. "
        f"Packed file of maps with SHA-256 {record.maps_sha256}."
    )
    return NetworkTraining(
        data=texts.data or data,
        data_license=texts.data_license or "that of the label maps",
        recipe=texts.recipe or _recipe(checkpoint, record),
        loss=(
            "Cross-entropy of the part and soft Dice of all classes that a view shows, weight 1 each; binary cross-entropy "
            f"of the side where a part has sides, weight {settings.side_weight:g}."
        ),
        steps=position.step,
        seed=settings.seed,
        hours=round(position.seconds / 3600, 3),
        hardware=texts.hardware or hardware_text(record),
    )


def _recipe(checkpoint: Checkpoint[SubdivisionTraining], record: RunRecord) -> str:
    settings, position = checkpoint.settings, checkpoint.position
    chosen, usual = to_json(settings), to_json(SubdivisionTraining())
    options = [
        f"--{name.replace('_', '-')} {value}"
        for name, value in chosen.items()
        if name not in ("precision", "parts", "unknown") and value != usual[name]
    ]
    if settings.parts != BRAIN_PARTS:
        options.append("--parts PARTS.json")
    command = ["python -m MedDeepRegSegLib.training subdivision --out RUN --maps MAPS.npz"]
    command += [f"--precision {settings.precision}", *options]
    parts = [
        f"`{' '.join(command)}`, from the weights of an encoder (the one that ships unless --encoder named another), then the moving average of the weights "
        f"(decay {settings.average:g})."
    ]
    if position.step < settings.steps:
        parts.append(f"Stopped at step {position.step} of {settings.steps}.")
    if position.skipped:
        parts.append(f"{position.skipped} steps were skipped, as their gradient was not finite.")
    if record.software:
        parts.append(f"With {'; '.join(record.software)}.")
    return " ".join(parts)
