"""The job that trains an encoder on volumes without labels: what a training on few labeled cases can begin from."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from MedDeepRegSegLib.jobs.progress import NOTE, CancelToken, Progress, no_progress, part_of
from MedDeepRegSegLib.training.run_folder import RUN
from MedDeepRegSegLib.training.timed_request import TimedRequest
from MedDeepRegSegLib.wording import counted

if TYPE_CHECKING:
    from MedDeepRegSegLib.datasets.dataset import Case
    from MedDeepRegSegLib.models.description import NetworkMetric
    from MedDeepRegSegLib.training.masked import MaskedStart
    from MedDeepRegSegLib.training.masked_settings import MaskedSettings

COMMAND = "meddeep train DATASET.json --network masked --out ENCODER_DIR"


@dataclass(frozen=True)
class Request(TimedRequest):
    """What to train on, and how long: the volumes of the roles training and unused, not their labels."""

    scratch: bool = False
    """Begin from random weights."""


@dataclass(frozen=True)
class Result:
    """What came of it. Errors are mean absolute differences of standardized intensities in hidden blocks."""

    model: Path
    """Folder of the encoder, to begin a training from."""
    error_before: float
    """With the encoder that it began from, before anything was learned about guessing."""
    error_after: float
    error_of_mean: float
    """Of guessing the mean of what is seen."""
    measured_on: str
    """Whose hidden blocks: validation cases, or where there are none, cases that were learned from."""
    text: str
    """The errors in a sentence."""
    cases: int
    """That were learned from."""
    steps: int
    minutes: float
    """Of the training."""


def run(request: Request, *, progress: Progress = no_progress, cancel: CancelToken | None = None) -> Result:
    """Train, measure, and write the encoder.

    Raises
    ------
    InputError
        If the dataset, a case, the encoder to begin from or an option cannot be used, or an unfinished run lies in the
        folder.
    MissingPackageError
        If PyTorch is not installed.
    Canceled
        If ``cancel`` was set. The run was saved and can go on.
    """
    from MedDeepRegSegLib.models.networks import choose_device, import_torch

    import_torch()
    from MedDeepRegSegLib.datasets.dataset import read_dataset
    from MedDeepRegSegLib.training.masked import (
        first_objective,
        hidden_errors,
        start_encoder,
        train_masked,
        unlabeled_cases,
        volumes_sha256,
    )
    from MedDeepRegSegLib.training.masked_export import export_masked
    from MedDeepRegSegLib.training.masked_settings import MaskedSettings
    from MedDeepRegSegLib.training.timed_run import check_same, minutes_of_chunk, settings_to_go_on

    cancel = CancelToken() if cancel is None else cancel
    device = choose_device(request.device)
    dataset = read_dataset(request.dataset)
    cases = unlabeled_cases(dataset)
    known = settings_to_go_on(request, MaskedSettings)
    # A run from random weights goes on so, whether that is said again or not.
    scratch = request.scratch if known is None else not known.start and request.start is None
    start = start_encoder(request.start, scratch=scratch)
    digest = volumes_sha256(dataset, cases, progress=part_of(progress, 0.0, 0.04), cancel=cancel)
    if known is None:
        settings = _begin(request, cases, start, digest=digest, device=device, cancel=cancel)
    else:
        check_same(request.out, cases=(known.cases_sha256, digest), start=(known.start, start.sha256))
        settings = known
    kept = dataset.of_role("validation")
    shown, measured_on = (kept, "validation cases") if kept else (cases, "cases that were learned from")
    progress(0.04, f"Measuring on {measured_on}")
    first = first_objective(settings, start.weights)
    before, of_mean = hidden_errors(first, settings, shown, device, cancel=cancel)
    folder = request.out / RUN
    result = train_masked(
        settings,
        cases,
        folder,
        start=start.weights,
        device=device,
        minutes=minutes_of_chunk(request),
        report_every=min(10, settings.steps),
        save_minutes=1.0,
        progress=part_of(progress, 0.08, 0.95),
        cancel=cancel,
    )
    if not result.done:
        progress(0.95, NOTE + f"stopped at step {result.step} of {settings.steps}; it can go on (resume)")
    after, _ = hidden_errors(result.average, settings, shown, device, cancel=cancel)
    where = f"{measured_on} ({counted(len(shown), 'case')})"
    export_masked(folder, request.out, metrics=_metrics(before, after, of_mean, where))
    text = (
        f"error of hidden blocks {after:.2f} after the training, {before:.2f} before, {of_mean:.2f} by the mean of what is "
        f"seen, on {measured_on}"
    )
    progress(1.0, text)
    return Result(
        model=request.out,
        error_before=before,
        error_after=after,
        error_of_mean=of_mean,
        measured_on=measured_on,
        text=text,
        cases=len(cases),
        steps=result.step,
        minutes=result.seconds / 60,
    )


def _begin(
    request: Request,
    cases: "tuple[Case, ...]",
    start: "MaskedStart",
    *,
    digest: str,
    device: str,
    cancel: CancelToken,
) -> "MaskedSettings":
    """Return the settings of a new run."""
    from MedDeepRegSegLib.training.masked import MaskedSource, first_objective
    from MedDeepRegSegLib.training.masked_settings import MaskedSettings
    from MedDeepRegSegLib.training.timed_run import fast_precision, steps_in_time

    settings = MaskedSettings(
        precision=fast_precision(device),
        seed=request.seed,
        start=start.sha256,
        cases_sha256=digest,
        encoder=start.encoder,
    )
    steps = request.steps
    if steps is None:
        objective = first_objective(settings, start.weights)
        batch = MaskedSource(settings, cases, device=device).batch
        steps = steps_in_time(objective, batch, request.minutes, device, seed=request.seed, cancel=cancel)
    return replace(settings, steps=steps, warmup=min(settings.warmup, steps // 5))


def _metrics(before: float, after: float, of_mean: float, where: str) -> tuple["NetworkMetric", ...]:
    from MedDeepRegSegLib.models.description import NetworkMetric

    return tuple(
        NetworkMetric(
            name=f"Mean absolute error of hidden blocks, {which}",
            value=round(value, 4),
            unit="",
            dataset=f"{where}, standardized intensities; it does not say how good a start this is",
            command=COMMAND,
        )
        for which, value in (("before", before), ("after", after), ("of the mean of what is seen", of_mean))
    )
