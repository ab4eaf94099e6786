"""The loop that trains any network, in chunks that can be stopped and go on exactly where they were.

What is trained is a :class:`Task`: its settings, where its batches come from, and a module that measures them.
"""

import copy
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypedDict

import torch
from torch import Tensor, nn

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.outputs import write_json
from MedDeepRegSegLib.jobs.progress import NOTE, CancelToken, Progress, no_progress
from MedDeepRegSegLib.jobs.schema import to_json
from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.training.ahead import Ahead
from MedDeepRegSegLib.training.checkpoint import Position, load_checkpoint, save_checkpoint
from MedDeepRegSegLib.training.checks import Check, Checks
from MedDeepRegSegLib.training.curves import draw_curves
from MedDeepRegSegLib.training.log import TrainingLog
from MedDeepRegSegLib.training.record import UNRECORDED, HardwareTime, record_of
from MedDeepRegSegLib.training.run_lock import sole_writer
from MedDeepRegSegLib.training.team import Team, process_number

CHECKPOINT, LOG, CURVES, SETTINGS = "checkpoint.safetensors", "log.csv", "curves.png", "settings.json"

_GRADIENT_NORM = 2.0
_FLOOR = 0.02  # of the learning rate, at the end
_ANCHORS = 2
_MOST_SKIPPED = 20


class RunSettings(Protocol):
    """What the settings of every run hold, see :class:`~MedDeepRegSegLib.training.settings.PretrainSettings`."""

    @property
    def steps(self) -> int: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def weight_decay(self) -> float: ...
    @property
    def warmup(self) -> int: ...
    @property
    def average(self) -> float: ...
    @property
    def seed(self) -> int: ...


class RunOptions(TypedDict, total=False):
    """How a chunk of any run is made; see :func:`train`, which says what is usual."""

    device: str
    minutes: float
    report_every: int
    save_minutes: float
    progress: Progress
    cancel: CancelToken | None


@dataclass(frozen=True, eq=False)
class Task:
    """What a run trains.

    Attributes
    ----------
    settings : dataclass
        See :class:`RunSettings`; they are kept in the checkpoint.
    measures : tuple of str
        Names of what the objective returns.
    batch : callable
        Returns the batch of a step; it depends on the step alone.
    objective : callable
        Returns a new module, which takes a batch and a source of randomness and returns a tensor of the measures; the
        first is to be minimized.
    curves : mapping
        Title of a panel to the names of its measures.
    check : Check, optional
        Asked now and then how good the averaged weights are; the best ones are kept beside the last ones.
    parts : int
        Batches of which the gradients are added up for one step.
    """

    settings: RunSettings
    measures: tuple[str, ...]
    batch: Callable[[int], Any]
    objective: Callable[[], nn.Module]
    curves: Mapping[str, Sequence[str]]
    check: Check | None = None
    parts: int = 1


@dataclass(frozen=True, eq=False)
class TrainResult:
    """Where a chunk ended: how far the run is, the seconds of all chunks, and the objective with averaged weights."""

    position: Position
    seconds: float
    average: nn.Module
    done: bool

    @property
    def step(self) -> int:
        """Updates that are done."""
        return self.position.step


def train(
    make_task: Callable[[Team], Task],
    out: Path,
    *,
    maps: Path | None = None,
    device: str = "cpu",
    minutes: float = math.inf,
    report_every: int = 50,
    save_minutes: float = 3.0,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> TrainResult:
    """Train until the last step, or until the time of this chunk is over.

    Parameters
    ----------
    make_task : callable
        Returns the task of one of the processes that train together.
    out : Path
        Folder of the run: checkpoint, log and curves. A run that is there goes on.
    maps : Path, optional
        File of label maps that the task uses; its hash is kept, and only the same file can go on with a run.
    device : {"cpu", "cuda"}
    minutes : float
        Time of this chunk. What is being done then is finished and saved.
    report_every : int
        Steps between two rows of the log.
    save_minutes : float
        Time between two checkpoints.
    progress, cancel
        See :mod:`MedDeepRegSegLib.jobs.progress`. A canceled run is saved, too.

    Raises
    ------
    InputError
        When the folder is in use, cannot be written or holds a run with other settings or label maps, a file is
        damaged, there is no such device, or the gradient is not finite again and again.
    Canceled
        After the run was saved.
    """
    out = Path(out)
    if report_every < 1:
        msg = f"report_every is {report_every}, expected 1 or more: correct it"
        raise InputError(msg)
    with ExitStack() as stack:
        if process_number() == 0:
            stack.enter_context(sole_writer(out))
            for leftover in out.glob(".tmp??????"):  # of safetensors, where a run was killed while it was saving
                leftover.unlink(missing_ok=True)
        team = stack.enter_context(Team(device))
        run = _Run(make_task(team), out, maps, team)
        stack.callback(run.close)
        run.begin(progress)
        last_saved = time.monotonic()
        saved = run.position
        while not run.done:
            if run.check_is_due:
                if not run.check(progress, cancel):
                    break
            else:
                run.step()
                if run.position.step % report_every == 0 or run.position.step == run.task.settings.steps:
                    run.report(progress)
            over = run.chunk_seconds > 60 * minutes or (cancel is not None and cancel.canceled)
            if team.any(over):
                break
            if run.position.checked > saved.checked or time.monotonic() - last_saved > 60 * save_minutes:
                run.save()
                last_saved, saved = time.monotonic(), run.position
        if run.position != saved:
            run.save()
        done = run.done
    if not done and cancel is not None and cancel.canceled:
        msg = f"canceled at step {run.position.step}; the run was saved and can go on"
        raise Canceled(msg)
    return TrainResult(run.position, run.seconds, run.average.eval().cpu(), done)


class _Run:
    """The state of a run, and what is done with it."""

    def __init__(self, task: Task, out: Path, maps: Path | None, team: Team) -> None:
        settings = task.settings
        self.task, self._out, self._team = task, out, team
        self._batches = Ahead(task.batch)
        with torch.random.fork_rng(devices=[]):  # the caller's random numbers are left alone
            torch.default_generator.manual_seed(settings.seed)
            model = task.objective()
        self._model: nn.Module = model.to(team.device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self._model).requires_grad_(False)
        self._optimizer = torch.optim.AdamW(
            _parameter_groups(self._model),
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
            betas=(0.9, 0.98),
        )
        self._checks = None if task.check is None else Checks(task.check, out, settings.steps)
        self.position = Position()
        self._record = record_of(maps)
        self._caller_threads = torch.get_num_threads()
        self._log: TrainingLog | None = None
        self._shared = self._model
        self._began = time.monotonic()
        self._total = torch.zeros(len(task.measures), device=team.device)
        self._skipped_in_a_row = 0

    @property
    def chunk_seconds(self) -> float:
        """Since this chunk began."""
        return time.monotonic() - self._began

    @property
    def seconds(self) -> float:
        """Of all chunks."""
        return self.position.seconds + self.chunk_seconds

    def close(self) -> None:
        """End the thread that makes batches, and leave as many threads as there were."""
        self._batches.close()
        if torch.get_num_threads() != self._caller_threads:
            torch.set_num_threads(self._caller_threads)

    def begin(self, progress: Progress) -> None:
        """Start, or go on from the checkpoint that is there."""
        if (self._out / CHECKPOINT).exists():
            self._resume(progress)
        elif self._team.leads:
            write_json(self._out / SETTINGS, to_json(self.task.settings))
        if not self._team.same(self.position.step):
            msg = f"the processes see different checkpoints in {self._out}: use a folder that all of them share"
            raise InputError(msg)
        if self._team.leads:
            self._log = TrainingLog(
                self._out / LOG, ("step", "seconds", "learning_rate", *self.task.measures), after=self.position.step
            )
            if self._checks is not None:
                self._checks.open_log(self.position)
        self._shared = self._team.share(self._model)
        self._began = time.monotonic()

    def _resume(self, progress: Progress) -> None:
        self.position = load_checkpoint(
            self._out / CHECKPOINT,
            settings=self.task.settings,
            maps_sha256=self._record.maps_sha256,
            model=self._model,
            average=self.average,
            optimizer=self._optimizer,
        )
        if self.position.total:
            self._total = torch.tensor(self.position.total, device=self._team.device)
        known = self.position.record
        if known is None:  # the checkpoint is of an early version
            known = replace(self._record, hardware=(HardwareTime(UNRECORDED, self.position.seconds),))
        if known.threads == 0:
            known = replace(known, threads=self._record.threads)
        elif known.threads != self._record.threads:
            torch.set_num_threads(known.threads)  # the same weights, bit for bit, as of a run that was never stopped
        self._record = known
        if known.processes and self._team.size not in known.processes:
            before = " and ".join(map(str, known.processes))
            note = f"trained with {before} processes so far, now with {self._team.size}: a run of its own, not to be repeated"
            progress(self.position.step / self.task.settings.steps, NOTE + note)

    @property
    def done(self) -> bool:
        """Whether nothing is left to do: the last step is made and checked, or checks do not get better."""
        if self._checks is not None and self._checks.over(self.position):
            return True
        return self.position.step >= self.task.settings.steps and not self.check_is_due

    @property
    def check_is_due(self) -> bool:
        """Whether the weights of this step are to be checked before the next one."""
        return self._checks is not None and self._checks.due(self.position)

    def check(self, progress: Progress, cancel: CancelToken | None) -> bool:
        """Ask how good the averaged weights are, and keep them where they are the best; False where it was canceled."""
        assert self._checks is not None
        position = self._checks.made(
            self.average, self.position, team=self._team, seconds=self.seconds, progress=progress, cancel=cancel
        )
        if position is None:
            return False
        self.position = position
        return True

    def step(self) -> None:
        """Make one update; none where the gradient is not finite."""
        settings, number, parts = self.task.settings, self.position.step, self.task.parts
        for group in self._optimizer.param_groups:
            group["lr"] = _rate(settings, number) * group.get("rate", 1.0)
        self._optimizer.zero_grad(set_to_none=True)
        measures = torch.zeros_like(self._total)
        for part in range(number * parts, (number + 1) * parts):
            random = Randomness(settings.seed, self._team.rank, part, _ANCHORS, device=self._team.device)
            found: Tensor = self._shared(self._batches(part), random) / parts
            found[0].backward()
            measures = measures + found.detach()
        norm = nn.utils.clip_grad_norm_(self._model.parameters(), _GRADIENT_NORM)
        measures = self._team.mean(measures)
        position = replace(self.position, step=number + 1)
        # Both are the same in all processes, so all skip or none.
        if bool(torch.isfinite(norm) & torch.isfinite(measures).all()):
            self._optimizer.step()
            _follow(self.average, self._model, min(settings.average, (number + 1) / (number + 11)))
            self._total = self._total + measures
            self.position = replace(position, count=position.count + 1)
            self._skipped_in_a_row = 0
            return
        self.position = replace(position, skipped=position.skipped + 1)
        self._skipped_in_a_row += 1
        if self._skipped_in_a_row >= _MOST_SKIPPED:
            msg = (
                f"the gradient was not finite in {_MOST_SKIPPED} steps in a row, up to step {number + 1}: "
                "start a new run with a lower learning rate, or in float32"
            )
            raise InputError(msg)

    def report(self, progress: Progress) -> None:
        """Write a row of the log: means since the last one."""
        position = self.position
        if not position.count:
            return
        row = dict(zip(self.task.measures, (self._total / position.count).tolist(), strict=True))
        if self._log is not None:
            rate = _rate(self.task.settings, position.step - 1)
            self._log.write({"step": position.step, "seconds": self.seconds, "learning_rate": rate, **row})
        self._total = torch.zeros_like(self._total)
        self.position = replace(position, count=0)
        words = ", ".join(f"{name} {value:.3f}" for name, value in row.items())
        skipped = f"; {position.skipped} steps skipped, not finite" if position.skipped else ""
        if position.best_step:
            words += f"; best of the checks {position.best_score:.3f}"
        progress(position.step / self.task.settings.steps, f"step {position.step}: {words}{skipped}")

    def save(self) -> None:
        """Write the checkpoint and the curves."""
        if not self._team.leads:
            return
        save_checkpoint(
            self._out / CHECKPOINT,
            settings=self.task.settings,
            position=replace(
                self.position,
                seconds=self.seconds,
                total=tuple(self._total.tolist()),
                record=self._record.extended(self.chunk_seconds, self._team.device, self._team.size),
            ),
            model=self._model,
            average=self.average,
            optimizer=self._optimizer,
        )
        try:
            draw_curves(self._out / LOG, self._out / CURVES, self.task.curves)
        except (ImportError, OSError):  # a picture is worth less than a run: the log has it all
            return


def _rate(settings: RunSettings, step: int) -> float:
    """Return the learning rate of a step: a rise, then a cosine."""
    rise = min(1.0, (step + 1) / settings.warmup) if settings.warmup else 1.0
    wave = 0.5 * (1 + math.cos(math.pi * step / settings.steps))
    return settings.learning_rate * rise * (wave * (1 - _FLOOR) + _FLOOR)


def _parameter_groups(model: nn.Module) -> list[dict[str, Any]]:
    """Return what is optimized: groups with a ``rate`` relative to the learning rate, where the model gives some."""
    given = getattr(model, "parameter_groups", None)
    return [{"params": list(model.parameters())}] if given is None else list(given())


@torch.no_grad()
def _follow(average: nn.Module, model: nn.Module, decay: float) -> None:
    """Move the averaged weights toward the model's; statistics of batches are those of the model."""
    own: list[Tensor] = list(average.parameters())
    torch._foreach_lerp_(own, [value.detach() for value in model.parameters()], 1 - decay)
    for mine, its in zip(average.buffers(), model.buffers(), strict=True):
        mine.copy_(its)
