"""Smooth lines drawn into pictures, and planes along the slices of an image itself."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.segmentation.overlay_draw import mix
from MedDeepRegSegLib.segmentation.overlay_plane import RIGHT_DOWN, Axis, SlicePlane
from MedDeepRegSegLib.segmentation.overlay_text import Color
from MedDeepRegSegLib.volumes.geometry import index_to_world, volume_corners

_AXES: tuple[Axis, ...] = ("sagittal", "coronal", "axial")
_STEP = 0.4  # pixels between the dots that make a line


@dataclass(frozen=True)
class GridPlane(SlicePlane):
    """A plane along a slice of an image, however the image lies in the patient.

    Attributes
    ----------
    directions:
        Unit vectors from left to right and from top to bottom, LPS.
    """

    directions: tuple[tuple[float, ...], tuple[float, ...]]

    @property
    def right(self) -> np.ndarray:
        """Unit vector from left to right in the picture, LPS."""
        return np.array(self.directions[0])

    @property
    def down(self) -> np.ndarray:
        """Unit vector from top to bottom in the picture, LPS."""
        return np.array(self.directions[1])


def grid_plane(
    image: sitk.Image, through: int, slice_index: int, *, size: int, around: np.ndarray | None = None
) -> GridPlane:
    """Return the plane of a slice of an image, turned as radiologists look at it.

    Parameters
    ----------
    image:
        3-D image.
    through:
        Image axis across the slice.
    slice_index:
        Number of the slice.
    size:
        Pixels along the longer side.
    around:
        (N, 3) LPS points to show with a margin; the whole slice without.
    """
    directions = np.array(image.GetDirection()).reshape(3, 3)
    axis = _AXES[int(np.abs(directions[:, through]).argmax())]
    first, second = (directions[:, other] for other in range(3) if other != through)
    right, down = (np.array(reference) for reference in RIGHT_DOWN[axis])
    if abs(first @ right) < abs(second @ right):
        first, second = second, first
    first, second = first * np.sign(first @ right or 1.0), second * np.sign(second @ down or 1.0)
    axes = np.stack([first, second])
    corners = volume_corners(image) @ axes.T
    low, high = corners.min(axis=0), corners.max(axis=0)
    if around is not None and len(around):
        shown = around @ axes.T
        margin = max(8.0, 0.12 * float(np.ptp(shown, axis=0).max()))
        low, high = np.maximum(low, shown.min(axis=0) - margin), np.minimum(high, shown.max(axis=0) + margin)
    pixel = float((high - low).max()) / size
    shape = (max(1, round((high[1] - low[1]) / pixel)), max(1, round((high[0] - low[0]) / pixel)))
    index = (np.array(image.GetSize()) - 1) / 2.0
    index[through] = slice_index
    middle = index_to_world(image)[:3] @ np.append(index, 1.0)
    start = (low + high) / 2 - pixel * (np.array(shape[::-1]) - 1) / 2
    origin = middle + axes.T @ (start - axes @ middle)
    x, y, z = origin.tolist()
    return GridPlane(axis, (x, y, z), pixel, shape, (tuple(first.tolist()), tuple(second.tolist())))


def draw_line(
    picture: np.ndarray, positions: np.ndarray, color: Color, *, width: float = 1.5, closed: bool = False
) -> None:
    """Draw a line into a picture.

    Parameters
    ----------
    picture:
        (H, W, 3) uint8, changed in place.
    positions:
        (N, 2) rows and columns of its points, also beyond the picture.
    color:
        Red, green and blue from 0 to 1.
    width:
        Pixels.
    closed:
        Join the last to the first point.
    """
    ring = np.vstack([positions, positions[:1]]) if closed else np.asarray(positions, float)
    way = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(ring, axis=0), axis=1))])
    at = np.linspace(0, way[-1], max(2, int(way[-1] / _STEP) + 1))
    dots = np.stack([np.interp(at, way, ring[:, axis]) for axis in range(2)], axis=1)
    height, columns = picture.shape[:2]
    alpha = np.zeros(height * columns, np.float32)
    reach = int(np.ceil(width / 2)) + 1
    nearest = np.rint(dots).astype(int)
    for row in range(-reach, reach + 1):
        for column in range(-reach, reach + 1):
            pixel = nearest + np.array([row, column])
            seen = ((pixel >= 0) & (pixel < [height, columns])).all(axis=1)
            away = np.linalg.norm(pixel[seen] - dots[seen], axis=1)
            cover = np.clip(width / 2 + 0.5 - away, 0, 1).astype(np.float32)
            np.maximum.at(alpha, pixel[seen, 0] * columns + pixel[seen, 1], cover)
    picture[:] = mix(picture, alpha.reshape(height, columns), color)


def plane_positions(plane: SlicePlane, points: np.ndarray) -> np.ndarray:
    """Return rows and columns (N, 2) at which LPS points (N, 3) are drawn."""
    offset = np.asarray(points, float) - plane.origin
    return np.stack([offset @ plane.down, offset @ plane.right], axis=1) / plane.mm_per_pixel


def distinct_colors(wanted: Sequence[Color], spare: Sequence[Color], *, least: float = 0.25) -> list[Color]:
    """Return the wanted colors, with those too near to an earlier one replaced by the first spare one that is not."""
    taken: list[Color] = []
    for color in wanted:
        choices = [color, *spare]
        apart = [min((float(np.linalg.norm(np.subtract(c, other))) for other in taken), default=1.0) for c in choices]
        good = next((number for number, distance in enumerate(apart) if distance >= least), int(np.argmax(apart)))
        taken.append(choices[good])
    return taken
