"""Where the lung ends in CT, between voxels that are partly lung and partly wall."""

import numpy as np
from scipy import ndimage

from MedDeepRegSegLib.segmentation.morphology import Mask, Spacing, bounding_box

_AROUND_MM = 7.5
_LUNG_HU = -700.0
_WALL_HU = -250.0
_DARKEST_HU, _DENSEST_HU = -900.0, 60.0  # bronchi and ribs beside the surface do not move it
_USUAL_LUNG_HU, _USUAL_WALL_HU = -850.0, 0.0


def aerated(values: np.ndarray, spacing: Spacing, lungs: Mask) -> Mask:
    """Return the voxels nearer to the density of the lung around them than to that of the wall around them.

    Half way between both is where the surface is, whatever the voxel size (the half maximum): fat of the chest wall and
    liver below the diaphragm differ, and lung near the base is denser than at the top. The intensities are blurred by half
    a voxel first, because noise at the threshold makes the surface ragged.

    Parameters
    ----------
    values:
        Hounsfield units (k, j, i).
    spacing:
        mm along the same axes.
    lungs:
        About where the lungs are; nothing is returned farther than about 15 mm from them.
    """
    sizes = [2 * max(1, round(_AROUND_MM / step - 0.5)) + 1 for step in spacing]
    result = np.zeros(lungs.shape, bool)
    box = bounding_box(lungs, margin=[size + 1 for size in sizes])
    if box is None:
        return result
    part = np.clip(values[box], _DARKEST_HU, _DENSEST_HU)
    near = ndimage.binary_dilation(lungs[box])
    lung = _mean_around(part, near & (values[box] < _LUNG_HU), sizes, _USUAL_LUNG_HU)
    wall = _mean_around(part, values[box] > _WALL_HU, sizes, _USUAL_WALL_HU)
    result[box] = ndimage.gaussian_filter(part, 0.5) < (lung + wall) / 2
    return result


def _mean_around(values: np.ndarray, where: Mask, sizes: list[int], otherwise: float) -> np.ndarray:
    weight = ndimage.uniform_filter(where.astype(np.float32), sizes)
    total = ndimage.uniform_filter(np.where(where, values, np.float32(0)), sizes)
    some = weight > 1e-4
    return np.where(some, total / np.where(some, weight, 1), np.float32(otherwise))
