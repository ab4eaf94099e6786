"""A smooth deformation in mm: displacements are cubic B-splines with random coefficients.

No coefficient is above 0.16 of the distance of nodes. A slope of such a spline is at most twice that by the distance, .32, so
those along three axes sum to less than 1: the deformation has an inverse, which iteration finds (Banach). One-to-one
it would be up to .4033 (Choi and Lee, Graphical Models 62, 2000), but without this guarantee.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from MedDeepRegSegLib.augmentation.draws import Draws
from MedDeepRegSegLib.augmentation.ranges import Range, TransformSettings, check_range
from MedDeepRegSegLib.augmentation.smooth_fields import (
    UNIT,
    Nodes,
    coefficients,
    field_of,
    lattice_nodes,
    spline_weights,
)

if TYPE_CHECKING:
    from torch import Tensor

_LARGEST = 0.16  # of the distance of nodes


@dataclass(frozen=True, kw_only=True)
class ElasticSettings(TransformSettings):
    """How strongly tissue may be bent.

    Attributes
    ----------
    displacement_mm : tuple of float
        Least and largest standard deviation of displacements along each axis.
    node_spacing_mm : tuple of float
        Least and largest distance of the nodes of the spline: small ones bend locally. Displacements are limited to 0.16 of it.
    """

    displacement_mm: Range = (0.0, 2.0)
    node_spacing_mm: Range = (32.0, 64.0)

    def __post_init__(self) -> None:
        """Refuse negative lengths and nodes too near."""
        super().__post_init__()
        check_range("displacement_mm", self.displacement_mm, 0.0)
        check_range("node_spacing_mm", self.node_spacing_mm, 1.0)

    def draw(self, draws: Draws, extent_mm: Sequence[float]) -> "ElasticDraw | None":
        """Return what happens to a window of this extent (x, y, z); None where nothing does."""
        if not draws.chance(self.probability):
            return None
        spacing = draws.within(self.node_spacing_mm)
        return ElasticDraw(
            seed=draws.seed(),
            displacement_mm=draws.within(self.displacement_mm),
            node_spacing_mm=spacing,
            nodes=lattice_nodes(extent_mm, spacing),
        )


@dataclass(frozen=True, kw_only=True)
class ElasticDraw:
    """One deformation of a window.

    Attributes
    ----------
    seed : int
        Of the coefficients.
    displacement_mm : float
        Their standard deviation before they are limited, as displacement.
    node_spacing_mm : float
        Distance of nodes.
    nodes : tuple of int
        Their number along x, y, z; beyond them nothing is bent.
    """

    transform: Literal["elastic"] = "elastic"
    seed: int
    displacement_mm: float
    node_spacing_mm: float
    nodes: Nodes

    def lattice(self) -> "Tensor":
        """Return the coefficients, mm, (3, nodes z, y, x): displacements along x, y, z."""
        limit = _LARGEST * self.node_spacing_mm
        return (coefficients(self.seed, 3, self.nodes) * (UNIT * self.displacement_mm)).clamp(-limit, limit)

    def field(self, voxel_mm: Sequence[float], size: Sequence[int]) -> "Tensor":
        """Return displacements, mm, (3, z, y, x) at every voxel; the first axis is x, y, z."""
        return field_of(self.lattice(), self.node_spacing_mm, voxel_mm, size)

    def at(self, places_mm: np.ndarray) -> np.ndarray:
        """Return displacements (N, 3) at places (N, 3), mm from the center of the window, x, y, z."""
        lattice = self.lattice().numpy().astype(np.float64)
        x, y, z = (spline_weights(places_mm[:, axis], self.node_spacing_mm, self.nodes[axis]) for axis in range(3))
        return np.einsum("nz,ny,nx,czyx->nc", z, y, x, lattice, optimize=True)

    def undone(self, places_mm: np.ndarray, *, tolerance_mm: float = 1e-4, limit: int = 500) -> np.ndarray:
        """Return the places (N, 3) that this deformation moves to ``places_mm``."""
        found = np.array(places_mm, float)
        for _ in range(limit):
            better = places_mm - self.at(found)
            moved = np.abs(better - found).max(initial=0.0)
            found = better
            if moved < tolerance_mm:
                break
        return found
