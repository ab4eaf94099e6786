"""What is asked of every job that trains for some minutes or steps; without PyTorch, so that panels can make requests."""

from dataclasses import dataclass
from pathlib import Path

from MedDeepRegSegLib.training.run_folder import what_a_cancel_left


@dataclass(frozen=True)
class TimedRequest:
    """What to train on, and how long."""

    dataset: Path
    """File of a dataset."""
    out: Path
    """Folder of the model."""
    minutes: float | None = None
    """Time of the training itself, on this machine, by which the number of steps is chosen; 10 where steps are not given
    either. A run that goes on is stopped after this time; without it, after its last step."""
    steps: int | None = None
    """Updates, instead of a time."""
    resume: bool = False
    """Go on with the run that lies in the folder, as it was begun."""
    start: Path | None = None
    """Folder of the model of this kind to begin from; the one that ships without."""
    device: str = "auto"
    """``auto``, ``cpu`` or ``cuda``."""
    seed: int = 0

    def if_canceled(self) -> str:
        """Return what a person who canceled is told."""
        return what_a_cancel_left(self.out)
