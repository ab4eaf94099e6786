"""What the tests of synthesis share."""

import pytest
import torch

from MedDeepRegSegLib.synthesis.label_maps import random_label_map
from MedDeepRegSegLib.synthesis.randomness import Randomness

SIDE = 32


@pytest.fixture
def random():
    """Return a source of random numbers."""
    return Randomness(7, 3)


@pytest.fixture
def block():
    """Return a bright block in a dark volume, (32, 28, 24)."""
    image = torch.full((32, 28, 24), 0.2)
    image[8:20, 6:18, 8:16] = 0.8
    return image


@pytest.fixture(scope="session")
def label_map():
    """Return a random label map of 40 voxels a side."""
    return random_label_map((40, 40, 40), Randomness(4))
