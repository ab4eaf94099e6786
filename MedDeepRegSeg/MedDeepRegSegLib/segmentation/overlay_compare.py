"""Pictures that compare a registered image with the fixed one: checkerboard, edges, blend.

Functions return (H, W, 3) uint8 arrays that cover the fixed image, in radiological orientation.
"""

from typing import Literal

import numpy as np
import scipy.ndimage
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.segmentation.overlay_draw import finish, gray_slice, mix, to_rgb
from MedDeepRegSegLib.segmentation.overlay_plane import Axis, Position, SlicePlane, plane_through
from MedDeepRegSegLib.segmentation.overlay_text import Color
from MedDeepRegSegLib.volumes.geometry import check_shape


def checkerboard_picture(
    fixed: sitk.Image,
    registered: sitk.Image,
    axis: Axis = "axial",
    *,
    position: Position = None,
    index: int | None = None,
    squares: int = 8,
    window_level: tuple[float, float] | None = None,
    registered_window_level: tuple[float, float] | None = None,
    size: int = 512,
    caption: str = "",
    letters: bool = True,
    scale_bar: bool = True,
) -> np.ndarray:
    """Draw two images as alternating squares: anatomy that is continuous across the squares is well registered.

    ``squares`` is the number of squares along the longer side; the top left one shows the fixed image. The other
    parameters are those of :func:`slice_picture`.
    """
    if squares < 2:
        msg = f"checkerboard has {squares} squares, expected 2 or more"
        raise InputError(msg)
    plane, first, second = _pair(
        fixed,
        registered,
        axis,
        position=position,
        index=index,
        size=size,
        window_level=window_level,
        registered_window_level=registered_window_level,
    )
    side = max(plane.shape) / squares
    rows, columns = (np.floor((np.arange(count) + 0.5) / side).astype(int) for count in plane.shape)
    from_fixed = (rows[:, None] + columns[None, :]) % 2 == 0
    picture = to_rgb(np.where(from_fixed, first, second))
    return finish(picture, plane, caption=caption, letters=letters, scale_bar=scale_bar)


def edge_overlay_picture(
    fixed: sitk.Image,
    registered: sitk.Image,
    axis: Axis = "axial",
    *,
    position: Position = None,
    index: int | None = None,
    color: Color = (1.0, 0.85, 0.1),
    edge_scale_mm: float = 1.5,
    window_level: tuple[float, float] | None = None,
    registered_window_level: tuple[float, float] | None = None,
    size: int = 512,
    caption: str = "",
    letters: bool = True,
    scale_bar: bool = True,
) -> np.ndarray:
    """Draw the edges of the fixed image over the registered one: edges that lie on its borders are well registered.

    Edges are found in the windowed slice by Canny's method (IEEE PAMI 8:679, 1986) after smoothing by
    ``edge_scale_mm``. The other parameters are those of :func:`slice_picture`.
    """
    plane, first, second = _pair(
        fixed,
        registered,
        axis,
        position=position,
        index=index,
        size=size,
        window_level=window_level,
        registered_window_level=registered_window_level,
    )
    deviation = max(edge_scale_mm / plane.mm_per_pixel, 1.0)
    gradient = scipy.ndimage.gaussian_gradient_magnitude(first, deviation)
    strong = gradient[gradient > 0.1 * gradient.max()] if gradient.max() > 0 else np.zeros(1)
    picture = to_rgb(second)
    if gradient.max() > 0:
        smooth = scipy.ndimage.gaussian_filter(first, deviation)
        high = float(np.percentile(strong, 55))
        edges = sitk.CannyEdgeDetection(
            sitk.GetImageFromArray(smooth.astype(np.float32)), 0.4 * high, high, [0.01, 0.01], [0.009, 0.009]
        )
        line = scipy.ndimage.gaussian_filter(sitk.GetArrayFromImage(edges).astype(np.float32), 0.7)
        picture = mix(picture, np.clip(line * 2.2, 0, 1), color)
    return finish(picture, plane, caption=caption, letters=letters, scale_bar=scale_bar)


def blend_picture(
    fixed: sitk.Image,
    registered: sitk.Image,
    axis: Axis = "axial",
    *,
    position: Position = None,
    index: int | None = None,
    opacity: float = 0.5,
    colors: Literal["gray", "green-magenta"] = "gray",
    window_level: tuple[float, float] | None = None,
    registered_window_level: tuple[float, float] | None = None,
    size: int = 512,
    caption: str = "",
    letters: bool = True,
    scale_bar: bool = True,
) -> np.ndarray:
    """Draw the registered image over the fixed one.

    Parameters
    ----------
    fixed, registered, axis, position, index, size, caption, letters, scale_bar:
        As in :func:`slice_picture`; the picture covers the fixed image.
    opacity:
        Share of the registered image, in [0, 1]; used by ``"gray"``.
    colors:
        ``"gray"`` mixes the two; ``"green-magenta"`` shows the fixed image in magenta and the registered one in green,
        so that equal shades are gray and differences are colored.
    window_level, registered_window_level:
        Gray scales of the two; None for ones that suit.
    """
    if not 0 <= opacity <= 1:
        msg = f"opacity is {opacity}, expected 0 to 1"
        raise InputError(msg)
    plane, first, second = _pair(
        fixed,
        registered,
        axis,
        position=position,
        index=index,
        size=size,
        window_level=window_level,
        registered_window_level=registered_window_level,
    )
    if colors == "gray":
        picture = to_rgb((1 - opacity) * first + opacity * second)
    elif colors == "green-magenta":
        picture = np.round(np.stack([first, second, first], -1) * 255).astype(np.uint8)
    else:
        msg = f"colors are {colors!r}, expected gray or green-magenta"
        raise InputError(msg)
    return finish(picture, plane, caption=caption, letters=letters, scale_bar=scale_bar)


def _pair(
    fixed: sitk.Image,
    registered: sitk.Image,
    axis: Axis,
    *,
    position: Position,
    index: int | None,
    size: int,
    window_level: tuple[float, float] | None,
    registered_window_level: tuple[float, float] | None,
) -> tuple[SlicePlane, np.ndarray, np.ndarray]:
    check_shape(fixed, "fixed image", minimum_size=1)
    check_shape(registered, "registered image", minimum_size=1)
    plane = plane_through(fixed, axis, position=position, index=index, size=size)
    return plane, gray_slice(fixed, plane, window_level), gray_slice(registered, plane, registered_window_level)
