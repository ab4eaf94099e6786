"""Pre-train the encoder on synthetic pairs, in chunks that can be stopped and go on exactly where they were.

On one processor or GPU:       python -m MedDeepRegSegLib.training pretrain --out RUN --minutes 8
On several, or several cores:  torchrun --nproc-per-node 2 -m MedDeepRegSegLib.training pretrain --out RUN
"""

import copy
import math
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from MedDeepRegSegLib.jobs.outputs import write_json
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress
from MedDeepRegSegLib.jobs.schema import to_json
from MedDeepRegSegLib.models.encoder import Encoder
from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.training.ahead import Ahead
from MedDeepRegSegLib.training.checkpoint import load_checkpoint, save_checkpoint
from MedDeepRegSegLib.training.log import TrainingLog, draw_curves
from MedDeepRegSegLib.training.objective import MEASURES, PretrainObjective
from MedDeepRegSegLib.training.pair_source import PairSource
from MedDeepRegSegLib.training.settings import PretrainSettings

CHECKPOINT, LOG, CURVES, SETTINGS = "checkpoint.safetensors", "log.csv", "curves.png", "settings.json"
COLUMNS = ("step", "seconds", "learning_rate", *MEASURES)

_CURVE_GROUPS = {
    "Losses": ("loss", "local", "global", "context", "region"),
    "Right place preferred (fraction)": ("local_accuracy", "context_accuracy"),
}
_GRADIENT_NORM = 2.0
_FLOOR = 0.02  # of the learning rate, at the end
_ANCHORS = 2


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
        When the folder holds a run with other settings, or a file is damaged.
    """
    team = _Team(device)
    torch.manual_seed(settings.seed)
    source = PairSource(settings, maps, process=team.rank, device=team.device)
    objective = PretrainObjective(settings, source.class_count)
    objective = objective.to(team.device, memory_format=torch.channels_last_3d)
    average = copy.deepcopy(objective).requires_grad_(False)
    optimizer = torch.optim.AdamW(
        objective.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, betas=(0.9, 0.98)
    )
    step, spent = 0, 0.0
    if (out / CHECKPOINT).exists():
        step, spent = load_checkpoint(
            out / CHECKPOINT, settings=settings, model=objective, average=average, optimizer=optimizer
        )
    elif team.leads:
        write_json(out / SETTINGS, to_json(settings))
    log = TrainingLog(out / LOG, COLUMNS, after=step) if team.leads else None
    shared, batches = team.share(objective), Ahead(source.batch)
    began = last_saved = time.monotonic()

    def save() -> None:
        if team.leads:
            seconds = spent + time.monotonic() - began
            save_checkpoint(
                out / CHECKPOINT,
                settings=settings,
                step=step,
                seconds=seconds,
                model=objective,
                average=average,
                optimizer=optimizer,
            )
            with suppress(ModuleNotFoundError):  # matplotlib is optional; the log has it all
                draw_curves(out / LOG, out / CURVES, _CURVE_GROUPS)

    total, count = torch.zeros(len(MEASURES), device=team.device), 0
    saved_step = step
    while step < settings.steps:
        for group in optimizer.param_groups:
            group["lr"] = _rate(settings, step)
        random = Randomness(settings.seed, team.rank, step, _ANCHORS, device=team.device)
        measures = shared(batches(step), random)
        optimizer.zero_grad(set_to_none=True)
        measures[0].backward()
        nn.utils.clip_grad_norm_(objective.parameters(), _GRADIENT_NORM)
        optimizer.step()
        step += 1
        _follow(average, objective, min(settings.average, step / (step + 10)))
        total, count = total + measures.detach(), count + 1
        if step % report_every == 0 or step == settings.steps:
            row = dict(zip(MEASURES, team.mean(total / count).tolist(), strict=True))
            total, count = torch.zeros_like(total), 0
            seconds = spent + time.monotonic() - began
            if log is not None:
                log.write({"step": step, "seconds": seconds, "learning_rate": _rate(settings, step - 1), **row})
            progress(step / settings.steps, f"step {step}: " + ", ".join(f"{k} {v:.3f}" for k, v in row.items()))
        over = time.monotonic() - began > 60 * minutes or (cancel is not None and cancel.canceled)
        if team.agree(over):
            break
        if time.monotonic() - last_saved > 60 * save_minutes:
            save()
            last_saved, saved_step = time.monotonic(), step
    batches.close()
    if step != saved_step:
        save()
    team.disband()
    if cancel is not None:
        cancel.raise_if_canceled()
    return PretrainResult(step, spent + time.monotonic() - began, average.encoder.eval().cpu())


def _rate(settings: PretrainSettings, step: int) -> float:
    """Return the learning rate of a step: a rise, then a cosine."""
    rise = min(1.0, (step + 1) / settings.warmup)
    wave = 0.5 * (1 + math.cos(math.pi * step / settings.steps))
    return settings.learning_rate * rise * (wave * (1 - _FLOOR) + _FLOOR)


@torch.no_grad()
def _follow(average: nn.Module, model: nn.Module, decay: float) -> None:
    """Move the averaged weights toward the model's."""
    own, other = list(average.parameters()), [value.detach() for value in model.parameters()]
    torch._foreach_lerp_(own, other, 1 - decay)


class _Team:
    """The processes that train together under torchrun; a single one without it."""

    def __init__(self, device: str) -> None:
        self.rank, self.size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
        self.device = torch.device("cpu")
        if device == "cuda":
            self.device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
            torch.cuda.set_device(self.device)
            torch.backends.cudnn.benchmark = True
        if self.size > 1:
            torch.distributed.init_process_group("nccl" if device == "cuda" else "gloo")

    @property
    def leads(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def share(self, model: nn.Module) -> Callable:
        """Return the model so that gradients are averaged over the processes."""
        if self.size == 1:
            return model
        return DistributedDataParallel(model, device_ids=None if self.device.type == "cpu" else [self.device.index])

    def mean(self, values: torch.Tensor) -> torch.Tensor:
        """Return the mean over the processes."""
        if self.size > 1:
            torch.distributed.all_reduce(values)
        return values / self.size

    def agree(self, over: bool) -> bool:
        """Return whether any process wants to end: all must end at the same step."""
        if self.size == 1:
            return over
        flag = torch.tensor(float(over), device=self.device)
        torch.distributed.all_reduce(flag)
        return bool(flag > 0)

    def disband(self) -> None:
        """End the common work."""
        if self.size > 1:
            torch.distributed.barrier()
            torch.distributed.destroy_process_group()
