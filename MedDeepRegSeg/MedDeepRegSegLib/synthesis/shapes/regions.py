"""Regions without a shape of their own: where one of several smooth fields is the largest."""

from torch import Tensor

from MedDeepRegSegLib.synthesis.shapes.canvas import Canvas
from MedDeepRegSegLib.synthesis.smooth import largest_of_fields


def paint_regions(canvas: Canvas) -> None:
    """Fill the canvas with 3 to 9 broad regions."""
    random = canvas.random
    count = random.integer(3, 9)
    winner = largest_of_fields(random, count, canvas.size, random.choice((3, 4, 5, 6, 8, 10)))
    labels = [canvas.new_label() for _ in range(count)]
    canvas.labels.copy_(winner + labels[0])


def mosaic(canvas: Canvas) -> Tensor:
    """Return a fine mixture of 2 to 4 new labels, (D, H, W): lung, bowel or spongy bone in small."""
    random = canvas.random
    count = random.integer(2, 4)
    winner = largest_of_fields(random, count, canvas.size, random.choice((12, 16, 20, 24, 30)))
    labels = [canvas.new_label() for _ in range(count)]
    return winner + labels[0]
