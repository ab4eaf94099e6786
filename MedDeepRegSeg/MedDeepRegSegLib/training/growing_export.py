"""A run of the growing network becomes a model folder: the averaged weights, and a card that the run itself fills."""

from pathlib import Path

from MedDeepRegSegLib.jobs.schema import to_json
from MedDeepRegSegLib.models.description import NetworkDescription, NetworkMetric, WorkingSpacing
from MedDeepRegSegLib.training.export import EncoderTexts
from MedDeepRegSegLib.training.growing_settings import GrowingTrainSettings
from MedDeepRegSegLib.training.record import RunRecord
from MedDeepRegSegLib.training.run_export import changed_options, checkpoint_of, recipe, write_run

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

LOSS = (
    "Dice and cross-entropy, the latter weighted up around clicks and for small objects, after the first and the last two "
    "clicks of a simulated user; the same at 1/2, 1/4 and 1/8 of the resolution, weight .15."
)
"""What every training of this network makes small."""


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
    checkpoint, tensors = checkpoint_of(run, GrowingTrainSettings, "growing")
    settings, record = checkpoint.settings, checkpoint.position.record or RunRecord()
    real = f"{settings.real_fraction:.0%} from packed label maps with SHA-256 {record.maps_sha256}, the others "
    command = [
        f"{record.launcher} MedDeepRegSegLib.training growing --out RUN",
        *(["--maps MAPS.npz"] if record.maps_sha256 else []),
    ]
    command += [f"--precision {settings.precision}", *changed_options(settings, ("precision", "network", "start"))]
    begun = f"from weights with SHA-256 {settings.start}" if settings.start else "from random weights"
    return write_run(
        out,
        checkpoint,
        tensors,
        texts=texts,
        metrics=metrics,
        architecture="growing",
        settings=to_json(settings.network),
        data=(
            "Objects in images of random contrast, computed while training; no image of a person: "
            f"{real if record.maps_sha256 else ''}from random shapes."
        ),
        data_license="that of the label maps" if record.maps_sha256 else "none needed",
        recipe=recipe(command, begun, checkpoint),
        loss=LOSS,
    )
