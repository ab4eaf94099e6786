"""The plane of a slice picture: where each pixel lies in the patient, and what a volume has there.

Pictures are in radiological orientation: the patient's right is on the left of axial and coronal pictures, anterior is
on top of axial and on the left of sagittal pictures, superior is on top of the others. Pixels are square in mm,
whatever the voxels are, and oblique volumes are cut along the patient's axes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.segmentation.segments import Segment, default_color
from MedDeepRegSegLib.volumes.geometry import index_to_world, volume_center

Axis = Literal["axial", "coronal", "sagittal"]
Position = float | Sequence[float] | None

RIGHT_DOWN = {  # directions of the picture's columns and rows, LPS
    "axial": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
    "coronal": ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0)),
    "sagittal": ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0)),
}
_LETTERS = {"axial": "RLAP", "coronal": "RLSI", "sagittal": "APSI"}
_THROUGH = {"axial": 2, "coronal": 1, "sagittal": 0}
_SIGNS = {0: ("R", "L"), 1: ("A", "P"), 2: ("I", "S")}


@dataclass(frozen=True)
class SlicePlane:
    """A grid of square pixels in the patient.

    Attributes
    ----------
    axis:
        Name of the orientation.
    origin:
        Center of the top left pixel, LPS mm.
    mm_per_pixel:
        Side of a pixel, mm.
    shape:
        Rows and columns.
    """

    axis: Axis
    origin: tuple[float, float, float]
    mm_per_pixel: float
    shape: tuple[int, int]

    @property
    def right(self) -> np.ndarray:
        """Unit vector from left to right in the picture, LPS."""
        return np.array(RIGHT_DOWN[self.axis][0])

    @property
    def down(self) -> np.ndarray:
        """Unit vector from top to bottom in the picture, LPS."""
        return np.array(RIGHT_DOWN[self.axis][1])

    @property
    def letters(self) -> str:
        """Directions at the left, right, top and bottom edge, for example ``"RLAP"``."""
        return _LETTERS[self.axis]

    @property
    def place(self) -> str:
        """Where the plane lies, for a caption: ``"S 12.5 mm"``. Zero is the origin of the image's coordinates."""
        through = _THROUGH[self.axis]
        value = self.origin[through]
        return f"{_SIGNS[through][value > 0]} {abs(value):.1f} mm"

    def pixel_of(self, point: Sequence[float]) -> tuple[float, float]:
        """Return the row and column, in pixels, at which an LPS point (projected onto the plane) is drawn."""
        offset = np.asarray(point, float) - self.origin
        return float(offset @ self.down / self.mm_per_pixel), float(offset @ self.right / self.mm_per_pixel)

    def reference(self) -> sitk.Image:
        """Return an empty one-slice image on the plane, to resample onto."""
        rows, columns = self.shape
        image = sitk.Image([columns, rows, 1], sitk.sitkUInt8)
        image.SetSpacing([self.mm_per_pixel] * 3)
        image.SetOrigin(self.origin)
        normal = np.cross(self.right, self.down)
        image.SetDirection(np.stack([self.right, self.down, normal], axis=1).ravel().tolist())
        return image


def check_axis(axis: str) -> Axis:
    """Return ``axis`` if it names an orientation, else raise InputError."""
    if axis not in RIGHT_DOWN:
        msg = f"slice axis is {axis!r}, expected one of axial, coronal, sagittal"
        raise InputError(msg)
    return axis  # type: ignore[return-value]


def plane_through(
    image: sitk.Image,
    axis: Axis,
    *,
    position: Position = None,
    index: int | None = None,
    size: int = 512,
    labels: sitk.Image | None = None,
    margin_mm: float | None = None,
) -> SlicePlane:
    """Return the plane of a picture.

    Parameters
    ----------
    image:
        3-D image whose field of view the picture covers.
    axis:
        ``"axial"``, ``"coronal"`` or ``"sagittal"``.
    position:
        An LPS point in mm, or the coordinate in mm along the LPS axis that the plane is perpendicular to.
        None: where the labels have their largest area, or the center of the image without labels.
    index:
        Instead of ``position``: number of the slice along the image axis that is closest to ``axis``. The plane
        goes through the center of that slice.
    size:
        Pixels along the longer side.
    labels:
        Label map, for the default position and for ``margin_mm``.
    margin_mm:
        Show only the extent of the labels and this margin around it; None shows the whole image.

    Raises
    ------
    InputError
        If both position and index are given, or the plane misses the image.
    """
    check_axis(axis)
    if position is not None and index is not None:
        msg = "both a position and an index of the slice are given, expected at most one"
        raise InputError(msg)
    if not 16 <= size <= 8192:
        msg = f"picture size is {size} pixels, expected 16 to 8192"
        raise InputError(msg)
    through = _THROUGH[axis]
    labeled = None if labels is None else _labeled_box(labels)
    if index is not None:
        point = _slice_center(image, through, index)
    elif position is None:
        point = volume_center(image) if labels is None or labeled is None else _largest_area(labels, through)
    elif np.ndim(position) == 0:
        point = volume_center(image)
        point[through] = float(position)  # type: ignore[arg-type]
    else:
        point = np.asarray(position, float)
        if point.shape != (3,) or not np.isfinite(point).all():
            msg = f"slice position is {position!r}, expected a number or a point of three finite numbers (LPS mm)"
            raise InputError(msg)
    low, high = _box_of_corners(image, np.zeros(3), np.array(image.GetSize()) - 1)
    if not low[through] - 1e-6 <= point[through] <= high[through] + 1e-6:
        msg = (
            f"{axis} slice at {point[through]:.1f} mm (LPS) misses the image, which reaches from "
            f"{low[through]:.1f} to {high[through]:.1f} mm: pick a position inside"
        )
        raise InputError(msg)
    if margin_mm is not None and labeled is not None:
        low, high = labeled[0] - margin_mm, labeled[1] + margin_mm
    right, down = (np.array(direction) for direction in RIGHT_DOWN[axis])
    width, height = float(np.abs(high - low) @ np.abs(right)), float(np.abs(high - low) @ np.abs(down))
    pixel = max(width, height) / size
    shape = (max(1, round(height / pixel)), max(1, round(width / pixel)))
    middle = (low + high) / 2
    middle[through] = point[through]
    origin = middle - right * pixel * (shape[1] - 1) / 2 - down * pixel * (shape[0] - 1) / 2
    return SlicePlane(axis, (float(origin[0]), float(origin[1]), float(origin[2])), pixel, shape)


def _box_of_corners(image: sitk.Image, first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the box along the LPS axes that encloses whole voxels from index ``first`` to ``last``."""
    corners = np.stack(np.meshgrid(*zip(first - 0.5, last + 0.5, strict=True), indexing="ij"), -1).reshape(-1, 3)
    matrix = index_to_world(image)
    world = corners @ matrix[:3, :3].T + matrix[:3, 3]
    return world.min(0), world.max(0)


def _labeled_box(labels: sitk.Image) -> tuple[np.ndarray, np.ndarray] | None:
    array = sitk.GetArrayViewFromImage(labels) != 0
    if not array.any():
        return None
    spans = [np.flatnonzero(array.any(axis=tuple(a for a in range(3) if a != 2 - axis))) for axis in range(3)]
    return _box_of_corners(labels, np.array([s[0] for s in spans], float), np.array([s[-1] for s in spans], float))


def closest_axis(image: sitk.Image, through: int) -> int:
    """Return the image axis (0 for i) that runs closest along an LPS axis, each image axis being used once."""
    direction = np.abs(np.array(image.GetDirection()).reshape(3, 3))
    return int(np.argmax(direction[through]))


def _slice_center(image: sitk.Image, through: int, index: int) -> np.ndarray:
    along = closest_axis(image, through)
    count = image.GetSize()[along]
    if not 0 <= index < count:
        msg = f"slice index is {index}, expected 0 to {count - 1}"
        raise InputError(msg)
    middle = (np.array(image.GetSize()) - 1) / 2
    middle[along] = index
    return index_to_world(image)[:3] @ np.append(middle, 1.0)


def _largest_area(labels: sitk.Image, through: int) -> np.ndarray:
    """Return the LPS center of the labels in the image slice that has most of them."""
    along = closest_axis(labels, through)
    array = sitk.GetArrayViewFromImage(labels) != 0
    areas = array.sum(axis=tuple(axis for axis in range(3) if axis != 2 - along))
    # Among equally large slices the middle one shows a structure best.
    best = np.flatnonzero(areas == areas.max())
    index = int(best[len(best) // 2])
    found = np.argwhere(np.take(array, index, axis=2 - along))
    center = np.insert(found.mean(0), 2 - along, index)[::-1]
    return index_to_world(labels)[:3] @ np.append(center, 1.0)


def sample_plane(image: sitk.Image, plane: SlicePlane, *, outside: float | None = None) -> np.ndarray:
    """Return the values of an image on a plane, (H, W) float32, linearly interpolated.

    Parameters
    ----------
    image:
        3-D scalar image.
    plane:
        Where.
    outside:
        Value beyond the image; None for NaN.
    """
    beyond = float("nan") if outside is None else outside
    cut = sitk.Resample(image, plane.reference(), sitk.Transform(), sitk.sitkLinear, beyond, sitk.sitkFloat32)
    return sitk.GetArrayFromImage(cut)[0]


def sample_labels(labels: sitk.Image, plane: SlicePlane) -> np.ndarray:
    """Return the label at each pixel of a plane, (H, W) of the labels' type; see :func:`labels_at`."""
    rows, columns = plane.shape
    points = (
        np.array(plane.origin)
        + np.arange(rows)[:, None, None] * plane.down * plane.mm_per_pixel
        + np.arange(columns)[None, :, None] * plane.right * plane.mm_per_pixel
    )
    return labels_at(labels, points.reshape(-1, 3)).reshape(plane.shape)


def labels_at(labels: sitk.Image, points: np.ndarray, *, ignore_background: bool = False) -> np.ndarray:
    """Return the label at each of many points, (N,) of the labels' type.

    A point gets the label whose indicator, linearly interpolated, is largest. Against the nearest voxel this gives
    smooth outlines where voxels are larger than pixels. A point outside the voxels is 0.

    Parameters
    ----------
    labels:
        3-D label map.
    points:
        (N, 3) LPS mm.
    ignore_background:
        Give label 0 only where no other label is near.
    """
    array = sitk.GetArrayViewFromImage(labels)
    size = np.array(labels.GetSize())
    to_index = np.linalg.inv(index_to_world(labels))
    position = points @ to_index[:3, :3].T + to_index[:3, 3]
    inside = ((position >= -0.5) & (position <= size - 0.5)).all(-1)
    result = np.zeros(len(points), array.dtype)
    if not inside.any():
        return result
    position = position[inside]
    floor = np.floor(position).astype(int)
    fraction = position - floor
    corner_labels = np.empty((8, len(position)), array.dtype)
    corner_weights = np.empty((8, len(position)), np.float32)
    for corner in range(8):
        offset = np.array([corner & 1, corner >> 1 & 1, corner >> 2])
        index = np.clip(floor + offset, 0, size - 1)
        corner_labels[corner] = array[index[:, 2], index[:, 1], index[:, 0]]
        corner_weights[corner] = np.prod(np.where(offset == 1, fraction, 1 - fraction), axis=1)
    best = corner_labels[0].copy()
    mixed = np.flatnonzero((corner_labels != corner_labels[0]).any(0))  # only near borders is there a vote
    if mixed.size:
        votes, weights = corner_labels[:, mixed], corner_weights[:, mixed]
        # Sum of the weights of the corners that agree with each corner; the largest sum wins.
        totals = np.stack([np.where(votes == votes[corner], weights, 0).sum(0) for corner in range(8)])
        if ignore_background:
            totals[votes == 0] = -1
        best[mixed] = np.take_along_axis(votes, totals.argmax(0)[None], 0)[0]
    result[inside] = best
    return result


def segment_colors(
    labels: sitk.Image, segments: Sequence[Segment] | None = None
) -> dict[int, tuple[float, float, float]]:
    """Return the color of each label that is to be shown.

    Parameters
    ----------
    labels:
        Label map.
    segments:
        The segments to show, in their colors. None shows every label of the map in its default color.
    """
    if segments is not None:
        return {segment.value: segment.color for segment in segments}
    values = np.unique(sitk.GetArrayViewFromImage(labels))
    return {int(value): default_color(int(value) - 1) for value in values if value != 0}


def only_labels(labels: sitk.Image, values: Iterable[int]) -> sitk.Image:
    """Return a label map with all but some labels set to 0; the map itself where it has no others."""
    array = sitk.GetArrayViewFromImage(labels)
    keep = np.isin(array, [0, *values])
    if keep.all():
        return labels
    result = sitk.GetImageFromArray(np.where(keep, array, 0).astype(array.dtype))
    result.CopyInformation(labels)
    return result
