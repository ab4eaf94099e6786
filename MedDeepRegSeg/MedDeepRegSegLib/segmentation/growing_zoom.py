"""The first and the next look at a structure: farther where the window cuts it, nearer where it fills little of the window."""

import numpy as np
from numpy.typing import NDArray

from MedDeepRegSegLib.segmentation.growing_window import (
    Block,
    Mask,
    Window,
    first_window,
    is_cut,
    window_around,
    window_of,
)

_MARGIN, _BOX_MARGIN = 0.3, 0.15
"""Room around what was grown and around a box, as part of its extent."""
_OUT = 1.7
_IN = 0.4


def opening(
    voxels: NDArray[np.int64],
    shape: tuple[int, ...],
    spacing: tuple[float, ...],
    *,
    before: Window | None,
    box: Block | None,
    previous: Mask | None,
) -> Window:
    """Return where to look first.

    Parameters
    ----------
    voxels : ndarray, shape (N, 3)
        All clicks, (k, j, i).
    shape, spacing
        Of the image, mm.
    before : Window or None
        That of the click before.
    box : tuple of slice, or None
        In voxels of the image.
    previous : ndarray or None
        Mask to go on from, on the grid of the image; not empty.
    """
    if before is not None:
        if before.holds(voxels, shape):
            return before
        low = np.minimum([part.start for part in before.block], voxels.min(axis=0)).astype(float)
        high = np.maximum([part.stop - 1 for part in before.block], voxels.max(axis=0)).astype(float)
        return window_around(low, high, shape, spacing, margin=0.1)
    if box is not None:
        low = np.array([part.start for part in box], float)
        high = np.array([part.stop - 1 for part in box], float)
        return window_around(low, high, shape, spacing, margin=_BOX_MARGIN)
    if previous is not None:
        found = np.argwhere(previous)
        low = np.minimum(found.min(axis=0), voxels.min(axis=0)).astype(float)
        high = np.maximum(found.max(axis=0), voxels.max(axis=0)).astype(float)
        return window_around(low, high, shape, spacing, margin=_MARGIN)
    first = first_window(voxels[0], shape, spacing)
    if first.holds(voxels, shape):
        return first
    return window_around(voxels.min(axis=0) - 2.0, voxels.max(axis=0) + 2.0, shape, spacing, margin=0.5)


def wider(
    window: Window,
    mask: Mask,
    voxels: NDArray[np.int64],
    shape: tuple[int, ...],
    spacing: tuple[float, ...],
    *,
    reach_mm: float,
) -> Window | None:
    """Return a window that holds what this one cuts, None where it cuts nothing.

    Parameters
    ----------
    window, mask
        The mask is that in the block of the window.
    voxels : ndarray, shape (N, 3)
        Clicks, (k, j, i).
    shape, spacing
        Of the image, mm.
    reach_mm : float
        Farther from the clicks nothing is looked at.
    """
    if not is_cut(window, mask, shape):
        return None
    low, high = _extent(window, mask, voxels)
    middle, half = (low + high) / 2, _OUT * (high - low + 1) / 2
    starts = np.array([part.start for part in window.block])
    stops = np.array([part.stop - 1 for part in window.block])
    reach = reach_mm / np.array(spacing)
    low = np.maximum(np.minimum(middle - half, starts), voxels.min(axis=0) - reach)
    high = np.minimum(np.maximum(middle + half, stops), voxels.max(axis=0) + reach)
    wide = window_of(low, high, shape, spacing, finest=min(spacing))
    return None if wide.block == window.block else wide


def nearer(
    window: Window, mask: Mask, voxels: NDArray[np.int64], shape: tuple[int, ...], spacing: tuple[float, ...]
) -> Window | None:
    """Return a window for a closer look, None where this one is close enough. For the parameters see :func:`wider`."""
    if not mask.any():
        return None
    low, high = _extent(window, mask, voxels)
    steps = np.array(spacing)
    if ((high - low + 1) * steps).max() >= _IN * (np.array(window.shape) * steps).max():
        return None
    near = window_around(low, high, shape, spacing, margin=_MARGIN)
    finer = np.prod(near.shape) / np.prod(near.size) < 0.9 * np.prod(window.shape) / np.prod(window.size)
    return near if finer else None


def _extent(window: Window, mask: Mask, voxels: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the lowest and the highest voxel of a mask in the block of a window and of the clicks."""
    offset = np.array([part.start for part in window.block])
    found = [np.flatnonzero(mask.any(axis=others)) for others in ((1, 2), (0, 2), (0, 1))]
    low = np.minimum(np.array([part[0] for part in found]) + offset, voxels.min(axis=0)).astype(float)
    high = np.maximum(np.array([part[-1] for part in found]) + offset, voxels.max(axis=0)).astype(float)
    return low, high
