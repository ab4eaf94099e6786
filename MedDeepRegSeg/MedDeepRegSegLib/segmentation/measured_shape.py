"""A segment prepared for measuring: its voxels, its boundary, its place."""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.volumes.geometry import index_to_world

LPS_TO_RAS = np.array([-1.0, -1.0, 1.0])


@dataclass(frozen=True)
class MeasuredShape:
    """One segment that is not empty."""

    mask: np.ndarray
    """Boolean (k, j, i), cropped to the segment."""
    start: np.ndarray
    """Index (i, j, k) of the first voxel of ``mask`` in the image."""
    matrix: np.ndarray
    """(4, 4) from voxel index (i, j, k, 1) in the image to LPS mm."""
    spacing: tuple[float, float, float]
    """mm along (i, j, k)."""
    cut: bool
    """Whether the segment touches the border of the image."""
    intensities: np.ndarray | None
    """Values of the image in the segment's voxels, (N,) float64; None without an image."""

    @property
    def voxel_volume(self) -> float:
        """Volume of a voxel, mm3."""
        return float(np.prod(self.spacing))

    @property
    def count(self) -> int:
        """Number of voxels."""
        return int(self.mask.sum())

    @property
    def volume(self) -> float:
        """Volume, mm3: that of the voxels."""
        return self.count * self.voxel_volume

    def voxel_indices(self) -> np.ndarray:
        """Return the indices of the voxels in the image, (N, 3) as (i, j, k)."""
        return np.argwhere(self.mask)[:, ::-1] + self.start

    def to_lps(self, indices: np.ndarray) -> np.ndarray:
        """Return the places of (fractional) indices (i, j, k), (N, 3) LPS mm."""
        return indices @ self.matrix[:3, :3].T + self.matrix[:3, 3]

    def boundary_points(self, axes: tuple[int, ...] = (0, 1, 2)) -> np.ndarray:
        """Return the centers of the faces between inside and outside, (N, 3) fractional indices (i, j, k).

        Parameters
        ----------
        axes:
            Index axes (0 is i) whose faces are wanted.
        """
        padded = np.pad(self.mask, 1)
        found = []
        for axis in axes:
            across = 2 - axis
            faces = np.argwhere(np.diff(padded.astype(np.int8), axis=across) != 0)[:, ::-1].astype(float)
            faces -= 1  # the padding
            faces[:, axis] += 0.5
            found.append(faces)
        return np.concatenate(found) + self.start


def shape_of(
    array: np.ndarray, value: int, labels: sitk.Image, intensities: np.ndarray | None = None
) -> MeasuredShape | None:
    """Return the shape of the voxels of ``value`` in ``array`` (k, j, i), or None if there are none."""
    whole = array == value
    bounds = []
    for axis in range(3):
        line = np.flatnonzero(whole.any(axis=tuple(other for other in range(3) if other != axis)))
        if line.size == 0:
            return None
        bounds.append((int(line[0]), int(line[-1]) + 1))
    box = tuple(slice(*bound) for bound in bounds)
    mask = whole[box]
    cut = any(low == 0 or high == size for (low, high), size in zip(bounds, array.shape, strict=True))
    inside = None if intensities is None else intensities[box][mask].astype(np.float64)
    start = np.array([bounds[2][0], bounds[1][0], bounds[0][0]])
    return MeasuredShape(mask, start, index_to_world(labels), labels.GetSpacing(), cut, inside)
