"""Pre-train the encoder on synthetic pairs, in chunks that can be stopped and go on exactly where they were.

On one processor or GPU:       python -m MedDeepRegSegLib.training pretrain --out RUN --minutes 8
On several, or several cores:  torchrun --nproc-per-node 2 -m MedDeepRegSegLib.training pretrain --out RUN
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

from MedDeepRegSegLib.models.encoder import Encoder
from MedDeepRegSegLib.training.objective import MEASURES, PretrainObjective
from MedDeepRegSegLib.training.pair_source import PairSource
from MedDeepRegSegLib.training.run import CHECKPOINT, CURVES, LOG, SETTINGS, RunOptions, Task, train
from MedDeepRegSegLib.training.settings import PretrainSettings
from MedDeepRegSegLib.training.team import Team

__all__ = ["CHECKPOINT", "COLUMNS", "CURVES", "LOG", "SETTINGS", "PretrainResult", "pretrain"]

COLUMNS = ("step", "seconds", "learning_rate", *MEASURES)

_CURVES = {
    "Losses": ("local", "global", "context", "region", "boundary", "position"),
    "Right place preferred (fraction)": ("local_accuracy", "context_accuracy"),
}


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
    **options: Unpack[RunOptions],
) -> PretrainResult:
    """Train until the last step, or until the time of this chunk is over.

    Parameters
    ----------
    settings : PretrainSettings
    out : Path
        Folder of the run: checkpoint, log and curves. A run that is there goes on.
    maps : Path, optional
        Packed real label maps.
    **options
        Device, time and reports, see :func:`MedDeepRegSegLib.training.run.train`; so are the errors.
    """

    def task(team: Team) -> Task:
        source = PairSource(settings, maps, process=team.rank, device=team.device)
        return Task(settings, MEASURES, source.batch, lambda: PretrainObjective(settings, source.class_count), _CURVES)

    result = train(task, out, maps=maps, **options)
    objective = result.average
    assert isinstance(objective, PretrainObjective)
    return PretrainResult(result.step, result.seconds, objective.encoder)
