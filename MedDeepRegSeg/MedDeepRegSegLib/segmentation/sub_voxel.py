"""Where the border of a mask lies between its voxels.

A mask is smoothed by a kernel without second moment (twice a Gaussian less a wider one), so that round shapes do not
shrink, and is then held between the voxels it had: every voxel inside stays inside, every voxel outside stays outside.
"""

from collections.abc import Sequence

import numpy as np
import scipy.ndimage

_SIGMA = 0.8  # voxels: takes away the steps of the voxels, not the shape
_LEAST = 0.05  # the border keeps this share of the difference to either voxel
MARGIN = 4
"""Voxels of outside that a mask needs around it for the smoothing."""


def soft_mask(mask: np.ndarray, axes: Sequence[int]) -> np.ndarray:
    """Return a smooth float32 array that is above 0 in the mask, below 0 outside, and 0 on its border.

    Source of the kernel: "twicing" of J. Tukey, Exploratory Data Analysis (1977), chapter 16.

    Parameters
    ----------
    mask:
        Boolean array, with :data:`MARGIN` voxels of outside around the mask along ``axes``.
    axes:
        Axes of the array along which the border is smoothed.
    """
    values = mask.astype(np.float32)
    sigma = [_SIGMA if axis in axes else 0.0 for axis in range(mask.ndim)]
    once = scipy.ndimage.gaussian_filter(values, sigma, mode="constant", truncate=4)
    twice = scipy.ndimage.gaussian_filter(once, sigma, mode="constant", truncate=4)
    values = 2 * once - twice - np.float32(0.5)
    return np.where(mask, np.maximum(values, _LEAST), np.minimum(values, -_LEAST))


def cropped(mask: np.ndarray, axes: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the part of a mask that is not empty, with a margin along ``axes``, and the index of its first voxel.

    Parameters
    ----------
    mask:
        Boolean array with at least one voxel.

    Returns
    -------
    part:
        Boolean array; the margin may reach beyond the array.
    first:
        Index of the first voxel of the part in the array, below 0 where the margin reaches beyond it.
    """
    box = []
    for axis in range(mask.ndim):
        found = np.flatnonzero(mask.any(axis=tuple(other for other in range(mask.ndim) if other != axis)))
        box.append(slice(int(found[0]), int(found[-1]) + 1))
    margins = [MARGIN if axis in axes else 0 for axis in range(mask.ndim)]
    part = np.pad(mask[tuple(box)], [(margin, margin) for margin in margins])
    return part, np.array([part_.start - margin for part_, margin in zip(box, margins, strict=True)])
