"""Tells whether a segment is still the one that something was computed from."""

import hashlib

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.segmentations import image_from_segmentation

_DECIMALS = 3
"""Positions count to a thousandth of a mm: files keep no more for sure."""


def segment_digest(segmentation, segment_id: str) -> str:
    """Return a SHA-256 of the voxels of a segment and where they lie; "" of one that is empty or not there.

    It stays the same when a scene is saved and opened, and where other segments change.

    Parameters
    ----------
    segmentation:
        ``vtkMRMLSegmentationNode``, or None.
    segment_id:
        Identifier of the segment.
    """
    if segmentation is None or segmentation.GetSegmentation().GetSegment(segment_id) is None:
        return ""
    try:
        labels, _segments = image_from_segmentation(segmentation, segment_ids=[segment_id], crop=True)
    except InputError:  # it has no voxels
        return ""
    mask = sitk.GetArrayViewFromImage(labels) > 0
    if not mask.any():
        return ""
    bounds = [
        (int(found[0]), int(found[-1]) + 1)
        for axis in range(3)
        for found in [np.flatnonzero(mask.any(axis=tuple(other for other in range(3) if other != axis)))]
    ]
    cut = mask[tuple(slice(*bound) for bound in bounds)]
    corner = labels.TransformIndexToPhysicalPoint([bound[0] for bound in reversed(bounds)])
    places = np.round([*corner, *labels.GetSpacing(), *labels.GetDirection()], _DECIMALS) + 0.0  # no negative zero
    digest = hashlib.sha256(np.array(cut.shape, dtype="<i8").tobytes())
    digest.update(places.astype("<f8").tobytes())
    digest.update(np.packbits(cut).tobytes())
    return digest.hexdigest()
