"""Ghosts of MR: motion during phase encoding repeats the image along one axis, faintly. MONAI has none."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from MedDeepRegSegLib.augmentation.channel_scale import ChannelScales
from MedDeepRegSegLib.augmentation.draws import Draws
from MedDeepRegSegLib.augmentation.ranges import Range, TransformSettings, check_range

if TYPE_CHECKING:
    from torch import Tensor


Axis = Literal["left-right", "front-back", "head-foot"]
_AXES: tuple[Axis, ...] = ("left-right", "front-back", "head-foot")


@dataclass(frozen=True, kw_only=True)
class GhostingSettings(TransformSettings):
    """How strong.

    Attributes
    ----------
    strength : tuple of float
        Least and largest part of the image that a ghost has.
    count : tuple of int
        Least and largest number of ghosts.
    """

    strength: Range = (0.02, 0.12)
    count: tuple[int, int] = (1, 3)

    def __post_init__(self) -> None:
        """Refuse ranges out of order."""
        super().__post_init__()
        check_range("strength", self.strength, 0.0, 1.0)
        check_range("count", self.count, 1, 20)

    def draw(self, draws: Draws) -> "GhostingDraw | None":
        """Return what happens to one sample; None where nothing does."""
        if not draws.chance(self.probability):
            return None
        count = self.count[0] + draws.choice(self.count[1] - self.count[0] + 1)
        # In and out of phase: ghosts are bright or dark.
        strengths = tuple(draws.within(self.strength) * (1 if draws.chance(0.5) else -1) for _ in range(count))
        return GhostingDraw(axis=_AXES[draws.choice(3)], strength=strengths)


@dataclass(frozen=True, kw_only=True)
class GhostingDraw:
    """Ghosts along one axis at equal distances, each of a strength, negative for a dark one."""

    transform: Literal["ghosting"] = "ghosting"
    axis: Axis
    strength: tuple[float, ...]

    def apply(self, values: "Tensor", scales: ChannelScales, _voxel_mm: Sequence[float]) -> "Tensor":
        """Return the channels (channels, z, y, x) changed; ghosts wrap around, as in k-space, and are of the signal only."""
        import torch

        axis = 3 - _AXES.index(self.axis)
        result = values
        for number, strength in enumerate(self.strength, 1):
            shift = round(values.shape[axis] * number / (len(self.strength) + 1))
            result = result + strength * (torch.roll(values, shift, axis) - scales.low)
        return result
