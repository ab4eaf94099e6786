"""All of a channel brighter or darker."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from MedDeepRegSegLib.augmentation.channel_scale import ChannelScales, per_channel
from MedDeepRegSegLib.augmentation.draws import Draws
from MedDeepRegSegLib.augmentation.ranges import Range, TransformSettings, check_range

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class BrightnessSettings(TransformSettings):
    """How much brighter or darker.

    Attributes
    ----------
    shift : tuple of float
        Least and largest shift, standard deviations of the channel.
    """

    shift: Range = (-0.2, 0.2)

    def __post_init__(self) -> None:
        """Refuse a range out of order."""
        super().__post_init__()
        check_range("shift", self.shift, -5.0, 5.0)

    def draw(self, draws: Draws, channels: int) -> "BrightnessDraw | None":
        """Return what happens to the channels of one sample; None where nothing does."""
        if not draws.chance(self.probability):
            return None
        return BrightnessDraw(shift=draws.each_within(self.shift, channels))


@dataclass(frozen=True, kw_only=True)
class BrightnessDraw:
    """One shift for each channel, standard deviations of the channel."""

    transform: Literal["brightness"] = "brightness"
    shift: tuple[float, ...]

    def apply(self, values: "Tensor", scales: ChannelScales, _voxel_mm: Sequence[float]) -> "Tensor":
        """Return the channels (channels, z, y, x) changed."""
        return values + per_channel(self.shift, values) * scales.deviation
