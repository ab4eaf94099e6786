"""A segment prepared for measuring: its voxels, its boundary, its place."""

import functools
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

    @functools.cached_property
    def count(self) -> int:
        """Number of voxels."""
        return int(np.count_nonzero(self.mask))

    @property
    def volume(self) -> float:
        """Volume, mm3: that of the voxels."""
        return self.count * self.voxel_volume

    def to_lps(self, indices: np.ndarray) -> np.ndarray:
        """Return the places of (fractional) indices (i, j, k), (N, 3) LPS mm."""
        return indices @ self.matrix[:3, :3].T + self.matrix[:3, 3]

    def outer_faces(self, axes: tuple[int, ...] = (0, 1, 2)) -> np.ndarray:
        """Return the centers of the outermost faces, (N, 3) fractional indices (i, j, k).

        These are the first and the last face between inside and outside of each row of voxels. Whatever lies
        outermost in any direction, and so the longest distance between two faces, is among them.

        Parameters
        ----------
        axes:
            Index axes (0 is i) whose faces are wanted.
        """
        found = []
        for axis in axes:
            for ends, half in zip(row_ends(self.mask, axis), (-0.5, 0.5), strict=True):
                faces = ends.astype(float)
                faces[:, axis] += half
                found.append(faces)
        return np.concatenate(found) + self.start

    @functools.cached_property
    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean (3,) LPS mm and covariance (3, 3) mm2 of the voxel centers."""
        # Counts of voxels on planes and lines say the same as the list of all voxels, and are hundreds of times shorter.
        planes = [np.count_nonzero(self.mask, axis=2 - axis).T.astype(float) for axis in range(3)]
        steps = [np.arange(size, dtype=float) for size in self.mask.shape[::-1]]
        lines = (planes[1].sum(axis=1), planes[0].sum(axis=1), planes[0].sum(axis=0))
        mean = np.array([line @ step for line, step in zip(lines, steps, strict=True)]) / self.count
        away = [step - center for step, center in zip(steps, mean, strict=True)]
        covariance = np.diag([line @ step**2 for line, step in zip(lines, away, strict=True)])
        for left_out, (first, second) in enumerate(((1, 2), (0, 2), (0, 1))):
            both = away[first] @ planes[left_out] @ away[second]
            covariance[first, second] = covariance[second, first] = both
        turn = self.matrix[:3, :3]
        return self.to_lps((mean + self.start)[None])[0], turn @ (covariance / self.count) @ turn.T


def row_ends(mask: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first and the last voxel of each row of a boolean array (k, j, i) along an index axis, (N, 3) (i, j, k)."""
    along = 2 - axis
    filled = mask.any(axis=along)
    places = np.argwhere(filled)
    ends = []
    for backward in (False, True):
        turned = np.flip(mask, along) if backward else mask
        steps = turned.argmax(axis=along)[filled]
        steps = mask.shape[along] - 1 - steps if backward else steps
        ends.append(np.insert(places, along, steps, axis=1)[:, ::-1])
    return ends[0], ends[1]


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
