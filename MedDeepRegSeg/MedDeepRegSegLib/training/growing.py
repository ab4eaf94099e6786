"""Train the growing network on synthetic objects with a simulated user, from random weights or from those of a model.

python -m MedDeepRegSegLib.training growing --out RUN --maps MAPS.npz --start MODEL_DIR --minutes 60
"""

from pathlib import Path
from typing import Unpack

from torch import Tensor, nn

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.models.growing_network import GrowingNetworkSettings
from MedDeepRegSegLib.training.growing_objective import MEASURES, GrowingObjective
from MedDeepRegSegLib.training.growing_settings import GrowingTrainSettings
from MedDeepRegSegLib.training.growing_source import GrowingSource
from MedDeepRegSegLib.training.run import RunOptions, Task, TrainResult, train
from MedDeepRegSegLib.training.team import Team


def train_growing(
    settings: GrowingTrainSettings,
    out: Path,
    *,
    maps: Path | None = None,
    start: dict[str, Tensor] | None = None,
    **options: Unpack[RunOptions],
) -> TrainResult:
    """Train until the last step, or until the time of this chunk is over.

    Parameters
    ----------
    settings : GrowingTrainSettings
    out : Path
        Folder of the run. A run that is there goes on.
    maps : Path, optional
        Packed real label maps.
    start : dict of str to Tensor, optional
        Weights to begin from.
    **options
        Device, time and reports, see :func:`MedDeepRegSegLib.training.run.train`; so are the errors.
    """

    def make_task(team: Team) -> Task:
        source = GrowingSource(settings, maps, process=team.rank, device=team.device)

        def objective() -> nn.Module:
            module = GrowingObjective(settings)
            if start is not None:
                module.network.load_state_dict(start)
            return module

        return Task(settings, MEASURES, source.batch, objective, {"Loss": ("loss",), "Dice": MEASURES[1:]})

    return train(make_task, out, maps=maps, **options)


def weights_from(folder: Path, settings: GrowingNetworkSettings) -> tuple[str, dict[str, Tensor]]:
    """Return the SHA-256 and the weights of a model folder of a growing network, float32.

    Raises
    ------
    InputError
        If the folder is not one of those, or its network has other sizes than those that are trained.
    """
    from MedDeepRegSegLib.models.growing_loader import load_growing

    loaded = load_growing(folder)
    if loaded.network.settings != settings:
        msg = f"{folder} holds a network of other sizes than the run trains ({settings}): choose another model"
        raise InputError(msg)
    return loaded.description.weights_sha256, loaded.network.state_dict()
