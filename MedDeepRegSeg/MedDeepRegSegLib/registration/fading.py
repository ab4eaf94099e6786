"""How a displacement fades to nothing outside of the image, without folding."""

import numpy as np
from numpy.typing import NDArray

_SHORTEST_MM = 32.0
_LONGEST_MM = 160.0
# The weights fall by at most 1.875 / length, so a fade this much longer than the displacement alone cannot fold.
_BY_DISPLACEMENT = 4.0


def fade_length(longest_mm: float) -> float:
    """Return over which distance, mm, displacements up to ``longest_mm`` fade."""
    return float(np.clip(_BY_DISPLACEMENT * longest_mm, _SHORTEST_MM, _LONGEST_MM))


def fade_weights(outside_mm: NDArray[np.float64], length_mm: float) -> NDArray[np.float64]:
    """Return weights that are 1 inside (distance 0 or less) and fall smoothly to 0 at ``length_mm`` outside."""
    t = np.clip(1 - outside_mm / length_mm, 0, 1)
    return t**3 * (10 - 15 * t + 6 * t**2)
