"""Noise of MR magnitudes: normal noise in both complex parts (Gudbjartsson and Patz, 1995), which lifts what has no signal.

MONAI's RandRicianNoise takes 0 for no signal, which standardized images do not have, and is three times as slow.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from MedDeepRegSegLib.augmentation.channel_scale import ChannelScales, per_channel
from MedDeepRegSegLib.augmentation.draws import Draws, normal_noise
from MedDeepRegSegLib.augmentation.ranges import Range, TransformSettings, check_range

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class RicianNoiseSettings(TransformSettings):
    """How much noise.

    Attributes
    ----------
    deviation : tuple of float
        Least and largest standard deviation, by that of the channel.
    """

    deviation: Range = (0.0, 0.15)

    def __post_init__(self) -> None:
        """Refuse negative noise."""
        super().__post_init__()
        check_range("deviation", self.deviation, 0.0, 10.0)

    def draw(self, draws: Draws, channels: int) -> "RicianNoiseDraw | None":
        """Return what happens to the channels of one sample; None where nothing does."""
        if not draws.chance(self.probability):
            return None
        return RicianNoiseDraw(deviation=draws.each_within(self.deviation, channels), seed=draws.seed())


@dataclass(frozen=True, kw_only=True)
class RicianNoiseDraw:
    """Noise of one standard deviation for each channel, by that of the channel, from ``seed``."""

    transform: Literal["Rician noise"] = "Rician noise"
    deviation: tuple[float, ...]
    seed: int

    def apply(self, values: "Tensor", scales: ChannelScales, _voxel_mm: Sequence[float]) -> "Tensor":
        """Return the channels (channels, z, y, x) changed; what is darkest counts as no signal."""
        real, imaginary = normal_noise(self.seed, (2, *values.shape))
        deviation = per_channel(self.deviation, values) * scales.deviation
        signal = values - scales.low
        # Below the robust range there are a few voxels of no signal, too: they keep their sign.
        return (signal + deviation * real).hypot(deviation * imaginary).copysign(signal + deviation * real) + scales.low
