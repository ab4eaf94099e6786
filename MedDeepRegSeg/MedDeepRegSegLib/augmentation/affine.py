"""Rotation, shift, scale and shear as one matrix, in degrees and mm about the center of the window.

The single matrices are as in MONAI (``monai.transforms.utils.create_rotate`` and its neighbors).
MONAI itself is not loaded: that takes longer than loading PyTorch.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.spatial.transform import Rotation

from MedDeepRegSegLib.augmentation.draws import Draws
from MedDeepRegSegLib.augmentation.ranges import Range, TransformSettings, check_range

Triple = tuple[float, float, float]
STILL: Triple = (0.0, 0.0, 0.0)


@dataclass(frozen=True, kw_only=True)
class AffineSettings(TransformSettings):
    """How far a patient may be turned, moved, enlarged and slanted.

    Attributes
    ----------
    rotation_degrees : tuple of float
        Largest angle about the left-right, front-back and head-foot axis, to either side.
    shift_mm : tuple of float
        Farthest along left-right, front-back and head-foot, to either side.
    scale : tuple of float
        Least and largest factor of all lengths.
    stretch : float
        Factors along the three axes differ from the common one by up to this part.
    shear : float
        Largest slope between two axes, to either side (0.1 slants by 0.1 mm per mm).
    """

    rotation_degrees: Triple = STILL
    shift_mm: Triple = STILL
    scale: Range = (1.0, 1.0)
    stretch: float = 0.0
    shear: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what turns a patient inside out."""
        super().__post_init__()
        for angle in self.rotation_degrees:
            check_range("rotation_degrees", (0.0, angle), 0.0, 180.0)
        for shift in self.shift_mm:
            check_range("shift_mm", (0.0, shift), 0.0)
        check_range("scale", self.scale, 0.2, 5.0)
        check_range("stretch", (0.0, self.stretch), 0.0, 0.5)
        check_range("shear", (0.0, self.shear), 0.0, 0.3)

    def draw(self, draws: Draws) -> "AffineDraw | None":
        """Return what happens to one sample; None where nothing does."""
        if not draws.chance(self.probability):
            return None
        x, y, z = (draws.about(angle) for angle in self.rotation_degrees)
        left, back, top = (draws.about(shift) for shift in self.shift_mm)
        # Logarithms, so that twice as large is as probable as half as large.
        common = float(np.exp(draws.uniform(*np.log(self.scale))))
        wide, deep, tall = (common * (1 + draws.about(self.stretch)) for _ in range(3))
        slopes = tuple(draws.about(self.shear) for _ in range(6))
        return AffineDraw(
            rotation_degrees=(x, y, z), shift_mm=(left, back, top), scale=(wide, deep, tall), shear=slopes
        )


@dataclass(frozen=True, kw_only=True)
class AffineDraw:
    """One rotation, shift, scale and shear of what is seen, LPS axes.

    Attributes
    ----------
    rotation_degrees : tuple of float
        About x (left), y (back) and z (top), applied in this order.
    shift_mm : tuple of float
        Along x, y, z.
    scale : tuple of float
        Factors along x, y, z; above 1 makes larger.
    shear : tuple of float
        Six slopes: of x by y and z, of y by x and z, of z by x and y, one axis after the other.
    """

    transform: Literal["affine"] = "affine"
    rotation_degrees: Triple = STILL
    shift_mm: Triple = STILL
    scale: Triple = (1.0, 1.0, 1.0)
    shear: tuple[float, ...] = (0.0,) * 6

    def matrix(self) -> np.ndarray:
        """Return the matrix (4, 4) that maps places of the image before to those after, mm from the center, x, y, z."""
        part = np.diag(self.scale)
        for axis, slopes in enumerate(np.reshape(self.shear, (3, 2))):
            slanted = np.eye(3)
            slanted[axis, np.arange(3) != axis] = slopes
            part = slanted @ part
        rotation = Rotation.from_euler("XYZ", self.rotation_degrees, degrees=True)
        matrix = np.eye(4)
        matrix[:3, :3] = rotation.as_matrix() @ part
        matrix[:3, 3] = self.shift_mm
        return matrix
