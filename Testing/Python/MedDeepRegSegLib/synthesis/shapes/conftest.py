"""A canvas to paint on."""

import pytest
import torch

from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.synthesis.shapes.canvas import Canvas
from MedDeepRegSegLib.synthesis.smooth import voxel_grid

SIDE = 32


@pytest.fixture
def straight():
    """Return a maker of canvases of 32 voxels a side without bends, all of one label."""

    def make(seed=0):
        place = (voxel_grid((SIDE,) * 3, "cpu") - (SIDE / 2 - 0.5)) / (SIDE / 2)
        canvas = Canvas(torch.zeros((SIDE,) * 3, dtype=torch.int16), place, Randomness(seed))
        canvas.paint(canvas.labels == 0, canvas.new_label())
        return canvas

    return make
