"""Bones about the origin, the first axis along the chain that they form; lengths in the unit of the canvas."""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.synthesis.shapes.canvas import radial

_Place = tuple[float, float, float]


class Bone(Protocol):
    """One link of a chain."""

    @property
    def reach(self) -> float:
        """No point of it is farther from the origin than this."""

    @property
    def height(self) -> float:
        """How far it reaches along the chain on both sides, but for what sticks out."""

    def depth(self, own: Tensor) -> Tensor:
        """Return about how deep places (3, ...) lie under its surface; below 0 outside."""


@dataclass(frozen=True)
class Vertebra:
    """A boxy body, an arch behind it, and processes that stick out.

    Attributes
    ----------
    radii : tuple of float
        Of the body: along the chain, to the sides, to the front.
    power : float
        2 is an ellipsoid, more is boxy.
    arch : float
        Radius of the ring behind the body; 0 for none.
    rods : tuple
        Processes: where one starts, the way to its end, and its radius.
    thickness : float
        Radius of the ring's wall.
    """

    radii: tuple[float, float, float]
    power: float
    arch: float
    rods: tuple[tuple[_Place, _Place, float], ...]
    thickness: float

    @classmethod
    def draw(cls, random: Randomness) -> "Vertebra":
        """Return one of random size and form, some without an arch or processes."""
        radius = random.log_uniform(0.16, 0.5)
        flat = random.uniform(0.35, 0.9)
        radii = (flat * radius, radius, random.uniform(0.65, 1.1) * radius)
        thickness = random.uniform(0.12, 0.28) * radius
        arch = random.uniform(0.35, 0.7) * radius if random.chance(0.75) else 0.0
        back = -(radii[2] + 2 * arch)
        rods = []
        for _ in range(random.integer(0, 5)):
            angle = random.gaussian() * 0.8
            lean = random.uniform(-0.7, 0.7)
            length = random.uniform(0.4, 1.3) * radius
            start = (0.0, 0.6 * arch * math.sin(angle), back if arch else 0.5 * back)
            way = (length * lean, length * math.sin(angle), -length * math.cos(angle))
            rods.append((start, way, random.uniform(0.7, 1.3) * thickness))
        return cls(radii, random.choice((2.0, 4.0, 4.0)), arch, tuple(rods), thickness)

    @property
    def height(self) -> float:
        """See :class:`Bone`."""
        return self.radii[0]

    @property
    def reach(self) -> float:
        """See :class:`Bone`."""
        # A boxy body is farthest at its corners, a round one along its longest axis: neither is beyond this.
        body = sum(radius**4 for radius in self.radii) ** 0.25
        starts = [math.hypot(*start) + thick for start, _, thick in self.rods]
        ends = [math.dist(start, [-part for part in way]) + thick for start, way, thick in self.rods]
        return max([body, self.radii[2] + 2 * self.arch + self.thickness, *starts, *ends])

    def depth(self, own: Tensor) -> Tensor:
        """See :class:`Bone`."""
        depth = (1 - radial(own / _column(self.radii, own), self.power)) * min(self.radii)
        if self.arch:
            behind = own[2] + self.radii[2] + self.arch
            ring = torch.hypot(own[1], behind) - self.arch
            depth = torch.maximum(depth, self.thickness - torch.hypot(ring, 0.6 * own[0]))
        for start, way, thick in self.rods:
            offset, direction = own - _column(start, own), _column(way, own)
            along = ((offset * direction).sum(dim=0) / math.hypot(*way) ** 2).clamp(0, 1)
            depth = torch.maximum(depth, thick - radial(offset - along * direction, 2))
        return depth


@dataclass(frozen=True)
class Rib:
    """A part of a flattened ring, which climbs along the chain.

    Attributes
    ----------
    radius : float
        Of the ring.
    thickness : float
        Radius of its wall across.
    flat : float
        How many times wider the wall is along the chain.
    span : float
        Angle from end to end, radians.
    climb : float
        Way along the chain, by radian.
    """

    radius: float
    thickness: float
    flat: float
    span: float
    climb: float

    @classmethod
    def draw(cls, random: Randomness) -> "Rib":
        """Return one of random size and form."""
        radius = random.log_uniform(0.4, 1.5)
        return cls(
            radius,
            random.log_uniform(0.045, 0.13),
            random.uniform(1, 2.2),
            min(random.uniform(0.5, 1.8) / radius, 2.8),
            random.uniform(-0.4, 0.4),
        )

    @property
    def height(self) -> float:
        """See :class:`Bone`."""
        return self.flat * self.thickness

    @property
    def reach(self) -> float:
        """See :class:`Bone`."""
        # The origin is in the middle of the arc.
        across = 2 * self.radius * math.sin(self.span / 4) + self.thickness
        return math.hypot(across, abs(self.climb) * (self.span / 2 + self.thickness / self.radius) + self.height)

    def depth(self, own: Tensor) -> Tensor:
        """See :class:`Bone`."""
        across = own[2] + self.radius
        angle = torch.atan2(own[1], across)
        along = (own[0] - self.climb * angle) / self.flat
        ring = torch.hypot(own[1], across) - self.radius
        beyond = (angle.abs() - self.span / 2).clamp_min(0) * self.radius
        return self.thickness - torch.sqrt(along.square() + ring.square() + beyond.square())


def _column(place: _Place, own: Tensor) -> Tensor:
    return torch.tensor(place, device=own.device).view(3, 1, 1, 1)
