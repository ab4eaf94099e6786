"""Vessels, airways and nerves: winding tubes, some with a wall."""

import torch

from MedDeepRegSegLib.synthesis.shapes.canvas import Canvas
from MedDeepRegSegLib.synthesis.smooth import apply


def paint_tubes(canvas: Canvas) -> None:
    """Paint up to 6 tubes."""
    random = canvas.random
    for _ in range(random.integer(0, 6)):
        center = 1.4 * random.rand(3) - 0.7
        along, *across = apply(random.rotation(180), canvas.place) - center.view(3, 1, 1, 1)
        square = torch.zeros_like(along)
        for axis in across:
            wave = random.uniform(0, 0.3) * torch.sin(random.uniform(1, 6) * along + random.uniform(0, 6.28))
            square += (axis - wave).square()
        radius = random.log_uniform(0.025, 0.12)
        labels = [canvas.new_label()]
        canvas.paint(square < radius**2, labels[0])
        if random.chance(0.4):
            labels.append(canvas.new_label())
            canvas.paint(square < (random.uniform(0.5, 0.85) * radius) ** 2, labels[1])
        canvas.organs.append(tuple(labels))
