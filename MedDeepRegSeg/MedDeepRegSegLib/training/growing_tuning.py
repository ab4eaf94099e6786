"""Fine-tune the growing network on the cases of a dataset, with the simulated user of its first training."""

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import torch
from torch import Tensor, nn

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.jobs.schema import from_json
from MedDeepRegSegLib.models.growing_loader import load_growing
from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.training.case_objects import ObjectCases
from MedDeepRegSegLib.training.checkpoint import read_checkpoint
from MedDeepRegSegLib.training.growing import MEASURES, GrowingObjective, GrowingTrainSettings
from MedDeepRegSegLib.training.growing_cases import CaseSource, GrowingTuning
from MedDeepRegSegLib.training.growing_source import GrowingSource
from MedDeepRegSegLib.training.run import CHECKPOINT, SETTINGS, RunOptions, Task, TrainResult, train
from MedDeepRegSegLib.training.settings import Precision
from MedDeepRegSegLib.training.team import Team

if TYPE_CHECKING:
    from MedDeepRegSegLib.models.growing_network import GrowingNetwork

_TIMED = 4
_LEAST_STEPS, _MOST_STEPS = 10, 20_000
_SYNTHETIC, _SYNTHETIC_SIDE, _SYNTHETIC_SEED = 12, 48, 90_001


@dataclass(frozen=True, eq=False)
class Start:
    """Weights to begin from, float32, and their SHA-256."""

    network: "GrowingNetwork"
    sha256: str

    @property
    def weights(self) -> dict[str, Tensor]:
        """Tensors by name."""
        return self.network.state_dict()


def start_from(folder: Path | None = None) -> Start:
    """Return the weights of a model folder; of the growing network that ships without one."""
    loaded = load_growing(folder)
    return Start(loaded.network, loaded.description.weights_sha256)


def tune(
    settings: GrowingTuning,
    cases: ObjectCases,
    out: Path,
    *,
    start: Mapping[str, Tensor] | None,
    **options: Unpack[RunOptions],
) -> TrainResult:
    """Train until the last step, or until the time of this chunk is over.

    Parameters
    ----------
    settings : GrowingTuning
    cases : ObjectCases
        Those for training.
    out : Path
        Folder of the run. A run that is there goes on.
    start : mapping of str to Tensor, or None
        Weights to begin from; a run that goes on has its own.
    **options
        Device, time and reports, see :func:`MedDeepRegSegLib.training.run.train`; so are the errors.
    """

    def make_task(team: Team) -> Task:
        source = CaseSource(settings, cases, process=team.rank, device=team.device)

        def objective() -> nn.Module:
            module = GrowingObjective(settings.growing)
            if start is not None:
                module.network.load_state_dict(start)
            return module

        return Task(settings, MEASURES, source.batch, objective, {"Loss": ("loss",), "Dice": MEASURES[1:]})

    return train(make_task, out, **options)


def known_settings(run: Path) -> GrowingTuning | None:
    """Return the settings of the run that lies in a folder, or None where there is none.

    Raises
    ------
    InputError
        If what lies there is damaged, or a run of another kind.
    """
    if (run / CHECKPOINT).exists():
        return read_checkpoint(run / CHECKPOINT, GrowingTuning).settings
    if not (run / SETTINGS).exists():
        return None
    try:
        return from_json(GrowingTuning, json.loads((run / SETTINGS).read_text(encoding="utf-8")))
    except (OSError, ValueError, InputError) as error:
        msg = f"{run / SETTINGS} is damaged or of another kind of run ({error}): choose another folder"
        raise InputError(msg) from error


def in_time(
    settings: GrowingTuning,
    cases: ObjectCases,
    start: Start,
    minutes: float,
    device: str,
    *,
    cancel: CancelToken | None = None,
) -> GrowingTuning:
    """Return the settings with as many steps as fit into a time here: some steps are timed.

    Raises
    ------
    InputError
        If the time is not positive, or the cases have no objects.
    """
    if not (math.isfinite(minutes) and minutes > 0):
        msg = f"minutes is {minutes}, expected a positive number: 10 is a good beginning"
        raise InputError(msg)
    objective = GrowingObjective(settings.growing)
    objective.network.load_state_dict(start.weights)
    objective.to(device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    source = CaseSource(settings, cases, device=device)
    seconds = 0.0
    for number in range(_TIMED + 1):
        if cancel is not None:
            cancel.raise_if_canceled()
        batch = source.batch(number)  # in training, the next one is made meanwhile
        began = time.perf_counter()
        objective(batch, Randomness(settings.seed, number, device=device))[0].backward()
        seconds += (time.perf_counter() - began) * (number > 0)  # the first step also allocates memory
    steps = round(60 * minutes / max(seconds / _TIMED, 1e-3))
    steps = min(max(steps, _LEAST_STEPS), _MOST_STEPS)
    growing = replace(settings.growing, steps=steps, warmup=min(settings.growing.warmup, steps // 5))
    return replace(settings, growing=growing)


@torch.inference_mode()
def synthetic_dice(network: "GrowingNetwork", *, cancel: CancelToken | None = None) -> float:
    """Return the mean Dice after 5 clicks on a dozen synthetic objects that no training draws: what is not forgotten."""
    settings = GrowingTrainSettings(
        objects=1, sides=(_SYNTHETIC_SIDE,), box_fraction=0.0, seed=_SYNTHETIC_SEED, network=network.settings
    )
    objective = GrowingObjective(settings)
    objective.network.load_state_dict(network.state_dict())
    source = GrowingSource(settings)
    total = 0.0
    for number in range(_SYNTHETIC):
        if cancel is not None:
            cancel.raise_if_canceled()
        total += float(objective(source.batch(number), _FiveClicks(_SYNTHETIC_SEED, number))[2])
    return total / _SYNTHETIC


class _FiveClicks(Randomness):
    """The same randomness, but the first number, that of clicks, is five."""

    _asked = False

    def integer(self, low: int, high: int) -> int:
        if not self._asked:
            self._asked = True
            return min(5, high)
        return super().integer(low, high)


def fast_precision(device: str) -> Precision:
    """Return the precision to train in: half where the processor or GPU has it, which is twice as fast."""
    if device == "cuda":
        return "bfloat16"
    able = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return "bfloat16" if able() else "float32"
