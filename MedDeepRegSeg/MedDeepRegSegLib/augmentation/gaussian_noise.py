"""Noise of scanners and detectors: normal, independent in every voxel.

MONAI's RandGaussianNoise draws double precision from numpy, which takes three times as long.
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
class GaussianNoiseSettings(TransformSettings):
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

    def draw(self, draws: Draws, channels: int) -> "GaussianNoiseDraw | None":
        """Return what happens to the channels of one sample; None where nothing does."""
        if not draws.chance(self.probability):
            return None
        return GaussianNoiseDraw(deviation=draws.each_within(self.deviation, channels), seed=draws.seed())


@dataclass(frozen=True, kw_only=True)
class GaussianNoiseDraw:
    """Noise of one standard deviation for each channel, by that of the channel, from ``seed``."""

    transform: Literal["Gaussian noise"] = "Gaussian noise"
    deviation: tuple[float, ...]
    seed: int

    def apply(self, values: "Tensor", scales: ChannelScales, _voxel_mm: Sequence[float]) -> "Tensor":
        """Return the channels (channels, z, y, x) changed."""
        return (
            normal_noise(self.seed, values.shape)
            .mul_(per_channel(self.deviation, values) * scales.deviation)
            .add_(values)
        )
