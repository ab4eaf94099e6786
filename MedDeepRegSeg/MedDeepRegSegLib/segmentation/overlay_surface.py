"""Shaded pictures of labeled surfaces by casting rays through the voxels: the 3D view for machines without OpenGL.

For each view the smoothed label volume is turned so that rays run along one array axis; the first crossing of its
half level is the surface. Shading is Lambert's, from the gradient of the smoothed volume (Levoy, IEEE CG&A
8:29, 1988), with soft shadows in hollows from the depth picture.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.ndimage
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.segmentation.overlay_montage import montage
from MedDeepRegSegLib.segmentation.overlay_plane import labels_at, segment_colors
from MedDeepRegSegLib.segmentation.overlay_text import ON_DARK, ON_LIGHT, WHITE, Color, annotate, ink_on
from MedDeepRegSegLib.segmentation.segments import Segment
from MedDeepRegSegLib.volumes.geometry import check_label_map, index_to_world

ViewName = Literal["anterior", "posterior", "left", "right", "superior", "inferior"]
VIEW_ANGLES: dict[str, tuple[float, float]] = {
    "anterior": (0.0, 0.0),
    "left": (90.0, 0.0),
    "posterior": (180.0, 0.0),
    "right": (-90.0, 0.0),
    "superior": (0.0, 90.0),
    "inferior": (0.0, -90.0),
}
"""Azimuth and elevation of a viewer, degrees: azimuth 0 faces the patient, 90 stands at the patient's left."""

_LONGEST = 220  # voxels along the longest side of the grid that rays are cast through
_LEVEL = 0.45  # a little below one half, since smoothing thins what is thin
_MARGIN = 5  # empty voxels around the labels
_SUPERSAMPLE = 2  # rays along each side of a pixel


def view_vectors(view: str | tuple[float, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the unit vectors right, down and forward (away from the viewer) of a view, LPS.

    Parameters
    ----------
    view:
        A name of :data:`VIEW_ANGLES`, or azimuth and elevation in degrees.
    """
    if isinstance(view, str):
        if view not in VIEW_ANGLES:
            msg = f"view is {view!r}, expected one of {', '.join(VIEW_ANGLES)}, or azimuth and elevation in degrees"
            raise InputError(msg)
        view = VIEW_ANGLES[view]
    azimuth, elevation = np.radians(np.asarray(view, float))
    # LPS: a viewer in front of the patient stands at -P and sees the patient's left on the right.
    right = np.array([math.cos(azimuth), math.sin(azimuth), 0.0])
    forward = np.array(
        [-math.sin(azimuth) * math.cos(elevation), math.cos(azimuth) * math.cos(elevation), -math.sin(elevation)]
    )
    down = np.cross(forward, right)
    return right, down, forward


def edge_letters(right: np.ndarray, down: np.ndarray) -> str:
    """Return the patient's directions at the left, right, top and bottom edge; blanks where none is close (25°)."""

    def letter(direction: np.ndarray) -> str:
        axis = int(np.argmax(np.abs(direction)))
        if abs(direction[axis]) < math.cos(math.radians(25)):
            return " "
        return ("RL", "AP", "IS")[axis][int(direction[axis] > 0)]

    return letter(-right) + letter(right) + letter(-down) + letter(down)


def surface_picture(
    labels: sitk.Image,
    segments: Sequence[Segment] | None = None,
    views: Sequence[str | tuple[float, float]] = ("anterior", (45.0, 20.0), "left"),
    *,
    size: int = 400,
    background: Color = (0.93, 0.94, 0.96),
    caption: str = "",
    letters: bool = True,
    scale_bar: bool = True,
) -> np.ndarray:
    """Draw the surfaces of labels, one view beside the other, in parallel projection and at one scale.

    Parameters
    ----------
    labels:
        3-D label map on any grid.
    segments:
        The segments to show and their colors; None for every label in its default color.
    views:
        Names (``"anterior"``, ...) or azimuth and elevation in degrees.
    size:
        Side of each view in pixels.
    background:
        Color behind the surfaces.
    caption:
        Text for the top left corner of the first view.
    letters, scale_bar:
        Draw the letters of the patient's directions, and a bar in mm in the last view.

    Returns
    -------
    numpy.ndarray
        (size, about size x number of views, 3) uint8.

    Raises
    ------
    InputError
        If the labels are no 3-D label map, none of the segments has voxels, or a view is unknown.
    """
    check_label_map(labels)
    if not views:
        msg = "surface picture got no views, expected one or more"
        raise InputError(msg)
    colors = segment_colors(labels, segments)
    shown = _shown_labels(labels, colors)
    solid = _solid(shown)
    directions = [np.stack(view_vectors(view)) for view in views]
    inside = _inside_points(solid)
    middle = (inside.min(0) + inside.max(0)) / 2
    spread = [np.abs((inside - middle) @ axes.T[:, :2]).max(0) for axes in directions]
    widest, tallest = (max(reach[axis] for reach in spread) for axis in (0, 1))
    pixel = 2 * max(widest, tallest) * 1.12 / size
    # All views have one shape and one scale; room at the edges is for the letters.
    shape = tuple(min(size, math.ceil(2 * reach / pixel + 0.16 * size)) for reach in (tallest, widest))
    pictures = []
    for number, axes in enumerate(directions):
        camera = _Camera(axes, middle, pixel, shape)
        picture = _cast(solid, inside, shown, colors, camera=camera, background=background)
        annotate(
            picture,
            caption=caption if number == 0 else "",
            letters=edge_letters(axes[0], axes[1]) if letters else "",
            mm_per_pixel=pixel if scale_bar and number == len(views) - 1 else None,
            ink=ON_DARK if ink_on(background) == WHITE else ON_LIGHT,
        )
        pictures.append(picture)
    return pictures[0] if len(pictures) == 1 else montage(pictures, columns=len(pictures), gap=4, background=background)


def _shown_labels(labels: sitk.Image, colors: dict[int, Color]) -> sitk.Image:
    """Return the part of the label map that holds the labels with a color, all other labels set to 0."""
    array = sitk.GetArrayFromImage(labels)
    array[~np.isin(array, list(colors))] = 0
    if not array.any():
        msg = (
            f"none of the segments {sorted(colors)} has voxels in the label map: pick a segmentation that is not empty"
        )
        raise InputError(msg)
    first, last = [], []
    for axis in range(3):
        found = np.flatnonzero(array.any(axis=tuple(other for other in range(3) if other != axis)))
        first.append(int(found[0]))
        last.append(int(found[-1]) + 1)
    part = sitk.GetImageFromArray(array[first[0] : last[0], first[1] : last[1], first[2] : last[2]])
    part.SetSpacing(labels.GetSpacing())
    part.SetDirection(labels.GetDirection())
    part.SetOrigin(labels.TransformIndexToPhysicalPoint(first[::-1]))
    return part


@dataclass(frozen=True)
class _Solid:
    """How much of each place is inside the shown labels, on a cubic grid with an empty margin."""

    values: np.ndarray  # (K, J, I) float32 in [0, 1]
    soft: np.ndarray  # the same, smoother, for the direction of the surface
    to_index: np.ndarray  # (4, 4) from LPS mm to index i, j, k
    to_world: np.ndarray
    spacing: float

    def at(self, points: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Return one of the volumes at (N, 3) LPS points, linearly interpolated."""
        index = points @ self.to_index[:3, :3].T + self.to_index[:3, 3]
        return scipy.ndimage.map_coordinates(values, index.T[::-1], order=1, mode="constant")


def _solid(labels: sitk.Image) -> _Solid:
    extent = np.array(labels.GetSize()) * np.array(labels.GetSpacing())
    spacing = float(max(extent.max() / _LONGEST, min(labels.GetSpacing()) / 2))
    size = [math.ceil(length / spacing) + 2 * _MARGIN for length in extent]
    mask = sitk.Cast(labels != 0, sitk.sitkFloat32)
    # Empty voxels around it, so that the interpolation falls off to 0 at the border of the labels.
    mask = sitk.ConstantPad(mask, [1] * 3, [1] * 3, 0.0)
    grid = sitk.Image(size, sitk.sitkUInt8)
    grid.SetSpacing([spacing] * 3)
    grid.SetDirection(labels.GetDirection())
    index_of_first = (np.array([spacing] * 3) * (0.5 - _MARGIN)) / np.array(labels.GetSpacing()) - 0.5
    grid.SetOrigin(labels.TransformContinuousIndexToPhysicalPoint(index_of_first.tolist()))
    fine = sitk.GetArrayFromImage(sitk.Resample(mask, grid, sitk.Transform(), sitk.sitkLinear, 0.0))
    to_world = index_to_world(grid)
    coarse = max(labels.GetSpacing()) / spacing  # the steps of the voxels are to vanish, not the shape
    values = scipy.ndimage.gaussian_filter(fine, min(max(0.9, 0.5 * coarse), 3.0), truncate=3)
    soft = scipy.ndimage.gaussian_filter(values, min(max(1.0, 0.8 * coarse), 4.0), truncate=3)
    return _Solid(values, soft, np.linalg.inv(to_world), to_world, spacing)


def _inside_points(solid: _Solid) -> np.ndarray:
    """Return the LPS centers of the voxels of the surface layer, (N, 3)."""
    inside = solid.values >= _LEVEL
    if not inside.any():
        msg = "the segments are too thin to be shown as surfaces: show them on slices"
        raise InputError(msg)
    layer = inside & ~scipy.ndimage.binary_erosion(inside)
    return np.argwhere(layer)[:, ::-1] @ solid.to_world[:3, :3].T + solid.to_world[:3, 3]


@dataclass(frozen=True)
class _Camera:
    """A parallel view."""

    axes: np.ndarray  # rows right, down, forward; LPS unit vectors
    middle: np.ndarray  # LPS point at the middle of the picture
    pixel: float  # mm
    shape: tuple[int, ...]  # rows, columns


def _cast(
    solid: _Solid,
    inside: np.ndarray,
    labels: sitk.Image,
    colors: dict[int, Color],
    *,
    camera: _Camera,
    background: Color,
) -> np.ndarray:
    """Draw one view: (H, W, 3) uint8. ``inside`` are points of the surface layer."""
    axes, middle = camera.axes, camera.middle
    fine = (camera.shape[0] * _SUPERSAMPLE, camera.shape[1] * _SUPERSAMPLE)
    step = camera.pixel / _SUPERSAMPLE
    seen = (inside - middle) @ axes.T
    column, row = (seen[:, axis] / step + (fine[1 - axis] - 1) / 2 for axis in (0, 1))
    near, far = _depth_range(row, column, seen[:, 2], fine, reach=math.ceil(0.9 * solid.spacing / step))
    rays = np.flatnonzero(np.isfinite(near).ravel())
    rows, columns = np.divmod(rays, fine[1])
    offsets = np.stack([columns - (fine[1] - 1) / 2, rows - (fine[0] - 1) / 2], axis=1) * step
    starts = middle + offsets @ axes[:2]
    hit_depth = _first_hit(solid, starts, axes[2], near.ravel()[rays], far.ravel()[rays])
    hit = np.isfinite(hit_depth)
    points = starts[hit] + hit_depth[hit, None] * axes[2]

    normal = _normals(solid, points)
    value = labels_at(labels, points - normal * 0.6 * solid.spacing, ignore_background=True)
    palette = np.full((int(max(colors)) + 1, 3), 0.8)
    for number, color in colors.items():
        palette[number] = color
    surface = palette[value.astype(int)]

    flat = np.full(fine, np.nan)
    flat.ravel()[rays[hit]] = hit_depth[hit]
    hollow = _hollows(flat, 14 * _SUPERSAMPLE, step).ravel()[rays[hit]]
    light = -0.35 * axes[0] - 0.5 * axes[1] - 0.8 * axes[2]  # from the upper left, behind the viewer
    light /= np.linalg.norm(light)
    half = light - axes[2]
    half /= np.linalg.norm(half)
    diffuse = np.clip(normal @ light, 0, 1)
    facing = np.clip(-(normal @ axes[2]), 0, 1)
    gloss = np.clip(normal @ half, 0, 1) ** 24
    shade = (0.30 + 0.52 * diffuse + 0.24 * facing) * hollow
    lit = np.clip(surface * shade[:, None] + 0.14 * gloss[:, None], 0, 1)

    canvas = np.empty((*fine, 3))
    canvas[:] = background
    canvas.reshape(-1, 3)[rays[hit]] = lit
    canvas = canvas.reshape(camera.shape[0], _SUPERSAMPLE, camera.shape[1], _SUPERSAMPLE, 3).mean((1, 3))
    return np.round(canvas * 255).astype(np.uint8)


def _depth_range(
    row: np.ndarray, column: np.ndarray, depth: np.ndarray, fine: tuple[int, int], *, reach: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the nearest and farthest depth of surface voxels around each pixel; infinite where there is none."""
    near, far = np.full(fine, np.inf), np.full(fine, -np.inf)
    rows, columns = np.round(row).astype(int), np.round(column).astype(int)
    keep = (rows >= 0) & (rows < fine[0]) & (columns >= 0) & (columns < fine[1])
    flat = rows[keep] * fine[1] + columns[keep]
    np.minimum.at(near.ravel(), flat, depth[keep])
    np.maximum.at(far.ravel(), flat, depth[keep])
    side = 2 * reach + 1
    return scipy.ndimage.minimum_filter(near, side), scipy.ndimage.maximum_filter(far, side)


def _first_hit(solid: _Solid, starts: np.ndarray, forward: np.ndarray, near: np.ndarray, far: np.ndarray) -> np.ndarray:
    """Return the depth at which each ray first crosses the level; NaN for rays that pass by."""
    stride = solid.spacing * 0.7
    result = np.full(len(starts), np.nan)
    active = np.arange(len(starts))
    depth = near - 2.5 * solid.spacing
    before = np.zeros(len(starts))
    while active.size:
        value = solid.at(starts[active] + depth[active, None] * forward, solid.values)
        crossed = value >= _LEVEL
        done = active[crossed]
        low, high = before[done], value[crossed]
        share = (_LEVEL - low) / np.maximum(high - low, 1e-6)
        result[done] = depth[done] - stride * (1 - np.clip(share, 0, 1))
        before[active] = value
        depth[active] += stride
        active = active[~crossed & (depth[active] <= far[active] + 2.5 * solid.spacing)]
    return result


def _normals(solid: _Solid, points: np.ndarray) -> np.ndarray:
    """Return the outward unit normals of the surface, (N, 3) LPS, by central differences."""
    gradient = np.empty_like(points)
    for axis in range(3):
        offset = np.zeros(3)
        offset[axis] = solid.spacing
        gradient[:, axis] = solid.at(points + offset, solid.soft) - solid.at(points - offset, solid.soft)
    length = np.linalg.norm(gradient, axis=1, keepdims=True)
    return -gradient / np.maximum(length, 1e-9)


def _hollows(depth: np.ndarray, reach: float, step: float) -> np.ndarray:
    """Return a factor below 1 where the surface lies deeper than what is around it, as ambient light would."""
    known = np.isfinite(depth)
    weight = scipy.ndimage.gaussian_filter(known.astype(float), reach)
    around = scipy.ndimage.gaussian_filter(np.where(known, depth, 0.0), reach) / np.maximum(weight, 1e-9)
    deeper = np.where(known, depth - around, 0.0) / (reach * step)
    return 1 - 0.45 * np.clip(deeper / 2, 0, 1)
