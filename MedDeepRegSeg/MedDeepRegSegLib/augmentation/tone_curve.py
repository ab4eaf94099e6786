"""Intensity jitter, as saturation is of color pictures: the gray scale bent by a random curve that never turns back.

The idea is MONAI's RandHistogramShift; this curve goes through a table of 1024 values, in a third of the time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from MedDeepRegSegLib.augmentation.channel_scale import ChannelScales
from MedDeepRegSegLib.augmentation.draws import Draws
from MedDeepRegSegLib.augmentation.ranges import Range, TransformSettings, check_range

if TYPE_CHECKING:
    from torch import Tensor


_TABLE = 1024


@dataclass(frozen=True, kw_only=True)
class ToneCurveSettings(TransformSettings):
    """How strongly the gray scale is bent.

    Attributes
    ----------
    bend : tuple of float
        Least and largest displacement of points of the curve, as part of their distance: 0 leaves the scale, 1 makes some tissues
        alike.
    points : int
        Points between the ends of the scale.
    """

    bend: Range = (0.1, 0.5)
    points: int = 4

    def __post_init__(self) -> None:
        """Refuse curves that turn back."""
        super().__post_init__()
        check_range("bend", self.bend, 0.0, 1.0)
        check_range("points", (1, self.points), 1, 50)

    def draw(self, draws: Draws, channels: int) -> "ToneCurveDraw | None":
        """Return what happens to the channels of one sample; None where nothing does."""
        if not draws.chance(self.probability):
            return None
        bend = draws.within(self.bend)
        step = 1 / (self.points + 1)
        # Half of the distance at most to either side: the order of points stays.
        inner = [
            [step * (number + 1 + bend * draws.about(0.5)) for number in range(self.points)] for _ in range(channels)
        ]
        return ToneCurveDraw(heights=tuple((0.0, *part, 1.0) for part in inner))


@dataclass(frozen=True, kw_only=True)
class ToneCurveDraw:
    """One curve for each channel: its heights (0 to 1) at places of equal distance in the robust range."""

    transform: Literal["tone curve"] = "tone curve"
    heights: tuple[tuple[float, ...], ...]

    def apply(self, values: "Tensor", scales: ChannelScales, _voxel_mm: Sequence[float]) -> "Tensor":
        """Return the channels (channels, z, y, x) changed; what is beyond the robust range keeps its distance to it."""
        import numpy as np
        import torch

        result = torch.empty_like(values)
        unit = (values - scales.low) / scales.width
        for channel in range(values.shape[0]):
            heights = self.heights[channel % len(self.heights)]
            places = np.linspace(0, 1, _TABLE)
            # What the curve adds, so that the table need not be fine where the curve is straight.
            added = np.interp(places, np.linspace(0, 1, len(heights)), heights) - places
            table = torch.from_numpy(added.astype(np.float32)) * scales.width[channel]
            index = (unit[channel].clamp(0, 1) * (_TABLE - 1) + 0.5).to(torch.int32)
            torch.add(
                values[channel],
                torch.index_select(table.view(-1), 0, index.view(-1)).view(index.shape),
                out=result[channel],
            )
        return result
