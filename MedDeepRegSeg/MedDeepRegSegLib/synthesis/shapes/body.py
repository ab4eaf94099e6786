"""The body: a closed or open outline with skin, fat and bone layers; outside of it air, and at times a table."""

import torch

from MedDeepRegSegLib.synthesis.shapes.canvas import Canvas, radial
from MedDeepRegSegLib.synthesis.smooth import smooth_field


def paint_body(canvas: Canvas) -> None:
    """Cut the canvas to a body and paint up to 4 layers under its surface."""
    random = canvas.random
    center = (0.3 * random.rand(3) - 0.15).view(3, 1, 1, 1)
    radii = (0.6 + 0.55 * random.rand(3)).view(3, 1, 1, 1)
    if random.chance(0.35):
        radii[random.integer(0, 2)] = 9.0  # a trunk or a limb that goes on outside of the field of view
    power = random.choice((2.0, 2.0, 2.5, 3.0, 4.0))
    depth = radial((canvas.place - center) / radii, power)
    depth = depth + random.uniform(0, 0.02) * smooth_field(random, 1, canvas.size, 8)[0]
    edge = 1.0
    for _ in range(random.integer(0, 4)):
        inner = edge - random.uniform(0.012, 0.09)
        canvas.paint((depth > inner) & (depth <= edge), canvas.new_label())
        edge = inner
    outside = depth > 1
    canvas.paint(outside, 0)
    if random.chance(0.2):
        normal = random.normal(3)
        height = torch.einsum("i,idhw->dhw", normal / normal.norm(), canvas.place)
        level = random.uniform(-0.95, 0.95)
        canvas.paint(outside & ((height - level).abs() < 0.04), canvas.new_label())
