"""What a training of the growing network can be told."""

from dataclasses import dataclass, field

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.models.growing_network import MULTIPLE, GrowingNetworkSettings
from MedDeepRegSegLib.training.settings import Precision
from MedDeepRegSegLib.training.settings_checks import check_counts, check_fractions, check_not_negative, check_positive


@dataclass(frozen=True)
class GrowingTrainSettings:
    """Settings of :func:`MedDeepRegSegLib.training.growing.train_growing`.

    Attributes
    ----------
    steps : int
        Updates of the whole run, over all chunks.
    objects : int
        Objects a step, in each process.
    sides : tuple of int
        Sides of the volumes, voxels, multiples of 16; the first is drawn most often.
    real_fraction : float
        Fraction (0 to 1) of objects from real label maps, where some are given.
    most_clicks : int
        The user of a step stops after a random number of clicks up to this.
    box_fraction : float
        Fraction (0 to 1) of objects whose box the user draws.
    learning_rate, weight_decay, warmup, average, seed
        As in :class:`~MedDeepRegSegLib.training.settings.PretrainSettings`.
    precision : {"float32", "bfloat16"}
        Of the convolutions.
    start : str
        SHA-256 of the weights the run began from; empty where it began from random ones.
    network : GrowingNetworkSettings
    """

    steps: int = 4000
    objects: int = 2
    sides: tuple[int, ...] = (64, 64, 64, 80)
    real_fraction: float = 0.3
    most_clicks: int = 7
    box_fraction: float = 0.45
    learning_rate: float = 1e-4
    weight_decay: float = 1e-2
    warmup: int = 200
    average: float = 0.998
    precision: Precision = "float32"
    seed: int = 0
    start: str = ""
    network: GrowingNetworkSettings = field(default_factory=GrowingNetworkSettings)

    def __post_init__(self) -> None:
        """Refuse values that no run can use."""
        check_counts(self, "steps", "objects", "most_clicks")
        if not self.sides or any(side < 2 * MULTIPLE or side % MULTIPLE for side in self.sides):
            msg = f"sides are {self.sides} voxels, expected multiples of {MULTIPLE} from {2 * MULTIPLE}: choose 64"
            raise InputError(msg)
        check_fractions(self, "real_fraction", "box_fraction", "average")
        check_positive(self, "learning_rate")
        check_not_negative(self, "seed", "weight_decay", "warmup")
