"""Organs: super-ellipsoids, solid, with a rim, mixed inside, halved, or touching a neighbor that looks alike."""

from dataclasses import dataclass

import torch
from torch import Tensor

from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.synthesis.shapes.canvas import Box, Canvas, radial
from MedDeepRegSegLib.synthesis.shapes.regions import mosaic
from MedDeepRegSegLib.synthesis.smooth import apply, smooth_field


def paint_ellipsoids(canvas: Canvas) -> None:
    """Paint 4 to 18 organs of random size, the larger ones first more often than not."""
    random = canvas.random
    radii = sorted((random.log_uniform(0.06, 0.5) for _ in range(random.integer(4, 18))), reverse=random.chance(0.8))
    filling = mosaic(canvas)
    ripple = 0.12 * smooth_field(random, 1, canvas.size, random.choice((8, 12, 16)))[0] if random.chance(0.5) else None
    surface = _Surface(ripple, 1.0 if ripple is None else 1 - float(ripple.min()))
    for radius in radii:
        _paint_one(canvas, radius, filling, surface)


@dataclass(frozen=True)
class Ellipsoid:
    """A shape about the origin.

    Attributes
    ----------
    matrix : Tensor, shape (3, 3)
        From offsets to own coordinates, in radii.
    power : float
        2 is an ellipsoid, more is boxy, less is pointed.
    radius : float
        Of the middle of the range that the three radii were drawn from.
    reach : float
        No point of it is farther from the origin than this.
    """

    matrix: Tensor
    power: float
    radius: float
    reach: float

    @classmethod
    def draw(cls, random: Randomness, radius: float, spread: float = 0.5) -> "Ellipsoid":
        """Return a turned shape whose radii are e^-spread to e^spread times ``radius``."""
        axes = [radius * 2.718281828 ** random.uniform(-spread, spread) for _ in range(3)]
        power = random.choice((2.0, 2.0, 2.0, 4.0, 1.5))
        matrix = random.rotation(180) / torch.tensor(axes, device=random.device)[:, None]
        # A boxy shape is longest toward its corners, where all three coordinates are 3^(-1/power).
        return cls(matrix, power, radius, max(axes) * 3 ** max(0.0, 0.5 - 1 / power))

    def distance(self, offset: Tensor) -> tuple[Tensor, Tensor]:
        """Return the distance of offsets (3, ...) from the center in radii, 1 at the surface; and their own coordinates."""
        own = apply(self.matrix, offset)
        return radial(own, self.power), own


@dataclass(frozen=True)
class _Surface:
    """Ripples (D, H, W) of the surface, in radii, or None; and how much farther than smooth shapes they reach at most."""

    ripple: Tensor | None
    most: float


def _paint_one(canvas: Canvas, radius: float, filling: Tensor, surface: _Surface) -> None:
    random = canvas.random
    shape = Ellipsoid.draw(random, radius)
    center = (1.7 * random.rand(3) - 0.85) * canvas.half_sides
    # Shapes are small: only a box around each is looked at.
    box = canvas.box(center, surface.most * shape.reach)
    distance, own = shape.distance(canvas.place[(slice(None), *box)] - center.view(3, 1, 1, 1))
    if surface.ripple is not None:
        distance = distance + surface.ripple[box]
    inside = distance < 1
    kind = random.uniform(0, 1)
    if kind < 0.40:
        label = canvas.new_label()
        canvas.paint(inside, label, box)
        canvas.organs.append((label,))
    elif kind < 0.55:
        part = canvas.labels[box]
        part.copy_(torch.where(inside, filling[box], part))
    elif kind < 0.78:
        _paint_rim(canvas, distance, radius, box)
    elif kind < 0.88:
        first = canvas.new_label()
        canvas.paint(inside, first, box)
        canvas.paint(inside & (own[0] > random.uniform(-0.4, 0.4)), canvas.new_label(alike=first), box)
    else:
        first = canvas.new_label()
        canvas.paint(inside, first, box)
        _paint_neighbor(canvas, shape, center, first, surface)


def _paint_rim(canvas: Canvas, distance: Tensor, radius: float, box: Box) -> None:
    """Paint one or two shells, and maybe what they enclose."""
    random = canvas.random
    outer = 1.0
    filling = canvas.new_label() if random.chance(0.6) else None
    if filling is not None:
        canvas.paint(distance < 1, filling, box)
    shells = []
    for _ in range(random.integer(1, 2)):
        inner = outer - min(0.5, random.uniform(0.012, 0.06) / radius)
        shells.append(canvas.new_label())
        canvas.paint((distance < outer) & (distance >= inner), shells[-1], box)
        outer = inner
    if filling is not None:
        canvas.organs.append((*shells, filling))


def _paint_neighbor(canvas: Canvas, shape: Ellipsoid, center: Tensor, first: int, surface: _Surface) -> None:
    """Paint a second organ of almost the contrast of the first, pressed against it."""
    random = canvas.random
    second = Ellipsoid.draw(random, shape.radius)
    toward = random.normal(3)
    toward = toward / toward.norm()
    # Along the line between the centers the shapes end at 1 / distance; they overlap even where ripples take some away.
    apart = 0.7 / shape.distance(toward)[0] + 0.6 / second.distance(toward)[0]
    center = center + apart * toward
    box = canvas.box(center, surface.most * second.reach)
    distance, _ = second.distance(canvas.place[(slice(None), *box)] - center.view(3, 1, 1, 1))
    if surface.ripple is not None:
        distance = distance + surface.ripple[box]
    other = canvas.new_label(alike=first)
    canvas.paint((distance < 1) & (canvas.labels[box] != first), other, box)
    canvas.organs += [(first,), (other,)]
