"""Parts of slice pictures: the gray slice, labels over it, marked points, and the marks at its edges."""

from collections.abc import Mapping, Sequence

import numpy as np
import scipy.ndimage
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.segmentation.overlay_plane import SlicePlane, sample_plane
from MedDeepRegSegLib.segmentation.overlay_text import Color, annotate
from MedDeepRegSegLib.volumes.modality import display_window


def gray_slice(image: sitk.Image, plane: SlicePlane, window_level: tuple[float, float] | None = None) -> np.ndarray:
    """Return a slice as (H, W) shades in [0, 1]; black outside the image."""
    window, level = window_level or display_window(image)
    if not (np.isfinite([window, level]).all() and window > 0):
        msg = f"window is {window} and level {level}, expected finite numbers and a window above 0"
        raise InputError(msg)
    lowest = level - window / 2
    values = np.nan_to_num(sample_plane(image, plane), nan=lowest)
    return np.clip((values - lowest) / window, 0, 1)


def draw_labels(
    picture: np.ndarray, cut: np.ndarray, colors: Mapping[int, Color], *, fill: float, line_width: float
) -> np.ndarray:
    """Return the picture with labels tinted by ``fill`` and outlined by smooth lines ``line_width`` pixels wide.

    Parameters
    ----------
    picture:
        (H, W, 3) uint8.
    cut:
        (H, W) label of each pixel.
    colors:
        Color of each label to draw; others are left out.
    """
    result = picture.astype(np.float32) / 255
    reach = int(np.ceil(line_width)) + 4
    for value in np.unique(cut):
        color = colors.get(int(value))
        if value == 0 or color is None:
            continue
        mask = cut == value
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        box = (
            slice(max(rows[0] - reach, 0), rows[-1] + reach + 1),
            slice(max(columns[0] - reach, 0), columns[-1] + reach + 1),
        )
        # A blurred mask is near 1/2 a signed distance, once divided by its slope: this places lines between pixels.
        # The edge value is repeated outside, so that a label cut by the border of the picture has no line there.
        soft = scipy.ndimage.gaussian_filter(mask[box].astype(np.float32), 1.2, mode="nearest")
        slope = np.maximum(np.hypot(*np.gradient(soft)), 0.02) if min(soft.shape) > 1 else np.ones_like(soft)
        depth = (soft - 0.5) / slope
        inside = np.clip(depth + 0.5, 0, 1)
        alpha = fill * inside
        if line_width > 0:
            line = np.clip((line_width + 1) / 2 - np.abs(depth - line_width / 2), 0, 1)
            alpha = np.maximum(alpha, line * 0.95)
        target = result[box]
        target += alpha[..., None] * (np.asarray(color, np.float32) - target)
    return np.round(np.clip(result, 0, 1) * 255).astype(np.uint8)


def to_rgb(shades: np.ndarray) -> np.ndarray:
    return np.repeat(np.round(shades * 255).astype(np.uint8)[..., None], 3, axis=2)


def mix(picture: np.ndarray, alpha: np.ndarray, color: Color) -> np.ndarray:
    mixed = picture * (1 - alpha[..., None]) + alpha[..., None] * np.asarray(color) * 255
    return np.round(mixed).astype(np.uint8)


def draw_point(picture: np.ndarray, plane: SlicePlane, point: Sequence[float], *, reach_mm: float = 5.0) -> None:
    """Mark an LPS point by a ring with a dark rim, if the plane is near it."""
    away = abs(float((np.asarray(point, float) - plane.origin) @ np.cross(plane.right, plane.down)))
    if away > reach_mm:
        return
    row, column = plane.pixel_of(point)
    radius = max(plane.shape) / 80
    distance = np.hypot(np.arange(picture.shape[0])[:, None] - row, np.arange(picture.shape[1])[None] - column)
    for width, color in ((radius * 0.75, (0.0, 0.0, 0.0)), (radius * 0.4, (1.0, 0.25, 0.2))):
        alpha = np.clip(width / 2 + 0.5 - np.abs(distance - radius), 0, 1)
        picture[:] = mix(picture, alpha, color)


def finish(picture: np.ndarray, plane: SlicePlane, *, caption: str, letters: bool, scale_bar: bool) -> np.ndarray:
    return annotate(
        picture,
        caption=caption,
        letters=plane.letters if letters else "",
        mm_per_pixel=plane.mm_per_pixel if scale_bar else None,
    )
