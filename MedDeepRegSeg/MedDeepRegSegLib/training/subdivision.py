"""Train a subdivision network by synthesis: images in random contrast of label maps, whose parts it learns to name.

On one processor or GPU:  python -m MedDeepRegSegLib.training subdivision --out RUN --maps MAPS.npz --minutes 30
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

from MedDeepRegSegLib.models.networks import load_encoder
from MedDeepRegSegLib.models.subdivision_network import SubdivisionNetwork
from MedDeepRegSegLib.synthesis.labeled_views import LabeledView, LabeledViews, ViewSettings
from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.training.run import RunOptions, Task, train
from MedDeepRegSegLib.training.subdivision_objective import MEASURES, SubdivisionObjective
from MedDeepRegSegLib.training.subdivision_settings import SubdivisionTraining
from MedDeepRegSegLib.training.team import Team

_CURVES = {
    "Losses": ("entropy", "overlap_loss", "side_loss"),
    "On synthetic images (fraction)": ("dice", "side_accuracy"),
}
_VIEW = 3


@dataclass(frozen=True, eq=False)
class SubdivisionResult:
    """Where a chunk ended: the step, the seconds of all chunks, and the averaged network."""

    step: int
    seconds: float
    network: SubdivisionNetwork


def train_subdivision(
    settings: SubdivisionTraining,
    out: Path,
    *,
    maps: Path,
    encoder: Path | None = None,
    **options: Unpack[RunOptions],
) -> SubdivisionResult:
    """Train until the last step, or until the time of this chunk is over.

    Parameters
    ----------
    settings : SubdivisionTraining
    out : Path
        Folder of the run. A run that is there goes on.
    maps : Path
        Packed label maps, see :mod:`MedDeepRegSegLib.synthesis.real_maps`.
    encoder : Path, optional
        Folder of the encoder that training starts from; without one, the encoder that ships.
    **options
        Device, time and reports: see :func:`MedDeepRegSegLib.training.run.train`.

    Raises
    ------
    InputError, Canceled
        See :func:`MedDeepRegSegLib.training.run.train`.
    """

    def task(team: Team) -> Task:
        source = ViewSource(settings, maps, process=team.rank, device=str(team.device))
        start = load_encoder(encoder).network
        return Task(settings, MEASURES, source.batch, lambda: SubdivisionObjective(settings, start), _CURVES)

    result = train(task, out, maps=maps, **options)
    objective = result.average
    assert isinstance(objective, SubdivisionObjective)
    return SubdivisionResult(result.step, result.seconds, objective.network)


class ViewSource:
    """Makes the views of one process; a view depends on seed, process and number alone.

    Parameters
    ----------
    settings : SubdivisionTraining
    maps : Path
    process : int
        Number of this process among those that train together.
    device : str
    """

    def __init__(self, settings: SubdivisionTraining, maps: Path, *, process: int = 0, device: str = "cpu") -> None:
        views = ViewSettings(
            spacing_mm=(settings.smallest_voxel, settings.largest_voxel),
            tissue_fraction=settings.tissue_fraction,
            stripped_fraction=settings.stripped_fraction,
        )
        self._settings, self._process, self._device = settings, process, device
        self._views = LabeledViews(maps, settings.parts, settings.unknown, views, device)

    def batch(self, step: int) -> list[LabeledView]:
        """Return the views of a step."""
        return [self._view(step * self._settings.views + number) for number in range(self._settings.views)]

    def _view(self, index: int) -> LabeledView:
        random = Randomness(self._settings.seed, self._process, index, _VIEW, device=self._device)
        return self._views.draw((self._settings.side,) * 3, random)
