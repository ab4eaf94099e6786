"""A run of a subdivision network becomes a model folder: the averaged weights, and a card that the run itself fills."""

from pathlib import Path

from MedDeepRegSegLib.jobs.schema import to_json
from MedDeepRegSegLib.models.description import NetworkDescription, NetworkMetric, WorkingSpacing
from MedDeepRegSegLib.synthesis.parts import BRAIN_PARTS
from MedDeepRegSegLib.training.export import EncoderTexts
from MedDeepRegSegLib.training.record import RunRecord
from MedDeepRegSegLib.training.run_export import changed_options, checkpoint_of, recipe, write_run
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
    checkpoint, tensors = checkpoint_of(run, SubdivisionTraining, "subdivision")
    settings, record = checkpoint.settings, checkpoint.position.record or RunRecord()
    first, second, third, fourth = (
        len(tensors[f"encoder.{name}.0.convolution.weight"]) for name in ("down1", "down2", "down3", "down4")
    )
    command = [f"{record.launcher} MedDeepRegSegLib.training subdivision --out RUN --maps MAPS.npz"]
    command += [f"--precision {settings.precision}", *changed_options(settings, ("precision", "parts", "unknown"))]
    if settings.parts != BRAIN_PARTS:
        command.append("--parts PARTS.json")
    heads = (
        f"{settings.tissue_fraction:.0%} of them have the gray levels that tissues of the head have in T1, T2, FLAIR and "
        f"proton density MR and in CT, the others random ones; {settings.stripped_fraction:.0%} show the brain alone. "
    )
    data = (
        "Images of label maps, computed while training; no image of a person. "
        f"{heads if settings.parts == BRAIN_PARTS else ''}Packed file of maps with SHA-256 {record.maps_sha256}."
    )
    begun = "from the weights of an encoder (the one that ships unless --encoder named another)"
    return write_run(
        out,
        checkpoint,
        tensors,
        texts=texts,
        metrics=metrics,
        architecture="subdivision",
        settings=to_json(settings.network((first, second, third, fourth))),
        labels=tuple(part.name for part in settings.parts),
        data=data,
        data_license="that of the label maps",
        recipe=recipe(command, begun, checkpoint),
        loss=(
            "Cross-entropy of the part and soft Dice of all classes that a view shows, weight 1 each; binary cross-entropy "
            f"of the side where a part has sides, weight {settings.side_weight:g}."
        ),
    )
