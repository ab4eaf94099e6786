"""What a click did."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class GrowingStep:
    """What a click did.

    Attributes
    ----------
    mask : ndarray, shape (k, j, i), bool
        On the grid of the image.
    volume_ml, changed_ml : float
        Volume of the structure, and of what changed with this click.
    suggestion : tuple, or None
        Where the next click would tell most, (LPS mm, whether the structure is thought to be there).
    adapted : bool
        Whether the network has learned from the corrections.
    notes : tuple of str
        What the user should know.
    seconds : float
        From the click to the mask.
    """

    mask: NDArray[np.bool_]
    volume_ml: float
    changed_ml: float
    suggestion: tuple[Point, bool] | None
    adapted: bool
    notes: tuple[str, ...]
    seconds: float
