"""Pictures of slices for reports: labels over an image, and two registered images compared. No VTK, no display.

All functions return (H, W, 3) uint8 arrays in radiological orientation (patient's right on the left) with square
pixels; see :mod:`MedDeepRegSegLib.segmentation.overlay_plane`. Slicer's own rendering of the same is in
:mod:`MedDeepRegSegLib.mrml.rendering`; surfaces without OpenGL are in
:mod:`MedDeepRegSegLib.segmentation.overlay_surface`.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.outputs import atomic_path
from MedDeepRegSegLib.segmentation.overlay_compare import blend_picture, checkerboard_picture, edge_overlay_picture
from MedDeepRegSegLib.segmentation.overlay_draw import draw_labels, draw_point, finish, gray_slice, to_rgb
from MedDeepRegSegLib.segmentation.overlay_montage import legend_picture, montage
from MedDeepRegSegLib.segmentation.overlay_plane import (
    Axis,
    Position,
    only_labels,
    plane_through,
    sample_labels,
    segment_colors,
)
from MedDeepRegSegLib.segmentation.overlay_surface import surface_picture
from MedDeepRegSegLib.segmentation.segments import Segment
from MedDeepRegSegLib.volumes.geometry import check_label_map, check_shape

__all__ = [
    "blend_picture",
    "checkerboard_picture",
    "edge_overlay_picture",
    "legend_picture",
    "montage",
    "segment_colors",
    "slice_picture",
    "surface_picture",
    "write_png",
]


def slice_picture(
    image: sitk.Image,
    axis: Axis = "axial",
    *,
    position: Position = None,
    index: int | None = None,
    labels: sitk.Image | None = None,
    segments: Sequence[Segment] | None = None,
    window_level: tuple[float, float] | None = None,
    size: int = 512,
    contours: bool = True,
    fill: float = 0.2,
    line_width: float = 2.0,
    margin_mm: float | None = None,
    points: Sequence[Sequence[float]] = (),
    caption: str = "",
    letters: bool = True,
    scale_bar: bool = True,
) -> np.ndarray:
    """Draw one slice of an image, with labels over it.

    Parameters
    ----------
    image:
        3-D scalar image on any grid.
    axis:
        ``"axial"``, ``"coronal"`` or ``"sagittal"``, along the patient's axes.
    position:
        LPS point in mm, or LPS coordinate in mm across the plane. None: where the labels are largest, or the center.
    index:
        Instead of ``position``, the number of an image slice.
    labels:
        Label map on any grid of the same patient space.
    segments:
        The segments to show and their colors; None for every label in its default color.
    window_level:
        Width and center of the gray scale in the image's units; None for one that suits the image.
    size:
        Pixels along the longer side.
    contours:
        Draw the outlines of the labels.
    fill:
        Opacity of the tint inside the outlines, in [0, 1].
    line_width:
        Width of the outlines in pixels; they are drawn just inside the label, so that neighbors both show.
    margin_mm:
        Show only the labels and this margin around them; None shows the whole image.
    points:
        LPS points in mm to mark with a ring where the slice is within 5 mm of them.
    caption:
        Text for the top left corner.
    letters, scale_bar:
        Draw the letters of the patient's directions, and a bar in mm.

    Returns
    -------
    numpy.ndarray
        (H, W, 3) uint8.

    Raises
    ------
    InputError
        If the image or the labels are no 3-D scalar volumes, or the plane misses the image.
    """
    check_shape(image, minimum_size=1)
    colors = {}
    if labels is not None:
        check_label_map(labels)
        colors = segment_colors(labels, segments)
        labels = only_labels(labels, colors)
    if not 0 <= fill <= 1:
        msg = f"fill opacity is {fill}, expected 0 to 1"
        raise InputError(msg)
    plane = plane_through(image, axis, position=position, index=index, size=size, labels=labels, margin_mm=margin_mm)
    picture = to_rgb(gray_slice(image, plane, window_level))
    if labels is not None:
        cut = sample_labels(labels, plane)
        picture = draw_labels(picture, cut, colors, fill=fill, line_width=line_width if contours else 0.0)
    for point in points:
        draw_point(picture, plane, point)
    return finish(picture, plane, caption=caption, letters=letters, scale_bar=scale_bar)


def write_png(picture: np.ndarray, path: str | os.PathLike) -> Path:
    """Write a picture as PNG, whole or not at all.

    Parameters
    ----------
    picture:
        (H, W, 3) uint8.
    path:
        File name that ends with ``.png``.

    Raises
    ------
    InputError
        If the array is no picture or the name has another ending.
    """
    final = Path(path)
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
        msg = f"picture is {picture.dtype} {picture.shape}, expected uint8 (height, width, 3)"
        raise InputError(msg)
    if final.suffix.lower() != ".png":
        msg = f"picture file is named {final.name}, expected a name that ends with .png"
        raise InputError(msg)
    image = sitk.GetImageFromArray(np.ascontiguousarray(picture), isVector=True)
    with atomic_path(final) as temporary:
        sitk.WriteImage(image, str(temporary), useCompression=True, compressionLevel=9)
    return final
