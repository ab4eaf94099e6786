"""What a pre-training run is, whole: two runs of the same settings on one machine give the same weights."""

from dataclasses import dataclass, field
from typing import Literal

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.models.encoder import MULTIPLE, EncoderSettings
from MedDeepRegSegLib.training.settings_checks import (
    check_counts,
    check_fractions,
    check_not_negative,
    check_positive,
    check_side,
)

Precision = Literal["float32", "bfloat16"]

_GROUP = 8  # channels that are normalized together


@dataclass(frozen=True)
class PretrainSettings:
    """Settings of :func:`MedDeepRegSegLib.training.pretrain.pretrain`.

    Attributes
    ----------
    steps : int
        Updates of the whole run, over all chunks; the learning rate falls along a cosine to the last one.
    pairs : int
        Pairs of views a step, in each process.
    side : int
        Side of a view, voxels; a multiple of 16.
    real_fraction : float
        Fraction (0 to 1) of pairs from real label maps, where some are given; the others show random shapes.
    reuse : int
        Pairs that are drawn from one random label map.
    learning_rate, weight_decay : float
        Of AdamW.
    warmup : int
        Steps over which the learning rate rises.
    average : float
        Decay of the moving average of the weights, which is what is kept in the end.
    anchors : int
        Points a pair whose features are compared.
    neighbors : int
        Wrong places near each anchor's right one.
    temperature : float
        Of the contrastive losses: differences of cosines of this size count.
    global_weight, context_weight, region_weight, boundary_weight, position_weight : float
        Weights of the other losses beside that of the exact place.
    voxels : int
        Voxels of each view whose structure, boundaries and position are asked for.
    precision : {"float32", "bfloat16"}
        Of the convolutions; the weights, features and losses are always float32.
    seed : int
    encoder : EncoderSettings
    """

    steps: int = 20_000
    pairs: int = 1
    side: int = 64
    real_fraction: float = 0.5
    reuse: int = 4
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    warmup: int = 200
    average: float = 0.998
    anchors: int = 384
    neighbors: int = 48
    temperature: float = 0.1
    global_weight: float = 0.4
    context_weight: float = 0.5
    region_weight: float = 0.5
    boundary_weight: float = 0.5
    position_weight: float = 0.3
    voxels: int = 4096
    precision: Precision = "float32"
    seed: int = 0
    encoder: EncoderSettings = field(default_factory=EncoderSettings)

    def __post_init__(self) -> None:
        """Refuse values that no run can use."""
        check_counts(self, "steps", "pairs", "reuse", "neighbors", "voxels")
        check_side(self.side, MULTIPLE, 64)
        if self.anchors < 32:
            msg = f"anchors is {self.anchors}, expected 32 or more: 384 is the default"
            raise InputError(msg)
        check_fractions(self, "real_fraction", "average")
        check_positive(self, "learning_rate", "temperature")
        weights = ("global_weight", "context_weight", "region_weight", "boundary_weight", "position_weight")
        check_not_negative(self, "seed", "weight_decay", "warmup", *weights)
        if any(channels < _GROUP or channels % _GROUP for channels in self.encoder.channels):
            msg = f"encoder.channels are {self.encoder.channels}, expected multiples of {_GROUP}: correct them"
            raise InputError(msg)
        if self.precision not in ("float32", "bfloat16"):
            msg = f"precision is {self.precision!r}, expected float32 or bfloat16: choose one of them"
            raise InputError(msg)
