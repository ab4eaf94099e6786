"""The range of values that is told apart: in CT, that of the tissue that was clicked."""

import numpy as np
from numpy.typing import NDArray

from MedDeepRegSegLib.volumes.modality import Modality

# From the value at the click on, HU, and the range that shows such tissue: lung, soft tissue, bone.
_CT_RANGES = ((-np.inf, (-1100.0, -100.0)), (-350.0, (-200.0, 300.0)), (250.0, (-300.0, 1300.0)))


def value_limits(
    values: NDArray[np.float32], voxel: tuple[int, int, int], modality: Modality
) -> tuple[float, float] | None:
    """Return the range for a structure that was clicked at a voxel (k, j, i); None where values have no scale."""
    if modality is not Modality.CT:
        return None
    around = tuple(slice(max(at - 1, 0), at + 2) for at in voxel)
    at = float(np.median(values[around]))
    return next(limits for least, limits in reversed(_CT_RANGES) if at >= least)
