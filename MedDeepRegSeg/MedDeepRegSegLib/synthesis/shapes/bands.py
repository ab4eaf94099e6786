"""Nested bands along a folded surface, like the cortex over white matter, or a wall of three layers."""

from MedDeepRegSegLib.synthesis.shapes.canvas import Canvas
from MedDeepRegSegLib.synthesis.smooth import smooth_field


def paint_bands(canvas: Canvas) -> None:
    """Paint two or three bands in a part of the canvas."""
    random = canvas.random
    height = smooth_field(random, 1, canvas.size, random.choice((8, 12, 16, 20)))[0]
    part = smooth_field(random, 1, canvas.size, 4)[0] > random.uniform(-0.8, 0.6)
    level = random.uniform(-0.2, 0.6)
    for _ in range(random.integer(2, 3)):
        canvas.paint(part & (height < level), canvas.new_label())
        level -= random.uniform(0.25, 0.6)
