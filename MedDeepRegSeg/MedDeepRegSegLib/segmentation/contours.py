"""Contours of masks, slice by slice, with points between the voxels.

The slices may lie across any axis of the image. Contours are polylines in LPS mm, all points of one in one plane; their
ellipses and lines are fitted in :mod:`~MedDeepRegSegLib.segmentation.ellipse_fitting` and
:mod:`~MedDeepRegSegLib.segmentation.line_fitting`, edges of an image without a mask are found in
:mod:`~MedDeepRegSegLib.segmentation.edge_contours`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress
from MedDeepRegSegLib.segmentation.marching_squares import ZeroLine, zero_lines
from MedDeepRegSegLib.segmentation.overlay_plane import check_axis, closest_axis
from MedDeepRegSegLib.segmentation.sub_voxel import cropped, soft_mask
from MedDeepRegSegLib.volumes.geometry import check_label_map, index_to_world

SliceAxis = Literal["axial", "coronal", "sagittal"] | int
"""Orientation of slices, or the image axis across them: 0 for i, 1 for j, 2 for k."""


@dataclass(frozen=True)
class Contour:
    """A line in one slice of an image.

    Attributes
    ----------
    points:
        (N, 3) LPS mm. A closed contour does not repeat its first point.
    closed:
        Whether it returns to its start.
    slice_index:
        Number of the slice along the image axis across the slices.
    hole:
        Whether what it encloses lies outside of the mask.
    normal:
        Unit vector across the slice, LPS, along the image axis.
    """

    points: np.ndarray
    closed: bool
    slice_index: int
    hole: bool
    normal: tuple[float, float, float]

    @property
    def length_mm(self) -> float:
        """Length along the line."""
        ring = np.vstack([self.points, self.points[:1]]) if self.closed else self.points
        return float(np.linalg.norm(np.diff(ring, axis=0), axis=1).sum())

    @property
    def area_mm2(self) -> float:
        """Area that a closed contour encloses; 0 for an open one."""
        if not self.closed:
            return 0.0
        offset = self.points - self.points[0]
        return float(abs(np.cross(offset, np.roll(offset, -1, axis=0)).sum(axis=0) @ self.normal) / 2)

    @property
    def center(self) -> np.ndarray:
        """Mean of the line, (3,) LPS mm, whatever the distances of its points are."""
        ring = np.vstack([self.points, self.points[:1]]) if self.closed else self.points
        middles, lengths = (ring[1:] + ring[:-1]) / 2, np.linalg.norm(np.diff(ring, axis=0), axis=1)
        return middles.T @ lengths / lengths.sum() if lengths.sum() > 0 else self.points.mean(axis=0)


def slice_axis(image: sitk.Image, axis: SliceAxis) -> int:
    """Return the image axis (0 for i, 1 for j, 2 for k) across the slices of an orientation.

    Raises
    ------
    InputError
        If there is no such orientation or axis.
    """
    if isinstance(axis, str):
        return closest_axis(image, {"sagittal": 0, "coronal": 1, "axial": 2}[check_axis(axis)])
    if axis not in (0, 1, 2):
        msg = f"slice axis is {axis!r}, expected 0, 1 or 2, or one of axial, coronal, sagittal"
        raise InputError(msg)
    return int(axis)


def mask_contours(
    mask: sitk.Image,
    axis: SliceAxis = "axial",
    *,
    value: int | None = None,
    minimum_area_mm2: float = 0.0,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> list[Contour]:
    """Return the contours of a mask in all slices across one image axis.

    Parameters
    ----------
    mask:
        3-D label map. One-slice maps are allowed.
    axis:
        Orientation of the slices, or image axis across them.
    value:
        Label to outline; every label above 0 as one without.
    minimum_area_mm2:
        Leave out contours that enclose less.
    progress, cancel:
        As everywhere.

    Returns
    -------
    list of Contour
        All closed, slice by slice, the largest of a slice first. Where the mask meets the border of the image, the
        contour follows the outer side of the voxels. Every voxel center of the mask lies inside.

    Raises
    ------
    InputError
        If the mask is no label map or has no such voxel.
    """
    check_label_map(mask, "mask")
    array = sitk.GetArrayViewFromImage(mask)
    chosen = array > 0 if value is None else array == value
    if not chosen.any():
        msg = "the mask is empty: " + ("draw or grow it first" if value is None else f"no voxel has the label {value}")
        raise InputError(msg)
    through = slice_axis(mask, axis)
    plane_axes = [array_axis for array_axis in range(3) if array_axis != 2 - through]
    part, first = cropped(chosen, plane_axes)
    count = part.shape[2 - through]
    contours = []
    for number in range(count):
        if cancel is not None:
            cancel.raise_if_canceled()
        inside = part.take(number, axis=2 - through)
        if not inside.any():
            continue
        lines = zero_lines(soft_mask(inside, (0, 1)))
        made = [_contour(line, mask, through, number + int(first[2 - through]), first[plane_axes]) for line in lines]
        made = [contour for contour in made if contour.area_mm2 >= minimum_area_mm2]
        contours += sorted(made, key=lambda contour: -contour.area_mm2)
        progress((number + 1) / count, "Outlining slices")
    return contours


def _contour(line: ZeroLine, image: sitk.Image, through: int, slice_index: int, first: np.ndarray) -> Contour:
    hole = line.closed and line.signed_area < 0
    points = points_of_slice(image, through, slice_index, line.points + first)
    return Contour(points, line.closed, slice_index, hole, slice_normal(image, through))


def points_of_slice(image: sitk.Image, through: int, slice_index: int, positions: np.ndarray) -> np.ndarray:
    """Return points (N, 3) LPS mm from rows and columns (N, 2) of the slice of an image array.

    Rows run along the last image axis that lies in the slice, columns along the first one.
    """
    columns, rows = (axis for axis in range(3) if axis != through)
    index = np.empty((len(positions), 3))
    index[:, through] = slice_index
    index[:, rows], index[:, columns] = positions[:, 0], positions[:, 1]
    matrix = index_to_world(image)
    return index @ matrix[:3, :3].T + matrix[:3, 3]


def slice_normal(image: sitk.Image, through: int) -> tuple[float, float, float]:
    """Return the unit vector along an image axis, LPS."""
    x, y, z = np.array(image.GetDirection()).reshape(3, 3)[:, through].tolist()
    return (x, y, z)


def by_slice(contours: list[Contour]) -> Iterator[tuple[int, list[Contour]]]:
    """Yield the number of each slice and its contours, in the order of the slices."""
    slices: dict[int, list[Contour]] = {}
    for contour in contours:
        slices.setdefault(contour.slice_index, []).append(contour)
    yield from sorted(slices.items())


def resampled(contour: Contour, count: int) -> np.ndarray:
    """Return ``count`` points at even distances along a contour, (count, 3) LPS mm.

    An open contour keeps both of its ends.
    """
    ring = np.vstack([contour.points, contour.points[:1]]) if contour.closed else contour.points
    way = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(ring, axis=0), axis=1))])
    at = np.linspace(0, way[-1], count, endpoint=not contour.closed)
    return np.stack([np.interp(at, way, ring[:, axis]) for axis in range(3)], axis=1)
