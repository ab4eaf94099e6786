"""Contours, labels and fitted curves in distinct colors on the slices of an image: an RGB volume, and a sheet of pictures."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress
from MedDeepRegSegLib.segmentation.overlay_draw import draw_labels, finish, gray_slice, to_rgb
from MedDeepRegSegLib.segmentation.overlay_lines import distinct_colors, draw_line, grid_plane, plane_positions
from MedDeepRegSegLib.segmentation.overlay_montage import legend_picture, montage
from MedDeepRegSegLib.segmentation.overlay_plane import sample_labels
from MedDeepRegSegLib.segmentation.overlay_text import Color
from MedDeepRegSegLib.segmentation.segments import Segment, default_color
from MedDeepRegSegLib.volumes.geometry import world_to_index
from MedDeepRegSegLib.volumes.modality import display_window

_FILL = 0.3
_PICTURES = 12
_PICTURE_SIZE = 300
_WITHOUT_IMAGE = 0.12  # shade behind labels that no image was given for


@dataclass(frozen=True)
class DrawnLine:
    """A line to draw on one slice.

    Attributes
    ----------
    points:
        (N, 3) LPS mm in the plane of the slice.
    slice_index:
        Number of the slice.
    color:
        Red, green and blue from 0 to 1.
    closed:
        Whether it returns to its start.
    """

    points: np.ndarray
    slice_index: int
    color: Color
    closed: bool = True


def distinct_segments(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    """Return the segments with colors that can be told apart: one too near to an earlier one gets another color."""
    spare = [default_color(number) for number in range(len(segments) + 24)]
    colors = distinct_colors([segment.color for segment in segments], spare)
    return tuple(replace(segment, color=color) for segment, color in zip(segments, colors, strict=True))


def projected_volume(
    grid: sitk.Image,
    through: int,
    lines: Sequence[DrawnLine],
    *,
    image: sitk.Image | None = None,
    labels: sitk.Image | None = None,
    segments: Sequence[Segment] = (),
    window_level: tuple[float, float] | None = None,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> sitk.Image:
    """Draw lines and tinted labels on every slice of an image.

    Parameters
    ----------
    grid:
        Image whose voxel grid the result gets.
    through:
        Image axis across the slices that are drawn on.
    lines:
        Contours and fitted curves.
    image:
        Gray image on the grid; dark without.
    labels:
        Label map on the grid.
    segments:
        Its segments and their colors.
    window_level:
        Width and center of the gray scale; one that suits the image without.
    progress, cancel:
        As everywhere.

    Returns
    -------
    SimpleITK.Image
        Vector of three unsigned 8-bit integers (red, green, blue) on the grid.
    """
    window, level = (window_level or display_window(image)) if image is not None else (1.0, 0.0)
    colors = {segment.value: segment.color for segment in segments}
    gray = None if image is None else np.moveaxis(sitk.GetArrayViewFromImage(image), 2 - through, 0)
    label_slices = None if labels is None else np.moveaxis(sitk.GetArrayViewFromImage(labels), 2 - through, 0)
    size = grid.GetSize()
    columns, rows = (axis for axis in range(3) if axis != through)
    result = np.empty((*size[::-1], 3), np.uint8)
    slices = np.moveaxis(result, 2 - through, 0)
    wanted = _by_slice(lines)
    for index in range(size[through]):
        if cancel is not None:
            cancel.raise_if_canceled()
        if gray is None:
            shades = np.full((size[rows], size[columns]), _WITHOUT_IMAGE)
        else:
            shades = np.clip((gray[index].astype(np.float32) - (level - window / 2)) / window, 0, 1)
        picture = to_rgb(shades)
        if label_slices is not None and label_slices[index].any():
            picture = draw_labels(picture, label_slices[index], colors, fill=_FILL, line_width=0.0)
        for line in wanted.get(index, ()):
            place = world_to_index(grid, line.points)
            draw_line(picture, place[:, [rows, columns]], line.color, width=1.0, closed=line.closed)
        slices[index] = picture
        progress((index + 1) / size[through], "Drawing slices")
    volume = sitk.GetImageFromArray(result, isVector=True)
    volume.CopyInformation(grid)
    return volume


def contour_sheet(
    grid: sitk.Image,
    through: int,
    lines: Sequence[DrawnLine],
    *,
    image: sitk.Image | None = None,
    labels: sitk.Image | None = None,
    segments: Sequence[Segment] = (),
    legend: Sequence[tuple[str, Color]] = (),
    title: str = "",
    whole: bool = False,
) -> np.ndarray:
    """Draw up to twelve slices with lines and labels side by side, with a legend below.

    Parameters
    ----------
    grid, through, lines, image, labels, segments:
        As in :func:`projected_volume`. Only slices with lines are shown, evenly spread.
    legend:
        Names and colors.
    title:
        A line above all.
    whole:
        Show the whole slices, not only what is around the lines.

    Returns
    -------
    numpy.ndarray
        (H, W, 3) uint8.
    """
    wanted = _by_slice(lines)
    numbers = sorted(wanted)
    chosen = np.unique(np.linspace(0, len(numbers) - 1, min(_PICTURES, len(numbers))).round().astype(int))
    around = None if whole else np.concatenate([line.points for line in lines])
    colors = {segment.value: segment.color for segment in segments}
    window = None if image is None else display_window(image)
    pictures: list[np.ndarray] = []
    captions: list[str] = []
    for number in (numbers[at] for at in chosen.tolist()):
        plane = grid_plane(grid, through, number, size=_PICTURE_SIZE, around=around)
        shades = np.full(plane.shape, _WITHOUT_IMAGE) if image is None else gray_slice(image, plane, window)
        picture = to_rgb(shades)
        if labels is not None:
            picture = draw_labels(picture, sample_labels(labels, plane), colors, fill=_FILL, line_width=0.0)
        for line in wanted[number]:
            draw_line(picture, plane_positions(plane, line.points), line.color, closed=line.closed)
        pictures.append(finish(picture, plane, caption="", letters=True, scale_bar=len(pictures) == 0))
        captions.append(f"slice {number}, {plane.place}")
    sheet = montage(pictures, captions=captions, title=title, size=13)
    if not legend:
        return sheet
    below = legend_picture(legend, width=sheet.shape[1])
    return np.concatenate([sheet, below])


def _by_slice(lines: Sequence[DrawnLine]) -> dict[int, list[DrawnLine]]:
    slices: dict[int, list[DrawnLine]] = {}
    for line in lines:
        slices.setdefault(line.slice_index, []).append(line)
    return slices
