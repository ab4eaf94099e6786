"""Fine-tune the growing network on the cases of a dataset, with the simulated user of its first training."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import torch
from torch import Tensor, nn

from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.models.growing_loader import load_growing
from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.training.case_objects import ObjectCases
from MedDeepRegSegLib.training.growing_cases import CaseSource, GrowingTuning
from MedDeepRegSegLib.training.growing_objective import MEASURES, GrowingObjective
from MedDeepRegSegLib.training.growing_settings import GrowingTrainSettings
from MedDeepRegSegLib.training.growing_source import GrowingSource
from MedDeepRegSegLib.training.run import RunOptions, Task, TrainResult, train
from MedDeepRegSegLib.training.team import Team
from MedDeepRegSegLib.training.timed_run import steps_in_time

if TYPE_CHECKING:
    from MedDeepRegSegLib.models.growing_network import GrowingNetwork

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


def in_time(
    settings: GrowingTuning,
    cases: ObjectCases,
    start: Start,
    minutes: float | None,
    device: str,
    *,
    cancel: CancelToken | None = None,
) -> GrowingTuning:
    """Return the settings with as many steps as fit into a time here, see :func:`~.timed_run.steps_in_time`.

    Raises
    ------
    InputError
        If the time is not positive, or the cases have no objects.
    """
    objective = GrowingObjective(settings.growing)
    objective.network.load_state_dict(start.weights)
    source = CaseSource(settings, cases, device=device)
    steps = steps_in_time(objective, source.batch, minutes, device, seed=settings.seed, cancel=cancel)
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
