"""Fills hand-drawn outlines of pixels on a grid.

A radiologist's outline is a closed chain of pixels. In the LIDC reading protocol the chain marks the *first
pixels outside* the nodule, so a filled outline here is its strict interior.
"""

import numpy as np
from numpy.typing import NDArray


def outline_pixels(points: NDArray[np.int_]) -> NDArray[np.int_]:
    """Return every pixel of a closed outline.

    Parameters
    ----------
    points:
        Corners of the outline, (N, 2) integer (column, row). The last is joined to the first.

    Returns
    -------
    (M, 2) integer (column, row); steps longer than one pixel are filled along the straight line.
    """
    following = np.roll(points, -1, axis=0)
    steps = np.abs(following - points).max(axis=1)
    if steps.max(initial=0) <= 1:
        return points
    parts = []
    for start, end, count in zip(points, following, np.maximum(steps, 1), strict=True):
        fractions = np.arange(count)[:, None] / count
        parts.append(np.rint(start + fractions * (end - start)).astype(np.int_))
    return np.concatenate(parts)


def fill_outline(points: NDArray[np.int_], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the pixels strictly inside a closed outline.

    A pixel is inside when a ray to its left crosses the outline an odd number of times, and it does not lie on
    the outline.

    Parameters
    ----------
    points:
        Corners of the outline, (N, 2) integer (column, row), all within ``shape``.
    shape:
        Rows and columns of the picture.

    Returns
    -------
    Boolean picture (rows, columns). A chain of one or two pixels has no interior: all False.

    Notes
    -----
    An edge crosses the rows from its upper end (included) to its lower end (excluded), so a corner is counted
    once. Every pixel's count is the number of crossings at or left of it, taken with one cumulative sum.
    """
    following = np.roll(points, -1, axis=0)
    falls = following[:, 1] - points[:, 1]
    crossing = falls != 0
    start, end, falls = points[crossing], following[crossing], falls[crossing]
    upper = np.where((falls > 0)[:, None], start, end)
    lower = np.where((falls > 0)[:, None], end, start)
    rows_crossed = np.abs(falls)
    edge = np.repeat(np.arange(len(upper)), rows_crossed)
    down = np.arange(len(edge)) - np.repeat(np.cumsum(rows_crossed) - rows_crossed, rows_crossed)
    slope = (lower[edge, 0] - upper[edge, 0]) / rows_crossed[edge]
    columns = np.ceil(upper[edge, 0] + down * slope - 1e-9).astype(np.int_)
    counts = np.zeros(shape, dtype=np.int32)
    np.add.at(counts, (upper[edge, 1] + down, columns), 1)
    inside = (np.cumsum(counts, axis=1) % 2).astype(bool)
    drawn = outline_pixels(points)
    inside[drawn[:, 1], drawn[:, 0]] = False
    return inside
