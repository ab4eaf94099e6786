"""A label map and segments that the tests of segmentation files share: those of the engine and those with the real nodes."""

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.segmentation.segments import Segment, named_segment


def labels_of(array, *, oblique=True):
    """Return an array (z, y, x) as a label map with voxels of different edges."""
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((0.7, 1.3, 3.1))
    image.SetOrigin((-12.5, 1000.25, 33.3))
    if oblique:
        rotation = sitk.Euler3DTransform((0, 0, 0), 0.2, -0.3, 0.5)
        image.SetDirection(rotation.GetMatrix())
    return image


def example_segmentation():
    """Return an oblique label map and its segments, with names that are hard to write."""
    array = np.zeros((6, 7, 8), np.uint8)
    array[1:4, 2:5, 3:8] = 3
    array[0, 0, 0] = 1
    segments = (
        Segment(3, 'Lüng, left\nand 肺 \\n "x"', (0.25, 0.5, 0.75), named_segment(1, "left lung").terminology, "a"),
        Segment(1, "dot", (1.0, 0.0, 0.0)),
        Segment(9, "nothing", (0.0, 1.0, 0.0), identifier="e"),
    )
    return labels_of(array), segments
