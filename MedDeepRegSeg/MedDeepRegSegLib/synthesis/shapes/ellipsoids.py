"""Organs: super-ellipsoids, solid, with a rim, mixed inside, halved, or touching a neighbor that looks alike."""

import torch
from torch import Tensor

from MedDeepRegSegLib.synthesis.shapes.canvas import Canvas
from MedDeepRegSegLib.synthesis.shapes.regions import mosaic
from MedDeepRegSegLib.synthesis.smooth import smooth_field


def paint_ellipsoids(canvas: Canvas) -> None:
    """Paint 4 to 18 organs of random size, the larger ones first more often than not."""
    random = canvas.random
    radii = sorted((random.log_uniform(0.06, 0.5) for _ in range(random.integer(4, 18))), reverse=random.chance(0.8))
    filling = mosaic(canvas)
    ripple = smooth_field(random, 1, canvas.size, random.choice((8, 12, 16)))[0] if random.chance(0.5) else None
    for radius in radii:
        _paint_one(canvas, radius, filling, ripple)


def ellipsoid(canvas: Canvas, center: Tensor, radius: float, spread: float = 0.5) -> tuple[Tensor, Tensor]:
    """Return the distance from the center in radii (D, H, W), 1 at the surface, and the own coordinates (3, D, H, W)."""
    random = canvas.random
    axes = torch.tensor([radius * 2.718 ** random.uniform(-spread, spread) for _ in range(3)], device=center.device)
    turned = torch.einsum("ij,jdhw->idhw", random.rotation(180) / axes[:, None], canvas.place - center.view(3, 1, 1, 1))
    power = random.choice((2.0, 2.0, 2.0, 4.0, 1.4))
    if power == 2.0:
        return turned.square().sum(dim=0).sqrt(), turned
    return turned.abs().clamp_min(1e-4).pow(power).sum(dim=0).pow(1 / power), turned


def _paint_one(canvas: Canvas, radius: float, filling: Tensor, ripple: Tensor | None) -> None:
    random = canvas.random
    center = 1.7 * random.rand(3) - 0.85
    distance, turned = ellipsoid(canvas, center, radius)
    if ripple is not None:
        distance = distance + 0.12 * ripple
    inside = distance < 1
    kind = random.uniform(0, 1)
    if kind < 0.40:
        canvas.paint(inside, canvas.new_label())
    elif kind < 0.55:
        torch.where(inside, filling, canvas.labels, out=canvas.labels)
    elif kind < 0.78:
        _paint_rim(canvas, distance, radius)
    elif kind < 0.88:
        first = canvas.new_label()
        canvas.paint(inside, first)
        canvas.paint(inside & (turned[0] > random.uniform(-0.4, 0.4)), canvas.new_label(alike=first))
    else:
        _paint_neighbor(canvas, inside, center, radius)


def _paint_rim(canvas: Canvas, distance: Tensor, radius: float) -> None:
    """Paint one or two shells, and maybe what they enclose."""
    random = canvas.random
    outer = 1.0
    if random.chance(0.6):
        canvas.paint(distance < 1, canvas.new_label())
    for _ in range(random.integer(1, 2)):
        inner = outer - min(0.5, random.uniform(0.012, 0.06) / radius)
        canvas.paint((distance < outer) & (distance >= inner), canvas.new_label())
        outer = inner


def _paint_neighbor(canvas: Canvas, inside: Tensor, center: Tensor, radius: float) -> None:
    """Paint an organ, and a second one of almost its contrast that touches it."""
    random = canvas.random
    first = canvas.new_label()
    canvas.paint(inside, first)
    away = random.normal(3)
    distance, _ = ellipsoid(canvas, center + 1.3 * radius * away / away.norm(), radius)
    canvas.paint((distance < 1) & ~inside, canvas.new_label(alike=first))
