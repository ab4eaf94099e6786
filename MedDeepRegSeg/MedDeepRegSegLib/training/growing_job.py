"""The job that fine-tunes the growing network on the cases of a dataset and measures how many clicks that saves."""

import csv
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import NOTE, CancelToken, Progress, no_progress, part_of
from MedDeepRegSegLib.training.run_folder import RUN
from MedDeepRegSegLib.training.timed_request import TimedRequest

if TYPE_CHECKING:
    from MedDeepRegSegLib.training.clicks_saved import ObjectClicks
    from MedDeepRegSegLib.training.growing_cases import GrowingTuning
    from MedDeepRegSegLib.training.growing_tuning import Start

CLICKS = "clicks_saved.csv"
"""Dice of each object after each click, before and after."""


@dataclass(frozen=True)
class Request(TimedRequest):
    """What to train on, and how long; the dataset has cases for training and, to measure, for validation."""

    channel: int = 0
    """The image of a case that is clicked in, counted from 0."""
    learning_rate: float = 1e-4
    """Low, so that little is forgotten."""
    synthetic_fraction: float = 0.25
    """Fraction (0 to 1) of synthetic objects, so that what was learned from them is not lost."""
    clicks: int = 10
    """On each object that is measured, at most."""
    most_objects: int = 40
    """Objects that are measured, at most."""


@dataclass(frozen=True)
class Change:
    """One number before and after, what was gained (Dice) or saved (clicks), and its 95 % interval."""

    name: str
    before: float
    after: float
    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class Result:
    """What came of it."""

    model: Path
    """Folder of the model."""
    verdict: Literal["better", "not better", "worse", "not measured"]
    """Whether it needs fewer clicks on the validation cases. The model is kept whatever it says."""
    text: str
    """The comparison in a sentence."""
    changes: tuple[Change, ...]
    """Mean Dice, Dice after some clicks, clicks to some Dice."""
    objects: int
    """How many were clicked."""
    clicks_table: Path | None
    """Dice of each object after each click, before and after."""
    synthetic_before: float
    """Mean Dice on synthetic objects, before: what should not be forgotten."""
    synthetic_after: float
    steps: int
    minutes: float
    """Of the training."""


def run(request: Request, *, progress: Progress = no_progress, cancel: CancelToken | None = None) -> Result:
    """Train, measure, and write the model.

    Raises
    ------
    InputError
        If the dataset, a case, the model to begin from or an option cannot be used, or an unfinished run lies in the folder.
    MissingPackageError
        If PyTorch is not installed.
    Canceled
        If ``cancel`` was set. The run was saved and can go on.
    """
    from MedDeepRegSegLib.models.networks import import_torch

    import_torch()
    from MedDeepRegSegLib.training.clicks_saved import compare
    from MedDeepRegSegLib.training.growing_tuning import start_from, synthetic_dice, tune
    from MedDeepRegSegLib.training.growing_tuning_export import export_tuned
    from MedDeepRegSegLib.training.timed_run import minutes_of_chunk

    cancel = CancelToken() if cancel is None else cancel
    work = _Work(request, cancel)
    start = start_from(request.start)
    settings = work.begin(start, part_of(progress, 0.0, 0.04))
    before = work.clicked(request.start, part_of(progress, 0.04, 0.14))
    folder = request.out / RUN
    result = tune(
        settings,
        work.cases,
        folder,
        start=start.weights,
        device=work.device,
        minutes=minutes_of_chunk(request),
        report_every=min(10, settings.steps),
        save_minutes=1.0,
        progress=part_of(progress, 0.14, 0.85),
        cancel=cancel,
    )
    if not result.done:
        progress(0.85, NOTE + f"stopped at step {result.step} of {settings.steps}; it can go on (resume)")
    name, count = work.dataset.name, len(work.cases)
    with tempfile.TemporaryDirectory(prefix="meddeep-growing-") as temporary:
        candidate = Path(temporary) / "model"
        export_tuned(folder, candidate, dataset=name, cases=count)
        after = work.clicked(candidate, part_of(progress, 0.85, 0.96))
        tuned = start_from(candidate)
    synthetic = [synthetic_dice(each.network, cancel=cancel) for each in (start, tuned)]
    saved = compare(before, after, seed=request.seed) if before else None
    export_tuned(folder, request.out, dataset=name, cases=count, saved=saved, synthetic=synthetic)
    text = "no case is kept for validation: whether it saves clicks is not known" if saved is None else saved.text
    progress(1.0, text)
    return Result(
        model=request.out,
        verdict="not measured" if saved is None else saved.verdict,
        text=text,
        changes=() if saved is None else tuple(Change(**asdict(row)) for row in (*saved.dice, *saved.clicks_to)),
        objects=len(before),
        clicks_table=_write_clicks(request.out / CLICKS, before, after) if before else None,
        synthetic_before=synthetic[0],
        synthetic_after=synthetic[1],
        steps=result.step,
        minutes=result.seconds / 60,
    )


class _Work:
    """What all steps of a job need."""

    def __init__(self, request: Request, cancel: CancelToken) -> None:
        from MedDeepRegSegLib.datasets.dataset import read_dataset
        from MedDeepRegSegLib.models.networks import choose_device
        from MedDeepRegSegLib.training.case_objects import ObjectCases

        self._request, self._cancel = request, cancel
        self.device = choose_device(request.device)
        self.dataset = read_dataset(request.dataset)
        self._learned, kept = (
            tuple(case for case in self.dataset.of_role(role) if case.labels is not None)
            for role in ("training", "validation")
        )
        if not self._learned:
            msg = (
                "no case has the role training and labels, expected at least one: make the dataset again, with a split"
            )
            raise InputError(msg)
        self.cases = ObjectCases(self._learned, self.dataset, request.channel)
        self._kept = ObjectCases(kept, self.dataset, request.channel)

    def begin(self, start: "Start", progress: Progress) -> "GrowingTuning":
        """Return the settings of the run: those it was begun with, or new ones."""
        from MedDeepRegSegLib.datasets.hashes import dataset_sha256
        from MedDeepRegSegLib.training.growing_cases import GrowingTuning
        from MedDeepRegSegLib.training.growing_tuning import in_time
        from MedDeepRegSegLib.training.timed_run import check_same, settings_to_go_on

        request = self._request
        known = settings_to_go_on(request, GrowingTuning)
        digest = dataset_sha256(self.dataset, self._learned, progress=progress, cancel=self._cancel)
        if known is not None:
            check_same(request.out, cases=(known.cases_sha256, digest), start=(known.growing.start, start.sha256))
            return known
        settings = _settings(request, digest, start, self.device)
        if request.steps is not None:
            return settings
        return in_time(settings, self.cases, start, request.minutes, self.device, cancel=self._cancel)

    def clicked(self, model: Path | None, progress: Progress) -> tuple["ObjectClicks", ...]:
        """Return what comes of clicks on the validation cases; nothing where there are none."""
        from MedDeepRegSegLib.training.clicks_saved import click_objects

        if not len(self._kept):
            return ()
        return click_objects(
            model,
            self._kept,
            clicks=self._request.clicks,
            most_objects=self._request.most_objects,
            device=self.device,
            progress=progress,
            cancel=self._cancel,
        )


def _settings(request: Request, digest: str, start: "Start", device: str) -> "GrowingTuning":
    from MedDeepRegSegLib.training.growing_cases import GrowingTuning
    from MedDeepRegSegLib.training.growing_settings import GrowingTrainSettings
    from MedDeepRegSegLib.training.timed_run import fast_precision

    steps = 100 if request.steps is None else request.steps
    growing = GrowingTrainSettings(
        steps=steps,
        sides=(48, 64),
        real_fraction=0.0,
        box_fraction=0.25,
        learning_rate=request.learning_rate,
        warmup=min(20, steps // 5),
        precision=fast_precision(device),
        seed=request.seed,
        start=start.sha256,
        network=start.network.settings,
    )
    return GrowingTuning(
        growing=growing,
        synthetic_fraction=request.synthetic_fraction,
        channel=request.channel,
        cases_sha256=digest,
    )


def _write_clicks(path: Path, before: tuple["ObjectClicks", ...], after: tuple["ObjectClicks", ...]) -> Path:
    """Write Dice of each object after each click, whole or not at all."""
    from MedDeepRegSegLib.jobs.outputs import atomic_path

    numbers = range(1, len(before[0].dice) + 1)
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["case", "class", "part", "weights", *(f"dice_{number}" for number in numbers)])
        for one, other in zip(before, after, strict=True):
            table.writerow([one.case, one.name, one.part, "before", *one.dice])
            table.writerow([other.case, other.name, other.part, "after", *other.dice])
    return path
