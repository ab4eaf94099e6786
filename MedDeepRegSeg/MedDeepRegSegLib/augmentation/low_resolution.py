"""The image as larger voxels would show it, interpolated back.

MONAI's RandSimulateLowResolution picks single voxels (nearest), so that fine texture becomes a coarse pattern; scanners average.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from MedDeepRegSegLib.augmentation.axis_products import along_axis, slab_matrix
from MedDeepRegSegLib.augmentation.channel_scale import ChannelScales
from MedDeepRegSegLib.augmentation.draws import Draws
from MedDeepRegSegLib.augmentation.ranges import Range, TransformSettings, check_range

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class LowResolutionSettings(TransformSettings):
    """How large the voxels.

    Attributes
    ----------
    voxel_mm : tuple of float
        Least and largest edge of the voxels, mm. Where the image has larger ones already, nothing changes.
    """

    voxel_mm: Range = (1.0, 3.0)

    def __post_init__(self) -> None:
        """Refuse voxels without size."""
        super().__post_init__()
        check_range("voxel_mm", self.voxel_mm, 1e-3)

    def draw(self, draws: Draws) -> "LowResolutionDraw | None":
        """Return what happens to one sample; None where nothing does."""
        if not draws.chance(self.probability):
            return None
        x, y, z = (draws.uniform(0, 1) for _ in range(3))
        return LowResolutionDraw(voxel_mm=draws.within(self.voxel_mm), offset=(x, y, z))


@dataclass(frozen=True, kw_only=True)
class LowResolutionDraw:
    """One size of voxels, mm, and where their grid lies along x, y, z, parts of such a voxel."""

    transform: Literal["low resolution"] = "low resolution"
    voxel_mm: float
    offset: tuple[float, float, float]

    def apply(self, values: "Tensor", _scales: ChannelScales, voxel_mm: Sequence[float]) -> "Tensor":
        """Return the channels (channels, z, y, x) changed."""
        for axis in range(3):
            thickness = self.voxel_mm / voxel_mm[2 - axis]
            if thickness > 1:
                values = along_axis(values, axis, slab_matrix(values.shape[axis + 1], thickness, self.offset[2 - axis]))
        return values
