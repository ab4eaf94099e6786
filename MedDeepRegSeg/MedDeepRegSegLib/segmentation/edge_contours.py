"""Edges of an image, slice by slice: where the gray value changes fastest, or where it crosses a level.

Sources: J. Canny, "A computational approach to edge detection", IEEE PAMI 8 (1986), for the two thresholds;
T. Lindeberg, "Edge detection and ridge detection with automatic scale selection", IJCV 30 (1998), equation 10, for the
place of an edge as a zero of the second derivative along the gradient, which gives points between the pixels.
"""

from collections.abc import Iterator

import numpy as np
import scipy.ndimage
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress
from MedDeepRegSegLib.segmentation.contours import Contour, SliceAxis, points_of_slice, slice_axis, slice_normal
from MedDeepRegSegLib.segmentation.marching_squares import ZeroLine, zero_lines
from MedDeepRegSegLib.volumes.geometry import check_volume

_WEAK = 0.4  # an edge continues down to this share of the strength that it must have somewhere
# Where no strength is given, an edge must be as steep as a tenth of the image, and not much flatter than the steepest.
_STRONG_PERCENTILE, _STEEPEST_PERCENTILE, _LEAST_OF_STEEPEST = 90.0, 99.5, 0.4
_FEWEST_POINTS = 8


def edge_contours(
    image: sitk.Image,
    axis: SliceAxis = "axial",
    *,
    level: float | None = None,
    blur_mm: float | None = None,
    strength: float | None = None,
    minimum_length_mm: float = 20.0,
    most: int = 10,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> list[Contour]:
    """Return the edges of an image in all slices across one image axis.

    Parameters
    ----------
    image:
        3-D scalar image.
    axis:
        Orientation of the slices, or image axis across them.
    level:
        Outline what lies above this value, in the units of the image (for example 300 HU for bone), instead of the
        places where values change fastest.
    blur_mm:
        Standard deviation of the Gaussian that the slices are smoothed by; one and a half pixels without, and none for a
        level.
    strength:
        Slope that an edge must reach somewhere, in units of the image per mm; by default the one that a tenth of the
        image reaches, and not much less than the steepest. Not used for a level.
    minimum_length_mm:
        Leave out shorter ones.
    most:
        Largest number of edges in a slice; the longest ones are kept.
    progress, cancel:
        As everywhere.

    Returns
    -------
    list of Contour
        Slice by slice, the longest of a slice first. Edges that end are open contours. What is brighter lies on one
        and the same side; ``hole`` is True for a closed edge around something darker.

    Raises
    ------
    InputError
        If the image is no scalar volume, a number is not usable, or nothing is found.
    """
    check_volume(image, minimum_size=1)
    through = slice_axis(image, axis)
    spacing = np.array([image.GetSpacing()[number] for number in range(3) if number != through])[::-1]
    if blur_mm is None:
        blur_mm = 0.0 if level is not None else 1.5 * float(spacing.max())
    for number, what in ((blur_mm, "blur"), (minimum_length_mm, "minimum length")):
        if not (np.isfinite(number) and number >= 0):
            msg = f"{what} of edges is {number} mm, expected 0 or more"
            raise InputError(msg)
    if min(size for number, size in enumerate(image.GetSize()) if number != through) < 5:
        msg = f"slices across image axis {through} are smaller than 5 pixels: choose another slice orientation"
        raise InputError(msg)
    slices = np.moveaxis(sitk.GetArrayViewFromImage(image), 2 - through, 0)
    if level is None and strength is None:
        strength = _usual_strength(slices, blur_mm / spacing, spacing)
    normal, contours = slice_normal(image, through), []
    for index, values in enumerate(slices):
        if cancel is not None:
            cancel.raise_if_canceled()
        lines = (
            _edges(values.astype(np.float64), blur_mm / spacing, spacing, float(strength))
            if level is None and strength is not None
            else zero_lines(_smooth(values.astype(np.float64), blur_mm / spacing) - float(level or 0.0))
        )
        found = [
            Contour(points_of_slice(image, through, index, line.points), line.closed, index, hole, normal)
            for line in lines
            for hole in [bool(line.closed and line.signed_area < 0)]
            if len(line.points) >= _FEWEST_POINTS
        ]
        found = [contour for contour in found if contour.length_mm >= minimum_length_mm]
        contours += sorted(found, key=lambda contour: -contour.length_mm)[:most]
        progress((index + 1) / len(slices), "Finding edges")
    if not contours:
        what = f"edge above a slope of {strength:.3g} per mm" if level is None else f"line at the level {level:g}"
        msg = (
            f"no {what} of {minimum_length_mm:g} mm or more was found: lower the least length, or choose another level"
        )
        raise InputError(msg)
    return contours


def _smooth(values: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Return values smoothed by a kernel without second moment, so that round edges stay where they are."""
    if not np.any(sigma > 0):
        return values
    once = scipy.ndimage.gaussian_filter(values, sigma, mode="nearest")
    return 2 * once - scipy.ndimage.gaussian_filter(once, sigma, mode="nearest")


def _slopes(smooth: np.ndarray, spacing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the derivatives along rows and columns in units per mm."""
    return np.gradient(smooth, spacing[0], axis=0), np.gradient(smooth, spacing[1], axis=1)


def _usual_strength(slices: np.ndarray, sigma: np.ndarray, spacing: np.ndarray) -> float:
    """Return the slope that an edge must reach, from up to 16 slices."""
    chosen = slices[:: max(1, len(slices) // 16)]
    sample = [np.hypot(*_slopes(_smooth(values.astype(np.float64), sigma), spacing)) for values in chosen]
    slopes = np.concatenate([slope.ravel() for slope in sample])
    # Most of an image may be exactly flat: what is below a hundredth of the largest slope is no tissue.
    if not slopes.any():
        return np.inf
    tissue = slopes[slopes > slopes.max() / 100]
    usual, steepest = np.percentile(tissue, [_STRONG_PERCENTILE, _STEEPEST_PERCENTILE])
    return float(max(usual, _LEAST_OF_STEEPEST * steepest))


def _edges(values: np.ndarray, sigma: np.ndarray, spacing: np.ndarray, strength: float) -> list[ZeroLine]:
    """Return where the slope is steepest along its own direction and steep enough."""
    smooth = _smooth(values, sigma)
    down, right = _slopes(smooth, spacing)
    slope = np.hypot(down, right)
    if not slope.max() >= strength:
        return []
    down_down, down_right = _slopes(down, spacing)
    _, right_right = _slopes(right, spacing)
    second = down**2 * down_down + 2 * down * right * down_right + right**2 * right_right
    # Where the third derivative along the gradient is positive the slope is least, not steepest.
    third_down, third_right = _slopes(second, spacing)
    steepest = down * third_down + right * third_right < 0
    lines = []
    for line in zero_lines(-second):  # what is darker turns the other way than what is brighter
        at = line.points.T
        height = scipy.ndimage.map_coordinates(slope, at, order=1)
        peak = scipy.ndimage.map_coordinates(steepest.astype(np.float32), at, order=1) > 0.5
        keep = peak & (height >= _WEAK * strength)
        lines += [part for part, where in _kept(line, keep) if height[where].max() >= strength]
    return lines


def _kept(line: ZeroLine, keep: np.ndarray) -> Iterator[tuple[ZeroLine, np.ndarray]]:
    """Yield the parts of a line that are kept, each with the numbers of its points."""
    if keep.all():
        yield line, np.arange(len(keep))
        return
    order = np.arange(len(keep))
    if line.closed:  # begin behind a gap, so that no part is cut by the arbitrary first point
        order = np.roll(order, -int(np.flatnonzero(~keep)[0]))
    kept = keep[order]
    for part in np.split(order, np.flatnonzero(np.diff(kept.astype(int))) + 1):
        if keep[part[0]] and len(part) >= 2:
            yield ZeroLine(line.points[part], closed=False), part
