"""Diameters: the largest in 3D, and the two that a radiologist draws on a slice."""

import numpy as np
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import cdist

from MedDeepRegSegLib.segmentation.measured_shape import MeasuredShape
from MedDeepRegSegLib.segmentation.measurement import MM, Measurement

_MANY = 2000  # rows of a distance table computed at a time


def measure_diameters(shape: MeasuredShape | None, _units: str = "") -> list[Measurement]:
    """Return the largest 3D diameter, the longest diameter within a slice, and the longest one perpendicular to it.

    Slices are those of the image nearest to axial. Distances are between the middles of boundary faces, which neither
    under- nor overstates smooth shapes.
    """
    largest = longest = perpendicular = 0.0
    if shape is not None:
        largest = _diameter(shape.to_lps(shape.outer_faces()))[0]
        longest, perpendicular = _slice_diameters(shape)
    return [
        Measurement(
            "largest_diameter_mm",
            "Largest 3D diameter",
            largest,
            "mm",
            "Largest distance between two points of the boundary.",
            ("IBSI", "L0JK", "Maximum 3D Diameter"),
            MM,
        ),
        Measurement(
            "longest_diameter_mm",
            "Longest in-slice diameter",
            longest,
            "mm",
            "Largest distance between two points of the boundary in one slice, over all near-axial slices (RECIST).",
            ("SCT", "103339001", "Long Axis"),
            MM,
        ),
        Measurement(
            "perpendicular_diameter_mm",
            "Perpendicular in-slice diameter",
            perpendicular,
            "mm",
            "Longest chord perpendicular to the longest diameter, in the same slice.",
            ("SCT", "103340004", "Short Axis"),
            MM,
        ),
    ]


def _diameter(points: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the largest distance between (N, D) points, and the two points."""
    corners = points
    if len(points) > 3 * points.shape[1]:
        try:
            corners = points[ConvexHull(points).vertices]
        except QhullError:
            corners = points  # flat or in one line
    best = (-1.0, corners[0], corners[0])
    for first in range(0, len(corners), _MANY):
        part = corners[first : first + _MANY]
        table = cdist(part, corners)
        a, b = np.unravel_index(int(table.argmax()), table.shape)
        if table[a, b] > best[0]:
            best = (float(table[a, b]), part[a], corners[b])
    return best


def _slice_diameters(shape: MeasuredShape) -> tuple[float, float]:
    """Return the longest diameter within a near-axial slice and the longest chord perpendicular to it, mm."""
    direction = shape.matrix[:3, :3] / np.array(shape.spacing)
    across = int(np.argmax(np.abs(direction[2])))
    first, second = (axis for axis in range(3) if axis != across)
    faces = shape.outer_faces((first, second))
    numbers = np.rint(faces[:, across]).astype(int)
    plane = faces[:, [first, second]] * (shape.spacing[first], shape.spacing[second])
    best = (-1.0, plane[0], plane[0], numbers[0])
    for number in np.unique(numbers):
        length, start, end = _diameter(plane[numbers == number])
        if length > best[0] + 1e-9:
            best = (length, start, end, number)
    length, start, end, number = best
    along = (end - start) / length
    plane_spacing = (shape.spacing[first], shape.spacing[second])
    section = np.take(shape.mask, number - shape.start[across], axis=2 - across)
    inside = (np.argwhere(section)[:, ::-1] + shape.start[[first, second]]) * plane_spacing
    return length, _longest_chord(inside, along, plane_spacing)


def _longest_chord(pixels: np.ndarray, along: np.ndarray, spacing: tuple[float, float]) -> float:
    """Return the length of the longest chord across ``along`` of pixels with centers (N, 2) mm.

    Each pixel is a cell of its own spacing. Chords are summed over bins as wide as a pixel, so holes do not count.
    """
    normal = np.array([-along[1], along[0]])
    width = float(np.abs(along) @ spacing)  # extent of a pixel along the axis, so that no bin is missed
    height = float(np.prod(spacing)) / width
    bins = np.floor(pixels @ along / width).astype(int)
    bins -= bins.min()
    heights = pixels @ normal
    lows, highs = np.full(bins.max() + 1, np.inf), np.full(bins.max() + 1, -np.inf)
    np.minimum.at(lows, bins, heights)
    np.maximum.at(highs, bins, heights)
    return float((highs - lows).max() + height)
