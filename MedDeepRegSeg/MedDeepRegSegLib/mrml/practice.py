"""A drawn chest with a nodule, to try an assessment on: the sample images show no lesion."""

from typing import Any

import SimpleITK as sitk

from MedDeepRegSegLib.mrml.segmentations import segmentation_from_image
from MedDeepRegSegLib.mrml.volumes import volume_from_image
from MedDeepRegSegLib.segmentation.segments import Segment
from MedDeepRegSegLib.volumes.phantoms import chest_phantom

LUNG_WINDOW_LEVEL = (1500.0, -600.0)
"""Window and level that radiologists look at lungs with, HU."""
DIAMETER_MM = 14.0
SPACING_MM = 2.0


def practice_nodule() -> tuple[Any, Any]:
    """Add the CT of a drawn chest and its nodule to the scene.

    The chest is made of ellipsoids and noise, and is nobody's. Its nodule is solid, has spikes, and is 14 mm wide without
    them, at voxels of 2 mm.

    Returns
    -------
    volume, segmentation:
        The ``vtkMRMLScalarVolumeNode`` in HU, and a ``vtkMRMLSegmentationNode`` whose only segment is the nodule.
    """
    phantom = chest_phantom(
        1, spacing_mm=SPACING_MM, size=(150, 110, 70), nodule_diameter_mm=DIAMETER_MM, spiculated=True
    )
    value = next(value for value, name in phantom.names.items() if name == "lung nodule")
    labels = sitk.Cast(phantom.labels == value, sitk.sitkUInt8)
    volume = volume_from_image(phantom.ct, "Practice chest CT", window_level=LUNG_WINDOW_LEVEL)
    segment = Segment(1, "Nodule", (0.9, 0.5, 0.2))
    return volume, segmentation_from_image(labels, [segment], "Practice nodule", reference_volume=volume)
