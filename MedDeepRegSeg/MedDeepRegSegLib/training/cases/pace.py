"""How fast a training is on this machine: some steps on noise, before it begins."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.training.cases.objective import CaseBatch, CaseObjective
from MedDeepRegSegLib.training.cases.settings import CaseTrainSettings

_STEPS = 3  # at least
_SECONDS = 6.0  # as many as fit: another program may be busy for a moment
_OVERLAP = 0.25  # of the windows of a check, see validation.py


@dataclass(frozen=True)
class Pace:
    """Seconds of a step, and of a check of all validation cases."""

    step_seconds: float
    check_seconds: float


def measure_pace(
    settings: CaseTrainSettings,
    checked_voxels: float,
    device: str,
    *,
    clock: Callable[[], float] = time.perf_counter,
    cancel: CancelToken | None = None,
) -> Pace:
    """Return how long steps and checks take.

    Parameters
    ----------
    settings : CaseTrainSettings
    checked_voxels : float
        Of all validation cases that are checked, on the grid that the network works with.
    device : {"cpu", "cuda"}
    clock : callable
        Returns the time, seconds; ``time.process_time`` counts that of the processor.
    cancel
        As everywhere.
    """
    objective = CaseObjective(settings).to(device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    random = Randomness(settings.seed, device=device)
    shape = (settings.batch, settings.network.inputs, *settings.patch)
    batch = CaseBatch(
        random.normal(*shape),
        random.integers(0, settings.network.classes - 1, settings.batch, *settings.patch),
        torch.ones(settings.batch, settings.network.classes, dtype=torch.bool, device=device),
    )
    steps: list[float] = []
    answers: list[float] = []
    while len(steps) < _STEPS or sum(steps) + sum(answers) < _SECONDS:
        if cancel is not None:
            cancel.raise_if_canceled()
        began = clock()
        for _ in range(settings.parts):
            objective(batch, random)[0].backward()
        _finish(device)
        steps.append(clock() - began)
        with torch.inference_mode():
            began = clock()
            objective.eval().network(batch.values[:1])
            _finish(device)
            answers.append(clock() - began)
            objective.train()
    patch = float(torch.tensor(settings.patch).prod())
    windows = checked_voxels / (patch * (1 - _OVERLAP) ** 3)
    # The first step also allocates memory and chooses kernels.
    return Pace(min(steps[1:]), windows * min(answers))


def _finish(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()
