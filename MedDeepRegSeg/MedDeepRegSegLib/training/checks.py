"""Checks of a run: now and then the averaged weights are measured on what training does not see, and the best are kept."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.outputs import atomic_path
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress
from MedDeepRegSegLib.training.checkpoint import Position
from MedDeepRegSegLib.training.curves import draw_curves
from MedDeepRegSegLib.training.log import TrainingLog
from MedDeepRegSegLib.training.team import Team

BEST, CHECK_LOG, CHECK_CURVES = "best.safetensors", "validation.csv", "validation.png"

_KEY = "meddeep-best"
_NEVER = -1.0


@dataclass(frozen=True, eq=False)
class Check:
    """How, and how often, weights are measured.

    Attributes
    ----------
    every : int
        Steps between two checks; the last step is checked, too.
    measures : tuple of str
        Names of what is measured; the first is the score, from 0 on, of which more is better.
    measure : callable
        Gets the objective with the averaged weights, the step, the best score so far and the token to cancel; returns a
        number for each of the measures.
    curves : mapping
        Title of a panel of the picture to the names of its measures.
    patience : int
        Checks without a better score after which the run ends; 0 to go on to the last step.
    """

    every: int
    measures: tuple[str, ...]
    measure: Callable[[nn.Module, int, float, CancelToken], Mapping[str, float]]
    curves: Mapping[str, Sequence[str]]
    patience: int = 0


class Checks:
    """The checks of one run.

    Parameters
    ----------
    check : Check
    out : Path
        Folder of the run: gets the log of checks, and the best weights.
    steps : int
        Of the whole run.
    """

    def __init__(self, check: Check, out: Path, steps: int) -> None:
        self._check, self._out, self._steps = check, out, steps
        self._log: TrainingLog | None = None

    def open_log(self, position: Position) -> None:
        """Begin the log, or go on with it."""
        columns = ("step", "seconds", *self._check.measures)
        self._log = TrainingLog(self._out / CHECK_LOG, columns, after=position.checked)

    def due(self, position: Position) -> bool:
        """Return whether the weights are to be checked now."""
        step = position.step
        return step > position.checked and (step % self._check.every == 0 or step >= self._steps)

    def over(self, position: Position) -> bool:
        """Return whether the score has not got better for long."""
        patience = self._check.patience * self._check.every
        return 0 < patience <= position.checked - position.best_step

    def made(
        self,
        average: nn.Module,
        position: Position,
        *,
        team: Team,
        seconds: float,
        progress: Progress,
        cancel: CancelToken | None,
    ) -> Position | None:
        """Measure, and return where the run is then; None where it was canceled meanwhile."""
        found = torch.full((len(self._check.measures) + 1,), _NEVER, dtype=torch.float64, device=team.device)
        best = position.best_score if position.best_step else _NEVER
        if team.leads:
            try:
                measured = self._check.measure(average.eval(), position.step, best, cancel or CancelToken())
            except Canceled:
                pass
            else:
                found[0] = 1.0
                found[1:] = torch.tensor([measured[name] for name in self._check.measures], dtype=torch.float64)
        found = team.from_leader(found)
        if found[0] < 0:
            return None
        values = dict(zip(self._check.measures, found[1:].tolist(), strict=True))
        score = values[self._check.measures[0]]
        if self._log is not None:
            self._log.write({"step": position.step, "seconds": seconds, **values})
            with suppress(ImportError, OSError):  # a picture is worth less than a run: the log has it all
                draw_curves(self._log.path, self._out / CHECK_CURVES, self._check.curves)
        better = score > best
        # The weights come before the checkpoint that names them: a run that is killed between both checks again.
        if better and team.leads:
            _write_best(self._out / BEST, average, position.step)
        progress(
            min(position.step / self._steps, 1.0),
            f"step {position.step}: {self._check.measures[0].replace('_', ' ')} {score:.3f}{' (best so far)' if better else ''}",
        )
        position = replace(position, checked=position.step)
        return replace(position, best_step=position.step, best_score=score) if better else position


def _write_best(path: Path, average: nn.Module, step: int) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    tensors = {name: value.detach().cpu().contiguous().clone() for name, value in average.state_dict().items()}
    try:
        with atomic_path(path) as temporary:
            save_file(tensors, temporary, metadata={_KEY: json.dumps({"step": step})})
    except (OSError, SafetensorError) as error:
        msg = f"cannot save {path} ({error}): make room on the disk, then go on with the same command"
        raise InputError(msg) from error


def read_best(path: Path) -> tuple[int, dict[str, torch.Tensor]]:
    """Return the step and the weights that were the best of a run.

    Raises
    ------
    InputError
        When there are none, or the file is damaged.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        msg = f"{path} is missing: the run was not checked yet, or was moved; go on with the run"
        raise InputError(msg)
    try:
        with safe_open(path, framework="pt") as file:
            step = int(json.loads((file.metadata() or {})[_KEY])["step"])
            return step, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError, KeyError, ValueError, TypeError) as error:
        msg = f"{path} is damaged ({error}): remove it and go on with the run"
        raise InputError(msg) from error
