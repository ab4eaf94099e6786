"""Train a segmentation network on the cases of a dataset, in chunks that can be stopped and go on exactly where they were.

The folder of the run holds what training needs to go on (``checkpoint.safetensors``), the weights that were best on the
validation cases (``best.safetensors``), logs, curves and pictures of examples, and the prepared cases (``prepared``, which
can be removed at any time).
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

import torch
from torch import Tensor, nn

from MedDeepRegSegLib.datasets.dataset import Dataset
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of
from MedDeepRegSegLib.segmentation.segments import Segment
from MedDeepRegSegLib.training.cases.examples import draw_examples
from MedDeepRegSegLib.training.cases.objective import MEASURES, CaseObjective
from MedDeepRegSegLib.training.cases.prepared import PreparedCase, PreparedCases
from MedDeepRegSegLib.training.cases.settings import CaseTrainSettings
from MedDeepRegSegLib.training.cases.source import CaseSource
from MedDeepRegSegLib.training.cases.validation import check_case, class_means, mean_score
from MedDeepRegSegLib.training.checks import BEST, Check, read_best
from MedDeepRegSegLib.training.record import hardware_name
from MedDeepRegSegLib.training.run import RunOptions, Task, train
from MedDeepRegSegLib.training.team import Team

PREPARED, EXAMPLES = "prepared", "examples.png"

SCORE = "mean"
"""Column of the validation log: mean Dice over the classes."""

_SHOWN = 3  # cases
_CURVES = {"Losses": ("loss", "cross_entropy", "overlap_loss"), "Dice on patches": ("dice",)}


@dataclass(frozen=True, eq=False)
class CaseTrainResult:
    """Where a run stands.

    Attributes
    ----------
    network : torch.nn.Module
        On the CPU, with the best weights; the last ones where no validation case shows a class.
    step, best_step : int
        Updates that are done, and that of the weights.
    score : float, optional
        Mean Dice on the validation cases; None without any, and before the first check.
    checked : tuple
        For each validation case, the Dice of each class or None, with these weights; empty while the run goes on.
    seconds : float
        Of all chunks.
    done : bool
        Whether the run is over: by its last step, or because it did not get better for long.
    hardware : str
        On what it ran.
    """

    network: nn.Module
    step: int
    best_step: int
    score: float | None
    checked: tuple[tuple[float | None, ...], ...]
    seconds: float
    done: bool
    hardware: str


def train_cases(
    settings: CaseTrainSettings,
    dataset: Dataset,
    out: Path,
    *,
    start: Mapping[str, Tensor] | None = None,
    memory_bytes: float = 2e9,
    **options: Unpack[RunOptions],
) -> CaseTrainResult:
    """Train until the last step, until the network does not get better, or until the time of this chunk is over.

    Parameters
    ----------
    settings : CaseTrainSettings
    dataset : Dataset
        Cases of the role ``training`` are learned from, those of ``validation`` choose the weights.
    out : Path
        Folder of the run. A run that is there goes on.
    start : mapping of str to Tensor, optional
        Weights to begin from.
    memory_bytes : float
        Budget of prepared cases in memory.
    **options
        Device, time and reports: see :func:`MedDeepRegSegLib.training.run.train`.

    Raises
    ------
    InputError
        If there are no cases to learn from, a case cannot be used, or see :func:`MedDeepRegSegLib.training.run.train`.
    Canceled
        After the run was saved.
    """
    progress, cancel = options.get("progress") or no_progress, options.get("cancel")
    device = options.get("device", "cpu")
    learned, checked = dataset.of_role("training"), dataset.of_role("validation")
    if not learned:
        msg = "no case has the role training, expected at least one with labels: make the dataset again, with a split"
        raise InputError(msg)
    share = len(learned) / (len(learned) + len(checked))
    folder, how = Path(out) / PREPARED, settings.preprocessing
    cases = PreparedCases(dataset, learned, how, folder, memory_bytes=share * memory_bytes)
    others = PreparedCases(dataset, checked, how, folder, memory_bytes=(1 - share) * memory_bytes)
    cases.prepare_all(part_of(progress, 0.0, 0.04 * share), cancel)
    others.prepare_all(part_of(progress, 0.04 * share, 0.04), cancel)

    def task(team: Team) -> Task:
        source = CaseSource(settings, cases, process=team.rank, device=team.device)

        def objective() -> nn.Module:
            made = CaseObjective(settings)
            if start is not None:
                made.network.load_state_dict(dict(start))
            return made

        return Task(
            settings,
            MEASURES,
            source.batch,
            objective,
            _CURVES,
            _check(settings, dataset, others, out, team),
            settings.parts,
        )

    options["progress"] = _with_time_left(part_of(progress, 0.04, 0.97))
    result = train(task, out, **options)
    average, best_step = result.average, result.step
    checked_once = result.position.best_step > 0
    if checked_once:
        best_step, tensors = read_best(Path(out) / BEST)
        average.load_state_dict(tensors)
    assert isinstance(average, CaseObjective)
    network = average.network.eval().to(device)
    checked_dice = []
    for number in range(len(others) if result.done else 0):
        progress(0.97 + 0.03 * number / len(others), f"Checking {checked[number].name} with the best weights")
        checked_dice.append(check_case(network, others[number], settings, device, cancel or CancelToken()).dice)
    return CaseTrainResult(
        network=network.cpu(),
        step=result.step,
        best_step=best_step,
        score=result.position.best_score if checked_once else None,
        checked=tuple(checked_dice),
        seconds=result.seconds,
        done=result.done,
        hardware=hardware_name(torch.device(device)),
    )


def _check(settings: CaseTrainSettings, dataset: Dataset, cases: PreparedCases, out: Path, team: Team) -> Check | None:
    count = min(len(cases), settings.checked_cases)
    # Without any class to measure, all scores are alike: the first weights would be kept, and the run would end early.
    if not any(_shows_class(cases[number]) for number in range(count)):
        return None
    columns = score_columns(dataset.classes)

    def measure(objective: nn.Module, step: int, best: float, cancel: CancelToken) -> Mapping[str, float]:
        assert isinstance(objective, CaseObjective)
        device = str(team.device)
        found = [check_case(objective.network, cases[number], settings, device, cancel) for number in range(count)]
        means = class_means(found, columns)
        score = mean_score(means)
        if score > best:
            title = f"Validation cases after {step} steps"
            draw_examples(found[:_SHOWN], dataset.classes, settings.preprocessing.spacing_mm, out / EXAMPLES, title)
        return {SCORE: score, **means}

    curves = {"Dice on validation cases": (SCORE, *columns[:6])}
    return Check(settings.steps_per_epoch, (SCORE, *columns), measure, curves, settings.patience)


def _shows_class(case: PreparedCase) -> bool:
    """Return whether a case shows a class that was looked for in it."""
    return any(looked and len(places) for looked, places in zip(case.looked_for[1:], case.places, strict=True))


def score_columns(classes: Sequence[Segment]) -> tuple[str, ...]:
    """Return the names of the columns of the validation log that hold the Dice of each class: all different."""
    names: list[str] = []
    for segment in classes:
        name = " ".join(segment.name.split()) or f"class {segment.value}"
        names.append(f"{name} ({segment.value})" if name in (*names, SCORE, "step", "seconds") else name)
    return tuple(names)


def _with_time_left(progress: Progress) -> Progress:
    """Return a progress that adds how long the run still takes, from how fast it was in this chunk."""
    began: list[tuple[float, float]] = []

    def told(fraction: float, message: str) -> None:
        now = time.monotonic()
        if not began:
            began.append((now, fraction))
        done = fraction - began[0][1]
        if done > 0 and now - began[0][0] > 5:
            left = (now - began[0][0]) * (1 - fraction) / done
            message = f"{message}; about {_duration(left)} left"
        progress(fraction, message)

    return told


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
