"""A fine-tuned growing network becomes a model folder, whose card says what was saved by it, or that nothing was."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from MedDeepRegSegLib.jobs.schema import to_json
from MedDeepRegSegLib.models.description import NetworkDescription, NetworkMetric
from MedDeepRegSegLib.training.clicks_saved import ClicksSaved
from MedDeepRegSegLib.training.export import EncoderTexts
from MedDeepRegSegLib.training.growing_cases import GrowingTuning
from MedDeepRegSegLib.training.growing_export import LOSS, USUAL_TEXTS
from MedDeepRegSegLib.training.run_export import checkpoint_of, recipe, write_run

COMMAND = "meddeep train DATASET.json --network growing --out MODEL_DIR"


def export_tuned(
    run: Path,
    out: Path,
    *,
    dataset: str,
    cases: int,
    saved: ClicksSaved | None = None,
    synthetic: Sequence[float] = (),
) -> NetworkDescription:
    """Make a model folder from the averaged weights of a fine-tuning.

    Parameters
    ----------
    run : Path
        Folder of the run; it may have been stopped before its last step.
    out : Path
        Folder of the model.
    dataset : str
        Name of the dataset.
    cases : int
        Cases that were learned from.
    saved : ClicksSaved, optional
        What was measured on others.
    synthetic : sequence of float, optional
        Mean Dice on synthetic objects before and after.

    Raises
    ------
    InputError
        When the run has no sound checkpoint.
    """
    checkpoint, tensors = checkpoint_of(run, GrowingTuning, "growing (on cases)")
    settings = checkpoint.settings
    share = settings.synthetic_fraction
    command = [
        COMMAND,
        f"(settings: {settings.steps} steps of {settings.growing.objects} objects, learning rate {settings.learning_rate:g},",
        f"seed {settings.seed}, {settings.growing.precision})",
    ]
    return write_run(
        out,
        checkpoint,
        tensors,
        texts=_texts(dataset, saved),
        metrics=_metrics(saved, synthetic),
        architecture="growing",
        settings=to_json(settings.growing.network),
        data=(
            f"{cases} cases of the dataset {dataset!r} (SHA-256 {settings.cases_sha256}), in windows as a growing session shows "
            f"them, lightly varied; {share:.0%} of the objects are random shapes in random contrast, computed while training."
        ),
        data_license="that of the cases",
        recipe=recipe(command, f"from weights with SHA-256 {settings.growing.start}", checkpoint),
        loss=LOSS,
    )


def _texts(dataset: str, saved: ClicksSaved | None) -> EncoderTexts:
    measured = (
        f"Against the weights that it began from, it is {saved.text}."
        if saved is not None
        else "No case was kept for validation: whether it saves clicks is unknown."
    )
    return replace(
        USUAL_TEXTS,
        name="growing-tuned",
        license="that of the weights it began from (Apache-2.0 for those that ship), and what the owner of the cases decides",
        purpose=f"Grows a structure from clicks, strokes and a box; trained on with the cases of {dataset!r}.",
        intended_use=(
            "Research: `meddeep grow IMAGE --model MODEL_DIR --positive R,A,S --out SEG.seg.nrrd`; a person looks at each result."
        ),
        limitations=(
            measured,
            "It was adapted to images and structures like those of the dataset; for others, the network that ships may be better.",
            *USUAL_TEXTS.limitations[1:],
        ),
    )


def _metrics(saved: ClicksSaved | None, synthetic: Sequence[float]) -> tuple[NetworkMetric, ...]:
    metrics = []
    if saved is not None:
        where = f"{saved.objects} objects of {saved.cases} validation cases, a simulated user"
        for group, gained in ((saved.dice, "Gain of"), (saved.clicks_to, "Saved")):
            for row in group:
                unit = "" if group is saved.dice else "clicks"
                place = where if group is saved.dice else f"{where}; never reached counts as {saved.clicks + 1}"
                own = (
                    (f"{_first_up(row.name)}, before", row.before, place),
                    (f"{_first_up(row.name)}, after", row.after, place),
                    (
                        f"{gained} {row.name}",
                        row.difference,
                        f"{place}; 95 % interval {row.low:+.3f} to {row.high:+.3f}, {saved.resampled} drawn",
                    ),
                )
                metrics += [
                    NetworkMetric(name=n, value=round(v, 4), unit=unit, dataset=d, command=COMMAND) for n, v, d in own
                ]
    for when, value in zip(("before", "after"), synthetic, strict=False):
        metrics.append(
            NetworkMetric(
                name=f"Mean Dice after 5 clicks on synthetic objects, {when}",
                value=round(value, 4),
                unit="",
                dataset="12 random shapes that were not trained on: what is not forgotten",
                command=COMMAND,
            )
        )
    return tuple(metrics)


def _first_up(text: str) -> str:
    return text[:1].upper() + text[1:]
