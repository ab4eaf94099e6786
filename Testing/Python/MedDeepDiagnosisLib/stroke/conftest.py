"""A small arterial atlas: blocks in MNI-like space, two for each pair of territories, left and right of the midline."""

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepDiagnosisLib.stroke.territories import TERRITORIES

VOXEL_MM = 2.0


def image_of(array, *, spacing=(VOXEL_MM,) * 3, origin=(-39.0, -31.0, -19.0), direction=None):
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    if direction is not None:
        image.SetDirection(direction)
    return image


@pytest.fixture(scope="session")
def atlas():
    """A 40 x 32 x 20 grid of 2 mm whose center is the origin of the world; each region is a block of 10 x 8 x 2 voxels.

    Pair number n lies in slices 2 (n % 10) and 2 (n % 10) + 1, the second ten further to the back.
    """
    labels = np.zeros((20, 32, 40), dtype=np.uint8)
    for region in TERRITORIES:
        pair = (region.label - 1) // 2
        layer, back = pair % 10, 8 * (pair // 10)
        # ITK's x grows to the patient's left.
        x = slice(22, 32) if region.side == "left" else slice(8, 18)
        labels[2 * layer : 2 * layer + 2, 6 + back : 14 + back, x] = region.label
    return image_of(labels)
