"""Put slices that are tilted, or at distances that change, on an even grid.

Each slice stays where it was scanned: within the slice, pixels are interpolated where a tilt shifts it by a part of a pixel;
between two slices, values go over linearly along the normal. Nothing is sharpened and nothing is invented beyond the first
and the last slice. Slices that the even grid meets exactly come out as they are.
"""

import numpy as np

from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress
from MedDeepRegSegLib.volumes.dicom_stack import Stack
from MedDeepRegSegLib.volumes.geometry import size_text


def even_size(stack: Stack, size: tuple[int, int]) -> tuple[int, int, int]:
    """Return columns, rows and slices of the even grid for slices of a size (columns, rows)."""
    low, high = _margins(stack)
    columns, rows = (int(length) for length in np.array(size) + low + high)
    return columns, rows, _count(stack)


def put_on_even_grid(
    slices: np.ndarray,
    stack: Stack,
    *,
    fill: float,
    nearest: bool = False,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> tuple[np.ndarray, np.ndarray, float]:
    """Resample slices at their true places onto an even grid that holds all of them.

    The distance of slices is the usual (median) one, changed a little so that the first and the last are met.

    Parameters
    ----------
    slices:
        (N, rows, columns), in the order of ``stack``.
    stack:
        Where they lie.
    fill:
        Value beside tilted slices.
    nearest:
        Take the nearest pixel and slice, for labels; otherwise linear.
    progress, cancel:
        As everywhere.

    Returns
    -------
    The volume (slices, rows, columns) of the type of ``slices`` (whole numbers are rounded), its origin (3,) LPS mm, and the
    distance of its slices in mm.
    """
    from scipy import ndimage

    low, high = _margins(stack)
    # rows and columns of an array come in the opposite order of mm along rows and columns
    pad = [(int(low[1]), int(high[1])), (int(low[0]), int(high[0]))]
    shifts = (stack.sideways / np.array(stack.spacing[:2]))[:, ::-1]

    def placed(index: int) -> np.ndarray:
        canvas = np.pad(slices[index].astype(np.float32), pad, constant_values=fill)
        if np.abs(shifts[index]).max() < 1e-6:
            return canvas
        return ndimage.shift(canvas, shifts[index], order=0 if nearest else 1, mode="constant", cval=fill)

    count = _count(stack)
    step = float(stack.heights[-1]) / (count - 1)
    rows, columns = (slices.shape[1] + sum(pad[0]), slices.shape[2] + sum(pad[1]))
    volume = np.empty((count, rows, columns), slices.dtype)
    known: dict[int, np.ndarray] = {}
    for k in range(count):
        if cancel is not None:
            cancel.raise_if_canceled()
        progress(k / count, "Putting slices on an even grid")
        after = int(np.clip(np.searchsorted(stack.heights, k * step), 1, len(stack.heights) - 1))
        below, above = stack.heights[after - 1], stack.heights[after]
        part = float(np.clip((k * step - below) / (above - below), 0.0, 1.0))
        if nearest:
            part = float(part > 0.5)
        known = {index: known[index] for index in (after - 1, after) if index in known}
        for index, weight in ((after - 1, 1 - part), (after, part)):
            if weight > 1e-6 and index not in known:
                known[index] = placed(index)
        if part <= 1e-6:
            values = known[after - 1]
        elif part >= 1 - 1e-6:
            values = known[after]
        else:
            values = (1 - part) * known[after - 1] + part * known[after]
        volume[k] = np.rint(values) if np.issubdtype(slices.dtype, np.integer) else values
    origin = stack.origin - stack.axes[:, :2] @ (low * np.array(stack.spacing[:2]))
    return volume, origin, step


def what_was_done(stack: Stack, spacing: tuple[float, float, float]) -> str:
    """Return a remark for the user on a stack that was put on an even grid."""
    return (
        f"{stack.said}: each slice was put at its true place and the volume interpolated linearly onto an even grid of "
        f"{size_text([float(f'{part:.4g}') for part in spacing])} mm"
    )


def _margins(stack: Stack) -> tuple[np.ndarray, np.ndarray]:
    """Return how many pixels (along rows, along columns) lie before and behind the first slice; it stays on the grid."""
    pixels = stack.sideways / np.array(stack.spacing[:2])
    return np.ceil(-pixels.min(axis=0) - 1e-6), np.ceil(pixels.max(axis=0) - 1e-6)


def _count(stack: Stack) -> int:
    return max(2, round(float(stack.heights[-1]) / stack.spacing[2]) + 1)
