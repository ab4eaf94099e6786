"""What a run of masked reconstruction is, whole."""

import math
from dataclasses import dataclass, field

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.models.encoder import MULTIPLE, EncoderSettings
from MedDeepRegSegLib.training.settings import Precision
from MedDeepRegSegLib.training.settings_checks import check_counts, check_fractions, check_not_negative, check_positive


@dataclass(frozen=True)
class MaskedSettings:
    """Settings of :func:`MedDeepRegSegLib.training.masked.train_masked`.

    Attributes
    ----------
    steps : int
        Updates of the whole run, over all chunks.
    views : int
        Views a step, in each process.
    side : int
        Side of a view, voxels; a multiple of 16.
    block : int
        Side of what is hidden at once, voxels; it divides ``side``.
    hidden : float
        Fraction (0 to 1) of the blocks that are hidden.
    smallest_voxel, largest_voxel : float
        Voxels of the views, mm; not smaller than those of the image.
    learning_rate, weight_decay, warmup, average, seed
        As in :class:`~MedDeepRegSegLib.training.settings.PretrainSettings`.
    precision : {"float32", "bfloat16"}
        Of the convolutions.
    start : str
        SHA-256 of the weights the run began from; empty where it began from random ones.
    cases_sha256 : str
        Of the volumes that are learned from.
    encoder : EncoderSettings
    """

    steps: int = 2000
    views: int = 2
    side: int = 64
    block: int = 8
    hidden: float = 0.6
    smallest_voxel: float = 1.0
    largest_voxel: float = 2.5
    learning_rate: float = 3e-4
    weight_decay: float = 1e-2
    warmup: int = 100
    average: float = 0.998
    precision: Precision = "float32"
    seed: int = 0
    start: str = ""
    cases_sha256: str = ""
    encoder: EncoderSettings = field(default_factory=EncoderSettings)

    def __post_init__(self) -> None:
        """Refuse values that no run can use."""
        check_counts(self, "steps", "views", "block")
        if self.side < 2 * MULTIPLE or self.side % MULTIPLE or self.side % self.block or self.side == self.block:
            msg = (
                f"side is {self.side} voxels and block {self.block}, expected a multiple of {MULTIPLE} from {2 * MULTIPLE} "
                "and a part of it: choose 64 and 8"
            )
            raise InputError(msg)
        if not 0 < self.hidden < 1:
            msg = f"hidden is {self.hidden}, expected a fraction between 0 and 1: choose .6"
            raise InputError(msg)
        check_fractions(self, "average")
        if not 0 < self.smallest_voxel <= self.largest_voxel < math.inf:
            msg = f"voxels are {self.smallest_voxel} to {self.largest_voxel} mm, expected positive and in this order"
            raise InputError(msg)
        check_positive(self, "learning_rate")
        check_not_negative(self, "seed", "weight_decay", "warmup")
