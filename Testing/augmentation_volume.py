"""A small volume for tests of augmentation: its values tell the place, its labels the side of the body."""

import numpy as np

from MedDeepRegSegLib.segmentation.segments import named_segment

SPACING = (1.5, 1.0, 2.0)  # x, y, z: all unlike, so that an exchanged axis shows
SIZE = (20, 28, 24)  # z, y, x
SEGMENTS = (named_segment(1, "Left kidney"), named_segment(2, "right kidney"), named_segment(3, "Spine"))


def augmentation_volume():
    """Return values (2, z, y, x) of smooth blobs and labels (z, y, x): 1 left, 2 right, 3 in the middle."""
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, side) for side in SIZE), indexing="ij")
    first = np.exp(-4 * ((x - 0.4) ** 2 + y**2 + z**2)) + 0.5 * np.exp(-6 * ((x + 0.4) ** 2 + (y - 0.2) ** 2 + z**2))
    values = np.stack([first, np.sin(3 * x) * np.cos(2 * y) + z]).astype(np.float32)
    labels = np.zeros(SIZE, np.uint8)
    labels[6:14, 8:20, 15:21] = 1  # x grows to the patient's left
    labels[6:14, 8:18, 3:9] = 2
    labels[4:16, 18:24, 10:14] = 3
    return values, labels
