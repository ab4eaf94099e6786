"""More or less contrast about the mean of a channel. MONAI's AdjustContrast is a gamma between the extremes of all
channels, which one broken voxel would change: see :mod:`~MedDeepRegSegLib.augmentation.gamma`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from MedDeepRegSegLib.augmentation.channel_scale import ChannelScales, per_channel
from MedDeepRegSegLib.augmentation.draws import Draws
from MedDeepRegSegLib.augmentation.ranges import Range, TransformSettings, check_range

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class ContrastSettings(TransformSettings):
    """How much more or less contrast.

    Attributes
    ----------
    factor : tuple of float
        Least and largest factor; 1 changes nothing.
    """

    factor: Range = (0.75, 1.25)

    def __post_init__(self) -> None:
        """Refuse a range out of order and an inversion."""
        super().__post_init__()
        check_range("factor", self.factor, 0.05, 10.0)

    def draw(self, draws: Draws, channels: int) -> "ContrastDraw | None":
        """Return what happens to the channels of one sample; None where nothing does."""
        if not draws.chance(self.probability):
            return None
        return ContrastDraw(factor=draws.each_within(self.factor, channels))


@dataclass(frozen=True, kw_only=True)
class ContrastDraw:
    """One factor for each channel."""

    transform: Literal["contrast"] = "contrast"
    factor: tuple[float, ...]

    def apply(self, values: "Tensor", scales: ChannelScales, _voxel_mm: Sequence[float]) -> "Tensor":
        """Return the channels (channels, z, y, x) changed."""
        factor = per_channel(self.factor, values)
        return values * factor + scales.mean * (1 - factor)
