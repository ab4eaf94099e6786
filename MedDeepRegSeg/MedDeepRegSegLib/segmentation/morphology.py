"""Mathematical morphology in millimeters on boolean arrays, for masks on anisotropic grids.

Arrays are (k, j, i) as SimpleITK gives them, spacings are mm along the same axes. What lies beyond the image
border counts as neither inside nor outside, so that a structure cut by the border is not eroded there.
"""

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

Mask = np.ndarray
Spacing = tuple[float, float, float]


def distance_to(mask: Mask, spacing: Spacing) -> np.ndarray:
    """Return the distance in mm of each voxel center to the nearest voxel center of ``mask``, float32.

    Infinite where ``mask`` is empty. Exact Euclidean distances (Maurer, Qi and Raghavan, TPAMI 2003).
    """
    if not mask.any():
        return np.full(mask.shape, np.inf, np.float32)
    image = sitk.GetImageFromArray(mask.astype(np.uint8))
    image.SetSpacing(spacing[::-1])
    # The filter measures to the inner boundary voxels, so it is 0 on them and negative deeper inside.
    distance = sitk.SignedMaurerDistanceMap(image, insideIsPositive=False, squaredDistance=False, useImageSpacing=True)
    return np.maximum(sitk.GetArrayFromImage(distance), 0)


def depth_in(mask: Mask, spacing: Spacing) -> np.ndarray:
    """Return the distance in mm of each voxel of ``mask`` to the nearest voxel outside of it, 0 outside, float32."""
    return distance_to(~mask, spacing)


def erode(mask: Mask, spacing: Spacing, radius_mm: float) -> Mask:
    """Return the voxels of ``mask`` farther than ``radius_mm`` from all voxels outside."""
    return mask & (depth_in(mask, spacing) > radius_mm)


def dilate(mask: Mask, spacing: Spacing, radius_mm: float) -> Mask:
    """Return the voxels within ``radius_mm`` of ``mask``."""
    box = bounding_box(mask, margin=[int(np.ceil(radius_mm / step)) + 1 for step in spacing])
    result = np.zeros_like(mask)
    if box is not None:
        result[box] = distance_to(mask[box], spacing) <= radius_mm
    return result


def opened(mask: Mask, spacing: Spacing, radius_mm: float) -> Mask:
    """Return the part of ``mask`` that a ball of ``radius_mm`` inside ``mask`` can reach."""
    return mask & dilate(erode(mask, spacing, radius_mm), spacing, radius_mm)


def closed(mask: Mask, spacing: Spacing, radius_mm: float) -> Mask:
    """Return ``mask`` with the gaps filled that a ball of ``radius_mm`` outside ``mask`` cannot reach."""

    # The box leaves twice the radius around the mask, so that its walls do not act as image borders.
    box = bounding_box(mask, margin=[2 * int(np.ceil(radius_mm / step)) + 2 for step in spacing])
    result = np.zeros_like(mask)
    if box is not None:
        part = mask[box]
        grown = distance_to(part, spacing) <= radius_mm
        result[box] = part | (depth_in(grown, spacing) > radius_mm)
    return result


def bounding_box(mask: Mask, *, margin: list[int] | None = None) -> tuple[slice, slice, slice] | None:
    """Return the slices around the True voxels, widened by ``margin`` voxels within the array; None if empty."""
    bounds = []
    for axis in range(3):
        line = np.flatnonzero(mask.any(axis=tuple(other for other in range(3) if other != axis)))
        if line.size == 0:
            return None
        extra = 0 if margin is None else margin[axis]
        bounds.append(slice(max(int(line[0]) - extra, 0), min(int(line[-1]) + 1 + extra, mask.shape[axis])))
    return bounds[0], bounds[1], bounds[2]


def components(mask: Mask) -> tuple[np.ndarray, np.ndarray]:
    """Return the face-connected components of ``mask``.

    Returns
    -------
    labels, sizes:
        int32 array with 0 outside and 1..n by falling size, and the number of voxels of each, (n + 1,), the first
        entry of which is 0.
    """
    labels, count = ndimage.label(mask)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    order = np.argsort(-sizes[1:], kind="stable") + 1
    rank = np.zeros(count + 1, np.int32)
    rank[order] = np.arange(1, count + 1)
    return rank[labels], np.concatenate([[0], sizes[order]])


def largest_component(mask: Mask) -> Mask:
    """Return the largest face-connected component of ``mask``."""
    labels, sizes = components(mask)
    return labels == 1 if sizes.size > 1 else np.zeros_like(mask)


def connected_to(mask: Mask, seeds: Mask) -> Mask:
    """Return the face-connected components of ``mask`` that hold a voxel of ``seeds``."""
    labels, count = ndimage.label(mask)
    keep = np.zeros(count + 1, bool)
    keep[np.unique(labels[seeds & mask])] = True
    keep[0] = False
    return keep[labels]


def filled(mask: Mask) -> Mask:
    """Return ``mask`` with the holes filled that touch no image border."""
    box = bounding_box(mask)
    result = mask.copy()
    if box is not None:
        result[box] = ndimage.binary_fill_holes(mask[box])
    return result


def filled_in_slices(mask: Mask, axis: int = 0) -> Mask:
    """Return ``mask`` with the holes filled that are closed within a slice across ``axis``."""
    result = np.zeros_like(mask)
    for index in range(mask.shape[axis]):
        place = tuple(index if other == axis else slice(None) for other in range(3))
        part = mask[place]
        result[place] = ndimage.binary_fill_holes(part) if part.any() else part
    return result
