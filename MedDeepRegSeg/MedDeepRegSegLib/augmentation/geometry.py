"""Where each voxel of a sample lies in the volume it was made of, and back.

A place ``p`` of the sample, mm from the center of its window along x, y, z (LPS axes), shows the place
``flip(inverse affine(p + displacement(p)))`` of the volume, mm from the same center. All geometric changes are this one map.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from MedDeepRegSegLib.augmentation.affine import AffineDraw
from MedDeepRegSegLib.augmentation.crop import CropDraw
from MedDeepRegSegLib.augmentation.elastic import ElasticDraw
from MedDeepRegSegLib.augmentation.flip import FlipDraw

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class SampleGeometry:
    """The map between a sample and the volume it shows. Places are indices z, y, x, also between voxels.

    Attributes
    ----------
    voxel_mm : tuple of float
        Size of a voxel along x, y, z, mm.
    window : CropDraw
    affine : AffineDraw, optional
    elastic : ElasticDraw, optional
    flip : FlipDraw, optional
    """

    voxel_mm: tuple[float, float, float]
    window: CropDraw
    affine: AffineDraw | None = None
    elastic: ElasticDraw | None = None
    flip: FlipDraw | None = None

    @property
    def moves(self) -> bool:
        """Whether voxels are resampled: False for windows and flips alone."""
        return self.affine is not None or self.elastic is not None

    def linear(self) -> np.ndarray:
        """Return the matrix (4, 4) from ``p + displacement(p)`` to the volume, mm, x, y, z."""
        matrix = np.eye(4) if self.affine is None else np.linalg.inv(self.affine.matrix())
        if self.flip is not None:
            matrix = np.diag([*self.flip.signs(), 1.0]) @ matrix
        return matrix

    def in_volume(self, places: np.ndarray) -> np.ndarray:
        """Return what places (N, 3) of the sample show: places (N, 3) of the volume."""
        here = (np.asarray(places, float) - self._middle())[:, ::-1] * self.voxel_mm
        if self.elastic is not None:
            here = here + self.elastic.at(here)
        matrix = self.linear()
        there = here @ matrix[:3, :3].T + matrix[:3, 3]
        return (there / self.voxel_mm)[:, ::-1] + self.window.center

    def in_sample(self, places: np.ndarray) -> np.ndarray:
        """Return where the sample shows places (N, 3) of the volume: the inverse of :meth:`in_volume`."""
        there = (np.asarray(places, float) - self.window.center)[:, ::-1] * self.voxel_mm
        matrix = np.linalg.inv(self.linear())
        here = there @ matrix[:3, :3].T + matrix[:3, 3]
        if self.elastic is not None:
            here = self.elastic.undone(here)
        return (here / self.voxel_mm)[:, ::-1] + self._middle()

    def voxel_places(self) -> "Tensor":
        """Return what every voxel of the sample shows, (3, z, y, x) float32: indices along x, y, z in the volume."""
        import torch

        size, voxel = self.window.size, np.array(self.voxel_mm)
        matrix = self.linear()
        # Indices to indices: columns of the matrix by the voxels of the sample, rows by those of the volume.
        turn = matrix[:3, :3] * voxel[None, :] / voxel[:, None]
        shift = matrix[:3, 3] / voxel + np.array(self.window.center[::-1])
        along = [torch.arange(side, dtype=torch.float32) - (side - 1) / 2 for side in size]
        weights = torch.from_numpy(turn.astype(np.float32))
        start = torch.from_numpy(shift.astype(np.float32))
        shape = ((1, 1, -1), (1, -1, 1), (-1, 1, 1))  # of x, y, z
        steps = [weights[:, axis, None] * along[2 - axis] for axis in range(3)]
        x, y, z = (step.view(3, *form) for step, form in zip(steps, shape, strict=True))
        places = ((z + start.view(3, 1, 1, 1)) + y) + x
        if self.elastic is not None:
            bend = torch.from_numpy((matrix[:3, :3] / voxel[:, None]).astype(np.float32))
            # The few nodes of the spline are turned instead of the many voxels.
            lattice = torch.tensordot(bend, self.elastic.lattice(), dims=1)
            from MedDeepRegSegLib.augmentation.smooth_fields import field_of

            places = places + field_of(lattice, self.elastic.node_spacing_mm, self.voxel_mm, size)
        return places

    def _middle(self) -> np.ndarray:
        return (np.array(self.window.size) - 1) / 2


def corner_places(size: Sequence[int]) -> np.ndarray:
    """Return the places (8, 3) of the outermost voxels of a sample."""
    ends = [(0.0, side - 1.0) for side in size]
    return np.stack(np.meshgrid(*ends, indexing="ij"), axis=-1).reshape(-1, 3)
