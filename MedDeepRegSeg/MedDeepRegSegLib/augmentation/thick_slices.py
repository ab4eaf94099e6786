"""Spacing and anisotropy: the image as thick slices along one axis would show it, interpolated back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from MedDeepRegSegLib.augmentation.axis_products import along_axis, slab_matrix
from MedDeepRegSegLib.augmentation.channel_scale import ChannelScales
from MedDeepRegSegLib.augmentation.draws import Draws
from MedDeepRegSegLib.augmentation.ranges import Range, TransformSettings, check_range

if TYPE_CHECKING:
    from torch import Tensor


Axis = Literal["left-right", "front-back", "head-foot"]
_AXES: tuple[Axis, ...] = ("left-right", "front-back", "head-foot")


@dataclass(frozen=True, kw_only=True)
class ThickSlicesSettings(TransformSettings):
    """How thick the slices.

    Attributes
    ----------
    thickness_mm : tuple of float
        Least and largest thickness, mm. Where the image has thicker slices already, nothing changes.
    axes : tuple of {"left-right", "front-back", "head-foot"}
        Along which of these slices are stacked: sagittal, coronal, axial.
    """

    thickness_mm: Range = (2.0, 6.0)
    axes: tuple[Axis, ...] = _AXES

    def __post_init__(self) -> None:
        """Refuse slices without thickness and no axis."""
        super().__post_init__()
        check_range("thickness_mm", self.thickness_mm, 1e-3)
        check_range("axes", (1, len(self.axes)), 1, 3)

    def draw(self, draws: Draws) -> "ThickSlicesDraw | None":
        """Return what happens to one sample; None where nothing does."""
        if not draws.chance(self.probability):
            return None
        axis = self.axes[draws.choice(len(self.axes))]
        return ThickSlicesDraw(axis=axis, thickness_mm=draws.within(self.thickness_mm), offset=draws.uniform(0, 1))


@dataclass(frozen=True, kw_only=True)
class ThickSlicesDraw:
    """One axis, thickness in mm, and where the slices lie, parts of a slice."""

    transform: Literal["thick slices"] = "thick slices"
    axis: Axis
    thickness_mm: float
    offset: float

    def apply(self, values: "Tensor", _scales: ChannelScales, voxel_mm: Sequence[float]) -> "Tensor":
        """Return the channels (channels, z, y, x) changed."""
        number = _AXES.index(self.axis)
        thickness = self.thickness_mm / voxel_mm[number]
        if thickness <= 1:
            return values
        return along_axis(values, 2 - number, slab_matrix(values.shape[3 - number], thickness, self.offset))
