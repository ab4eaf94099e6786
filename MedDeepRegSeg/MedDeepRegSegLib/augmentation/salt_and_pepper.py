"""Single broken voxels: some black, some white. MONAI has none."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from MedDeepRegSegLib.augmentation.channel_scale import ChannelScales
from MedDeepRegSegLib.augmentation.draws import Draws
from MedDeepRegSegLib.augmentation.ranges import Range, TransformSettings, check_range

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class SaltAndPepperSettings(TransformSettings):
    """How many voxels.

    Attributes
    ----------
    part : tuple of float
        Least and largest part of all voxels.
    """

    part: Range = (0.0, 0.002)

    def __post_init__(self) -> None:
        """Refuse what is no part."""
        super().__post_init__()
        check_range("part", self.part, 0.0, 1.0)

    def draw(self, draws: Draws) -> "SaltAndPepperDraw | None":
        """Return what happens to one sample; None where nothing does."""
        if not draws.chance(self.probability):
            return None
        return SaltAndPepperDraw(part=draws.within(self.part), seed=draws.seed())


@dataclass(frozen=True, kw_only=True)
class SaltAndPepperDraw:
    """One part of the voxels, chosen from ``seed``: half get the robust lowest, half the robust highest value."""

    transform: Literal["salt and pepper"] = "salt and pepper"
    part: float
    seed: int

    def apply(self, values: "Tensor", scales: ChannelScales, _voxel_mm: Sequence[float]) -> "Tensor":
        """Return the channels (channels, z, y, x) changed, each at voxels of its own."""
        import torch

        result = values.clone().reshape(values.shape[0], -1)
        generator = torch.Generator().manual_seed(self.seed)
        count = round(self.part * result.shape[1] / 2)
        for channel in range(values.shape[0]):
            for value in (scales.low, scales.high):
                voxels = torch.randint(result.shape[1], (count,), generator=generator)
                result[channel, voxels] = value[channel].view(())
        return result.view(values.shape)
