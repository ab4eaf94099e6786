"""What jobs share that train for some minutes or steps: begin or go on, count the steps that fit, choose the precision."""

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.jobs.schema import from_json
from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.training.checkpoint import read_checkpoint
from MedDeepRegSegLib.training.run import CHECKPOINT, SETTINGS
from MedDeepRegSegLib.training.run_folder import RUN
from MedDeepRegSegLib.training.settings import Precision
from MedDeepRegSegLib.training.timed_request import TimedRequest

MINUTES = 10.0
"""Of a training for which neither a time nor steps are asked for."""
_SLACK = 1.5  # a machine that has become slower may take so much longer
_TIMED = 4
_LEAST_STEPS, _MOST_STEPS = 10, 20_000

S = TypeVar("S")


def known_settings(run: Path, kind: type[S]) -> S | None:
    """Return the settings of the run that lies in a folder, or None where there is none.

    Raises
    ------
    InputError
        If what lies there is damaged, or a run of another kind.
    """
    if (run / CHECKPOINT).exists():
        return read_checkpoint(run / CHECKPOINT, kind).settings
    if not (run / SETTINGS).exists():
        return None
    try:
        return from_json(kind, json.loads((run / SETTINGS).read_text(encoding="utf-8")))
    except (OSError, ValueError, InputError) as error:
        msg = f"{run / SETTINGS} is damaged or of another kind of run ({error}): choose another folder"
        raise InputError(msg) from error


def settings_to_go_on(request: TimedRequest, kind: type[S]) -> S | None:
    """Return the settings of the run that goes on, or None where a new one begins.

    Raises
    ------
    InputError
        If a run is to go on that is not there, or to begin where one lies, or time and steps contradict each other.
    """
    known = known_settings(request.out / RUN, kind)
    if request.resume:
        if request.steps is not None:
            msg = "steps are given beside resume: a run goes on as it was begun; leave them out, or begin another run"
            raise InputError(msg)
        if known is None:
            msg = f"{request.out / RUN} holds no run to go on with: leave out resume, or give the folder of the model"
            raise InputError(msg)
        return known
    if known is not None:
        msg = f"{request.out} holds a run already: go on with it (resume), or choose another folder"
        raise InputError(msg)
    if request.steps is not None and request.minutes is not None:
        msg = "both steps and minutes are given, expected one of them: leave one out"
        raise InputError(msg)
    return None


def check_same(out: Path, *, cases: tuple[str, str], start: tuple[str, str]) -> None:
    """Refuse to go on with a run from other cases or weights: pairs of the SHA-256 that it knows and of what is there now.

    Raises
    ------
    InputError
        If they differ.
    """
    for (known, now), what, how in (
        (cases, "with other cases", "give the dataset as it was"),
        (start, "from another model", "give the same one to start from"),
    ):
        if known != now:
            msg = f"the run in {out / RUN} was begun {what}: {how}, or begin another run"
            raise InputError(msg)


def minutes_of_chunk(request: TimedRequest) -> float:
    """Return the minutes after which training is stopped, finished or not."""
    if request.resume:
        return math.inf if request.minutes is None else request.minutes
    return math.inf if request.steps is not None else _SLACK * (request.minutes or MINUTES)


def steps_in_time(
    objective: nn.Module,
    batch: Callable[[int], Any],
    minutes: float | None,
    device: str,
    *,
    seed: int,
    cancel: CancelToken | None = None,
) -> int:
    """Return how many steps fit into a time here: some are timed.

    Parameters
    ----------
    objective : nn.Module
        As in :class:`~MedDeepRegSegLib.training.run.Task`, with the weights to begin from; it is moved to the device.
    batch : callable
        As there; its batches are on the device.
    minutes : float or None
        :data:`MINUTES` where it is None.
    device : {"cpu", "cuda"}
    seed : int
    cancel
        As everywhere.

    Raises
    ------
    InputError
        If the time is not positive.
    """
    minutes = MINUTES if minutes is None else minutes
    if not (math.isfinite(minutes) and minutes > 0):
        msg = f"minutes is {minutes}, expected a positive number: {MINUTES:g} is a good beginning"
        raise InputError(msg)
    objective.to(device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    seconds = 0.0
    for number in range(_TIMED + 1):
        if cancel is not None:
            cancel.raise_if_canceled()
        made = batch(number)  # in training, the next one is made meanwhile
        began = time.perf_counter()
        objective(made, Randomness(seed, number, device=device))[0].backward()
        if device == "cuda":
            torch.cuda.synchronize()
        seconds += (time.perf_counter() - began) * (number > 0)  # the first step also allocates memory
    return min(max(round(60 * minutes / max(seconds / _TIMED, 1e-3)), _LEAST_STEPS), _MOST_STEPS)


def fast_precision(device: str) -> Precision:
    """Return the precision to train in: half where the processor or GPU has it, which is twice as fast."""
    if device == "cuda":
        return "bfloat16"
    able = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return "bfloat16" if able() else "float32"
