"""A run of masked reconstruction becomes a model folder of an encoder, to start a training on cases from."""

from dataclasses import replace
from pathlib import Path

from MedDeepRegSegLib.jobs.schema import to_json
from MedDeepRegSegLib.models.description import NetworkDescription, NetworkMetric
from MedDeepRegSegLib.training.export import EncoderTexts
from MedDeepRegSegLib.training.masked_settings import MaskedSettings
from MedDeepRegSegLib.training.record import RunRecord
from MedDeepRegSegLib.training.run_export import changed_options, checkpoint_of, recipe, write_run

USUAL_TEXTS = replace(
    EncoderTexts(),
    name="masked-encoder",
    license="that of the weights it began from (Apache-2.0 for those that ship), and what the owner of the cases decides",
    purpose="An encoder to begin a training on cases from: it learned to guess what is hidden in volumes without labels.",
    intended_use="Research: `meddeep train DATASET.json --start MODEL_DIR --out OTHER_DIR`.",
    limitations=(
        "Its last layers, which compare places, were not trained on with the rest: for `meddeep features` and for "
        "registration, use the encoder that ships.",
        "Whether it is a better start than the encoder that ships is unknown where no metric says so: compare.",
        "Not for diagnosis, and not a medical device.",
    ),
)
"""What a description says that a file of texts leaves out."""


def export_masked(
    run: Path, out: Path, *, texts: EncoderTexts = USUAL_TEXTS, metrics: tuple[NetworkMetric, ...] = ()
) -> NetworkDescription:
    """Make a model folder from the averaged weights of a run; ``load_encoder`` reads it.

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
    checkpoint, _ = checkpoint_of(run, MaskedSettings, "masked")
    settings, record = checkpoint.settings, checkpoint.position.record or RunRecord()
    left_out = ("precision", "encoder", "start", "cases_sha256")
    command = [f"{record.launcher} MedDeepRegSegLib.training masked --dataset DATASET.json --out RUN"]
    command += [f"--precision {settings.precision}", *changed_options(settings, left_out)]
    return write_run(
        out,
        checkpoint,
        {name: value.numpy() for name, value in checkpoint.part("average/encoder.").items()},
        texts=texts,
        metrics=metrics,
        architecture="encoder",
        settings=to_json(settings.encoder),
        data=f"Volumes of a dataset (SHA-256 {settings.cases_sha256}), without their labels.",
        data_license="that of the volumes",
        recipe=recipe(
            command,
            f"from weights with SHA-256 {settings.start}" if settings.start else "from random weights",
            checkpoint,
        ),
        loss=(
            f"Mean absolute error of standardized intensities in hidden blocks of {settings.block} voxels, "
            f"{settings.hidden:.0%} of each view (masked reconstruction; SimMIM, Z. Xie et al., CVPR 2022)."
        ),
    )
