"""What a deformable stage finds."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from MedDeepRegSegLib.registration.canonical import Grid


@dataclass(frozen=True)
class Level:
    """One level: distance of its control points and voxels, mm, and the cost after each iteration."""

    control_mm: float
    spacing_mm: float
    curve: tuple[float, ...]


@dataclass(frozen=True)
class Deformation:
    """Displacement (3, Z, Y, X), mm along l, p, s, on a grid of the fixed space, and how it was found."""

    grid: Grid
    field: NDArray[np.float32]
    levels: tuple[Level, ...]
    notes: tuple[str, ...]
