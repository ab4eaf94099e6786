"""Shading of MR by uneven coils: a smooth factor.

MONAI's RandBiasField is a polynomial over whatever window it is given; this field has a scale in mm, so that patches are shaded as
whole volumes are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from MedDeepRegSegLib.augmentation.channel_scale import ChannelScales
from MedDeepRegSegLib.augmentation.draws import Draws
from MedDeepRegSegLib.augmentation.ranges import Range, TransformSettings, check_range
from MedDeepRegSegLib.augmentation.smooth_fields import UNIT, Nodes, coefficients, field_of, lattice_nodes

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class BiasFieldSettings(TransformSettings):
    """How strong.

    Attributes
    ----------
    strength : tuple of float
        Least and largest standard deviation of the logarithm of the factor.
    node_spacing_mm : tuple of float
        How far apart places lie that are shaded differently: distance of the nodes of a spline.
    """

    strength: Range = (0.05, 0.3)
    node_spacing_mm: Range = (60.0, 150.0)

    def __post_init__(self) -> None:
        """Refuse ranges out of order."""
        super().__post_init__()
        check_range("strength", self.strength, 0.0, 2.0)
        check_range("node_spacing_mm", self.node_spacing_mm, 1.0)

    def draw(self, draws: Draws, extent_mm: Sequence[float]) -> "BiasFieldDraw | None":
        """Return what happens to a window of this extent (x, y, z); None where nothing does."""
        if not draws.chance(self.probability):
            return None
        spacing = draws.within(self.node_spacing_mm)
        return BiasFieldDraw(
            strength=draws.within(self.strength),
            seed=draws.seed(),
            node_spacing_mm=spacing,
            nodes=lattice_nodes(extent_mm, spacing),
        )


@dataclass(frozen=True, kw_only=True)
class BiasFieldDraw:
    """One field: exp(strength x spline of random coefficients from ``seed``), the same for all channels."""

    transform: Literal["bias field"] = "bias field"
    strength: float
    seed: int
    node_spacing_mm: float
    nodes: Nodes

    def apply(self, values: "Tensor", scales: ChannelScales, voxel_mm: Sequence[float]) -> "Tensor":
        """Return the channels (channels, z, y, x) changed; what is darkest counts as no signal."""
        lattice = coefficients(self.seed, 1, self.nodes) * (UNIT * self.strength)
        factor = field_of(lattice, self.node_spacing_mm, voxel_mm, values.shape[1:]).exp()
        return (values - scales.low) * factor + scales.low
