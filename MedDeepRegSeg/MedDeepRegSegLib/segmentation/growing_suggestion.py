"""Where the next click would tell most: in the largest region that could belong to either."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from MedDeepRegSegLib.segmentation.growing_window import Window

_UNSURE = (0.2, 0.8)
_FEWEST = 30


def suggest(chance: NDArray[np.float32], window: Window) -> tuple[NDArray[np.int64], bool] | None:
    """Return a voxel (k, j, i) of the image, and whether the structure is thought to be there; None where all is clear.

    Parameters
    ----------
    chance : ndarray, shape (D, H, W), float32
        That a working voxel belongs to the structure, 0 to 1.
    window : Window
    """
    unsure = (chance > _UNSURE[0]) & (chance < _UNSURE[1])
    # A border is unsure within a voxel everywhere; what matters is thicker.
    thick = ndimage.binary_opening(unsure, ndimage.generate_binary_structure(3, 1))
    labels, count = ndimage.label(thick)
    if count == 0:
        return None
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    largest = int(sizes.argmax())
    if sizes[largest] < _FEWEST:
        return None
    depth = ndimage.distance_transform_edt(np.pad(labels == largest, 1))[1:-1, 1:-1, 1:-1]
    place = np.array(np.unravel_index(int(depth.argmax()), depth.shape))
    return window.to_image(place), bool(chance[tuple(place)] >= 0.5)
