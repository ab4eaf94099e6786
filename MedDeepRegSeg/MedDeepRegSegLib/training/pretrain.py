"""Pre-train the encoder on synthetic pairs, in chunks that can be stopped and go on exactly where they were.

On one processor or GPU:       python -m MedDeepRegSegLib.training pretrain --out RUN --minutes 8
On several, or several cores:  torchrun --nproc-per-node 2 -m MedDeepRegSegLib.training pretrain --out RUN
"""

import copy
import math
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.outputs import write_json
from MedDeepRegSegLib.jobs.progress import NOTE, CancelToken, Progress, no_progress
from MedDeepRegSegLib.jobs.schema import to_json
from MedDeepRegSegLib.models.encoder import Encoder
from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.training.ahead import Ahead
from MedDeepRegSegLib.training.checkpoint import Position, load_checkpoint, save_checkpoint
from MedDeepRegSegLib.training.curves import draw_curves
from MedDeepRegSegLib.training.log import TrainingLog
from MedDeepRegSegLib.training.objective import MEASURES, PretrainObjective
from MedDeepRegSegLib.training.pair_source import PairSource
from MedDeepRegSegLib.training.record import UNRECORDED, HardwareTime, record_of
from MedDeepRegSegLib.training.run_lock import sole_writer
from MedDeepRegSegLib.training.settings import PretrainSettings
from MedDeepRegSegLib.training.team import Team, process_number

CHECKPOINT, LOG, CURVES, SETTINGS = "checkpoint.safetensors", "log.csv", "curves.png", "settings.json"
COLUMNS = ("step", "seconds", "learning_rate", *MEASURES)

_CURVE_GROUPS = {
    "Losses": ("local", "global", "context", "region", "boundary", "position"),
    "Right place preferred (fraction)": ("local_accuracy", "context_accuracy"),
}
_GRADIENT_NORM = 2.0
_FLOOR = 0.02  # of the learning rate, at the end
_ANCHORS = 2
_MOST_SKIPPED = 20


@dataclass(frozen=True)
class PretrainResult:
    """Where a chunk ended: the step, the seconds of all chunks, and the averaged encoder."""

    step: int
    seconds: float
    encoder: Encoder


def pretrain(
    settings: PretrainSettings,
    out: Path,
    *,
    maps: Path | None = None,
    device: str = "cpu",
    minutes: float = math.inf,
    report_every: int = 50,
    save_minutes: float = 3.0,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> PretrainResult:
    """Train until the last step, or until the time of this chunk is over.

    Parameters
    ----------
    settings : PretrainSettings
    out : Path
        Folder of the run: checkpoint, log and curves. A run that is there goes on.
    maps : Path, optional
        Packed real label maps.
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
        team = stack.enter_context(Team(device))
        run = _Run(settings, out, maps, team)
        stack.callback(run.close)
        run.begin(progress)
        last_saved = time.monotonic()
        saved_step = run.position.step
        while run.position.step < settings.steps:
            run.step()
            step = run.position.step
            if step % report_every == 0 or step == settings.steps:
                run.report(progress)
            over = run.chunk_seconds > 60 * minutes or (cancel is not None and cancel.canceled)
            if team.any(over):
                break
            if time.monotonic() - last_saved > 60 * save_minutes:
                run.save()
                last_saved, saved_step = time.monotonic(), step
        if run.position.step != saved_step:
            run.save()
    if cancel is not None and cancel.canceled:
        msg = f"canceled at step {run.position.step}; the run was saved and can go on"
        raise Canceled(msg)
    return PretrainResult(run.position.step, run.seconds, run.average.encoder.eval().cpu())


class _Run:
    """The state of a run, and what is done with it."""

    def __init__(self, settings: PretrainSettings, out: Path, maps: Path | None, team: Team) -> None:
        self.settings, self._out, self._team = settings, out, team
        self._source = PairSource(settings, maps, process=team.rank, device=team.device)
        self._batches = Ahead(self._source.batch)
        with torch.random.fork_rng(devices=[]):  # the caller's random numbers are left alone
            torch.default_generator.manual_seed(settings.seed)
            model = PretrainObjective(settings, self._source.class_count)
        self._model: PretrainObjective = model.to(team.device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self._model).requires_grad_(False)
        self._optimizer = torch.optim.AdamW(
            self._model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, betas=(0.9, 0.98)
        )
        self.position = Position()
        self._record = record_of(maps)
        self._log: TrainingLog | None = None
        self._shared = self._model
        self._began = time.monotonic()
        self._total = torch.zeros(len(MEASURES), device=team.device)
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
        """End the thread that makes pairs."""
        self._batches.close()

    def begin(self, progress: Progress) -> None:
        """Start, or go on from the checkpoint that is there."""
        if (self._out / CHECKPOINT).exists():
            self._resume(progress)
        elif self._team.leads:
            write_json(self._out / SETTINGS, to_json(self.settings))
        if not self._team.same(self.position.step):
            msg = f"the processes see different checkpoints in {self._out}: use a folder that all of them share"
            raise InputError(msg)
        if self._team.leads:
            self._log = TrainingLog(self._out / LOG, COLUMNS, after=self.position.step)
        self._shared = self._team.share(self._model)
        self._began = time.monotonic()

    def _resume(self, progress: Progress) -> None:
        self.position = load_checkpoint(
            self._out / CHECKPOINT,
            settings=self.settings,
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
        self._record = known
        if known.processes and self._team.size not in known.processes:
            before = " and ".join(map(str, known.processes))
            note = f"trained with {before} processes so far, now with {self._team.size}: a run of its own, not to be repeated"
            progress(self.position.step / self.settings.steps, NOTE + note)

    def step(self) -> None:
        """Make one update; none where the gradient is not finite."""
        settings, number = self.settings, self.position.step
        for group in self._optimizer.param_groups:
            group["lr"] = _rate(settings, number)
        random = Randomness(settings.seed, self._team.rank, number, _ANCHORS, device=self._team.device)
        measures: Tensor = self._shared(self._batches(number), random)
        self._optimizer.zero_grad(set_to_none=True)
        measures[0].backward()
        norm = nn.utils.clip_grad_norm_(self._model.parameters(), _GRADIENT_NORM)
        measures = self._team.mean(measures.detach())
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
        row = dict(zip(MEASURES, (self._total / position.count).tolist(), strict=True))
        if self._log is not None:
            rate = _rate(self.settings, position.step - 1)
            self._log.write({"step": position.step, "seconds": self.seconds, "learning_rate": rate, **row})
        self._total = torch.zeros_like(self._total)
        self.position = replace(position, count=0)
        words = ", ".join(f"{name} {value:.3f}" for name, value in row.items())
        skipped = f"; {position.skipped} steps skipped, not finite" if position.skipped else ""
        progress(position.step / self.settings.steps, f"step {position.step}: {words}{skipped}")

    def save(self) -> None:
        """Write the checkpoint and the curves."""
        if not self._team.leads:
            return
        save_checkpoint(
            self._out / CHECKPOINT,
            settings=self.settings,
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
            draw_curves(self._out / LOG, self._out / CURVES, _CURVE_GROUPS)
        except (ImportError, OSError):  # a picture is worth less than a run: the log has it all
            return


def _rate(settings: PretrainSettings, step: int) -> float:
    """Return the learning rate of a step: a rise, then a cosine."""
    rise = min(1.0, (step + 1) / settings.warmup) if settings.warmup else 1.0
    wave = 0.5 * (1 + math.cos(math.pi * step / settings.steps))
    return settings.learning_rate * rise * (wave * (1 - _FLOOR) + _FLOOR)


@torch.no_grad()
def _follow(average: nn.Module, model: nn.Module, decay: float) -> None:
    """Move the averaged weights toward the model's."""
    own: list[Tensor] = list(average.parameters())
    torch._foreach_lerp_(own, [value.detach() for value in model.parameters()], 1 - decay)
