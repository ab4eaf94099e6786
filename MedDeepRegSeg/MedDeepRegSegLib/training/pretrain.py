"""Pre-train the encoder on synthetic pairs, in chunks that can be stopped and go on exactly where they were.

On one processor or GPU:       python -m MedDeepRegSegLib.training pretrain --out RUN --minutes 8
On several, or several cores:  torchrun --nproc-per-node 2 -m MedDeepRegSegLib.training pretrain --out RUN
"""

import math
from dataclasses import dataclass
from pathlib import Path

from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress
from MedDeepRegSegLib.models.encoder import Encoder
from MedDeepRegSegLib.training.objective import MEASURES, PretrainObjective
from MedDeepRegSegLib.training.pair_source import PairSource
from MedDeepRegSegLib.training.run import CHECKPOINT, CURVES, LOG, SETTINGS, Task, train
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

    def task(team: Team) -> Task:
        source = PairSource(settings, maps, process=team.rank, device=team.device)
        return Task(settings, MEASURES, source.batch, lambda: PretrainObjective(settings, source.class_count), _CURVES)

    result = train(
        task,
        out,
        maps=maps,
        device=device,
        minutes=minutes,
        report_every=report_every,
        save_minutes=save_minutes,
        progress=progress,
        cancel=cancel,
    )
    objective = result.average
    assert isinstance(objective, PretrainObjective)
    return PretrainResult(result.step, result.seconds, objective.encoder)
