"""A picture of where a prediction and the truth differ."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.segmentation.overlay import montage, slice_picture
from MedDeepRegSegLib.segmentation.segments import Segment

MISSED = Segment(1, "Missed", (0.34, 0.71, 0.91))
TOO_MUCH = Segment(2, "Too much", (0.90, 0.62, 0.0))
"""Colors of Okabe and Ito, told apart by color-blind readers."""

_SIZE = 340


def comparison_picture(
    image: sitk.Image,
    truth: sitk.Image,
    prediction: sitk.Image,
    classes: Sequence[Segment],
    *,
    ignored_value: int | None = None,
) -> np.ndarray:
    """Return the axial slice with the largest difference: outlines of the truth, of the prediction, and the difference.

    Parameters
    ----------
    image : SimpleITK.Image
        3-D, scalar.
    truth, prediction : SimpleITK.Image
        Label maps on the grid of the image.
    classes : sequence of Segment
        The values that are compared, and their colors.
    ignored_value : int, optional
        Of voxels of the truth of which nothing is known.

    Returns
    -------
    numpy.ndarray, shape (H, W, 3), uint8
    """
    # Along the axes of the patient, so that slices of the array are axial ones.
    image, truth, prediction = (sitk.DICOMOrient(one, "LPS") for one in (image, truth, prediction))
    values = [one.value for one in classes]
    true, found = (_only(one, values) for one in (truth, prediction))
    known = np.ones(true.shape, bool)
    if ignored_value is not None:
        known = sitk.GetArrayViewFromImage(truth) != ignored_value
        found = np.where(known, found, 0).astype(found.dtype)
    wrong = (true != found) & known
    shown = wrong if wrong.any() else (true > 0)
    k = int(shown.sum(axis=(1, 2)).argmax()) if shown.any() else true.shape[0] // 2
    middle = [(side - 1) / 2 for side in image.GetSize()[:2]]
    position = image.TransformContinuousIndexToPhysicalPoint([*middle, float(k)])
    difference = np.zeros(true.shape, np.uint8)
    difference[wrong & (found > 0)] = TOO_MUCH.value
    difference[wrong & (true > 0)] = MISSED.value
    pictures = []
    for array, segments, fill in (
        (true, classes, 0.15),
        (found, classes, 0.15),
        (difference, (MISSED, TOO_MUCH), 0.55),
    ):
        labels = sitk.GetImageFromArray(array)
        labels.CopyInformation(image)
        drawn = [replace(one, terminology="") for one in segments]
        pictures.append(
            slice_picture(image, "axial", labels=labels, segments=drawn, fill=fill, position=position, size=_SIZE)
        )
    captions = ("Truth", "Prediction", "Difference: missed blue, too much orange")
    return montage(pictures, columns=3, captions=captions, size=13)


def _only(labels: sitk.Image, values: Sequence[int]) -> np.ndarray:
    """Return the label map with all other values set to 0."""
    array = sitk.GetArrayFromImage(labels)
    return np.where(np.isin(array, values), array, 0).astype(np.uint16)
