"""Whether a volume without a name that says so is a label map or an image."""

import numpy as np
import SimpleITK as sitk

_MOST_VALUES = 300
_LEAST_ALIKE = 0.6


def looks_like_labels(image: sitk.Image) -> bool:
    """Return whether an image of whole numbers holds areas of one value, as label maps do.

    Parameters
    ----------
    image:
        Scalar 3-D image.

    Returns
    -------
    bool
        True where all values are whole numbers from 0 on, few in number, and most neighbors of labeled voxels have the
        same value. Images are noisy: few of their neighbors do.
    """
    array = sitk.GetArrayViewFromImage(image)
    if array.dtype.kind not in "iuf" or not float(array.min()) >= 0:
        return False
    if array.dtype.kind == "f" and not all((np.rint(part) == part).all() for part in array):
        return False
    if float(array.max()) > np.iinfo(np.uint32).max or len(np.unique(array)) > _MOST_VALUES:
        return False
    first, second = array[..., :-1], array[..., 1:]
    labeled = (first > 0) & (second > 0)
    return bool(not labeled.any() or np.mean(first[labeled] == second[labeled]) >= _LEAST_ALIKE)
