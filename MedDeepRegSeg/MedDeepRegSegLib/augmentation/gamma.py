"""Gamma that differs from place to place: dark tissue comes up in one part of the image more than in another.

MONAI's AdjustContrast knows one gamma for the whole image, between its extremes; this one is between robust limits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from MedDeepRegSegLib.augmentation.channel_scale import ChannelScales, per_channel
from MedDeepRegSegLib.augmentation.draws import Draws
from MedDeepRegSegLib.augmentation.ranges import Range, TransformSettings, check_range
from MedDeepRegSegLib.augmentation.smooth_fields import UNIT, Nodes, coefficients, field_of, lattice_nodes

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class GammaSettings(TransformSettings):
    """How strong.

    Attributes
    ----------
    gamma : tuple of float
        Least and largest exponent of the whole image; 1 changes nothing, below brightens.
    local : tuple of float
        Least and largest standard deviation of the logarithm of the exponent over the image.
    node_spacing_mm : tuple of float
        How far apart places lie that differ: distance of the nodes of a spline.
    """

    gamma: Range = (0.7, 1.5)
    local: Range = (0.0, 0.2)
    node_spacing_mm: Range = (40.0, 120.0)

    def __post_init__(self) -> None:
        """Refuse ranges out of order."""
        super().__post_init__()
        check_range("gamma", self.gamma, 0.1, 10.0)
        check_range("local", self.local, 0.0, 1.0)
        check_range("node_spacing_mm", self.node_spacing_mm, 1.0)

    def draw(self, draws: Draws, channels: int, extent_mm: Sequence[float]) -> "GammaDraw | None":
        """Return what happens to a window of this extent (x, y, z); None where nothing does."""
        import math

        if not draws.chance(self.probability):
            return None
        low, high = (math.log(bound) for bound in self.gamma)
        spacing = draws.within(self.node_spacing_mm)
        return GammaDraw(
            gamma=tuple(math.exp(number) for number in draws.each_within((low, high), channels)),
            local=draws.within(self.local),
            seed=draws.seed(),
            node_spacing_mm=spacing,
            nodes=lattice_nodes(extent_mm, spacing),
        )


@dataclass(frozen=True, kw_only=True)
class GammaDraw:
    """One exponent for each channel, and how it varies: a spline of random coefficients from ``seed``."""

    transform: Literal["gamma"] = "gamma"
    gamma: tuple[float, ...]
    local: float
    seed: int
    node_spacing_mm: float
    nodes: Nodes

    def apply(self, values: "Tensor", scales: ChannelScales, voxel_mm: Sequence[float]) -> "Tensor":
        """Return the channels (channels, z, y, x) changed; what is beyond the robust range keeps its distance to it."""
        unit = (values - scales.low) / scales.width
        inside = unit.clamp(0, 1)
        exponent = per_channel(self.gamma, values)
        if self.local > 0:
            lattice = coefficients(self.seed, 1, self.nodes) * (UNIT * self.local)
            exponent = exponent * field_of(lattice, self.node_spacing_mm, voxel_mm, values.shape[1:]).exp()
        return values + (inside**exponent - inside) * scales.width
