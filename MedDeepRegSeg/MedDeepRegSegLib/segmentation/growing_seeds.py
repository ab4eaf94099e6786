"""Seed points and boxes: from world coordinates to voxels, with checks a person understands."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.volumes.geometry import check_label_map, check_same_geometry, index_to_world, volume_corners

Points = np.ndarray | Sequence[Sequence[float]]


@dataclass(frozen=True, eq=False)
class Seeds:
    """What was asked for, in voxels (k, j, i) of the image, and checked.

    Attributes
    ----------
    inside, outside : ndarray, shape (N, 3) and (M, 3), int
        Clicked voxels.
    previous : ndarray of bool, or None
        What was there before, on the grid of the image.
    allowed : ndarray of bool, or None
        Where the structure may grow, on the grid of the image.
    box : tuple of slice, or None
        Nothing grows out of it.
    """

    inside: np.ndarray
    outside: np.ndarray
    previous: np.ndarray | None = None
    allowed: np.ndarray | None = None
    box: tuple[slice, slice, slice] | None = None


def ras_text(point: Sequence[float]) -> str:
    """Return an LPS point as a person reads it: ``(R, A, S) RAS mm``."""
    return f"({0.0 - point[0]:.1f}, {0.0 - point[1]:.1f}, {point[2]:.1f}) RAS mm"


def seed_indices(image: sitk.Image, points: Points, what: str) -> np.ndarray:
    """Return the voxels (k, j, i) of points, (N, 3) int.

    Parameters
    ----------
    image:
        3-D image.
    points:
        (N, 3) LPS mm; may be empty.
    what:
        ``"positive"`` or ``"negative"``, for the message.

    Raises
    ------
    InputError
        If the points are not (N, 3) finite numbers, or one lies outside the image.
    """
    world = np.asarray(points, dtype=float)
    if world.size == 0:
        return np.zeros((0, 3), int)
    if world.ndim != 2 or world.shape[1] != 3 or not np.isfinite(world).all():
        msg = f"{what} points have the shape {world.shape}, expected (N, 3) finite numbers: three coordinates for each"
        raise InputError(msg)
    indices = _continuous(image, world)
    rounded = np.floor(indices + 0.5).astype(int)
    for number, index in enumerate(rounded):
        if (index < 0).any() or (index >= image.GetSize()).any():
            corners = volume_corners(image) * [-1, -1, 1]
            bounds = ", ".join(
                f"{name} {low:.1f} to {high:.1f}"
                for name, low, high in zip("RAS", corners.min(axis=0), corners.max(axis=0), strict=True)
            )
            msg = (
                f"{what} point {ras_text(world[number])} lies outside the image, which spans {bounds} mm: "
                "move the point (is it in RAS coordinates of this volume?)"
            )
            raise InputError(msg)
    return unique_rows(rounded[:, ::-1])


def unique_rows(points: np.ndarray) -> np.ndarray:
    """Return the rows of (N, 3) points without repetitions, in the order of their first appearance."""
    return np.array(list(dict.fromkeys(map(tuple, points.tolist()))), int).reshape(-1, 3)


def _continuous(image: sitk.Image, world: np.ndarray) -> np.ndarray:
    matrix = index_to_world(image)
    return (world - matrix[:3, 3]) @ np.linalg.inv(matrix[:3, :3]).T


def check_apart(inside: np.ndarray, outside: np.ndarray) -> None:
    """Raise :class:`InputError` if a voxel (k, j, i) is both in ``inside`` and ``outside``."""
    both = set(map(tuple, inside.tolist())) & set(map(tuple, outside.tolist()))
    if both:
        k, j, i = min(both)
        msg = f"a positive and a negative point lie in the same voxel ({i}, {j}, {k}), expected different ones: remove one"
        raise InputError(msg)


def check_foreground(inside: np.ndarray, allowed: np.ndarray | None) -> None:
    """Raise :class:`InputError` if a voxel of ``inside`` is not in the mask ``allowed``."""
    if allowed is None or len(inside) == 0:
        return
    missing = int((~allowed[tuple(inside.T)]).sum())
    if missing:
        msg = (
            f"{missing} of {len(inside)} positive points lie outside the foreground mask, expected all inside: "
            "move them or leave the mask out"
        )
        raise InputError(msg)


def checked_box(image: sitk.Image, box: Points | None, inside: np.ndarray) -> tuple[slice, slice, slice] | None:
    """Return the voxels (k, j, i) within a box given by two corners, or None without a box.

    On an oblique grid it is the smallest box along the axes of the grid that holds the box of world axes.

    Raises
    ------
    InputError
        If the corners are not (2, 3) finite numbers, the box lies outside the image, or a positive seed outside the box.
    """
    if box is None:
        return None
    corners = np.asarray(box, dtype=float)
    if corners.shape != (2, 3) or not np.isfinite(corners).all():
        msg = f"box has the shape {corners.shape}, expected two corners of three finite coordinates each"
        raise InputError(msg)
    choices = np.array(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij")).reshape(3, -1).T
    world = np.take_along_axis(corners, choices, axis=0)
    indices = _continuous(image, world)
    lows = np.floor(indices.min(axis=0) + 0.5).astype(int)
    highs = np.floor(indices.max(axis=0) + 0.5).astype(int) + 1
    size = np.array(image.GetSize())
    if (highs <= 0).any() or (lows >= size).any():
        msg = "the box lies outside the image, expected a box around the structure: move it"
        raise InputError(msg)
    lows, highs = np.maximum(lows, 0)[::-1], np.minimum(highs, size)[::-1]
    parts = [slice(int(low), int(high)) for low, high in zip(lows, highs, strict=True)]
    checked = parts[0], parts[1], parts[2]
    check_in_box(inside, checked)
    return checked


def check_in_box(inside: np.ndarray, box: tuple[slice, slice, slice] | None) -> None:
    """Raise :class:`InputError` if a voxel of ``inside`` is not in the box."""
    if box is None or len(inside) == 0:
        return
    lows, highs = np.array([part.start for part in box]), np.array([part.stop for part in box])
    if ((inside < lows) | (inside >= highs)).any():
        msg = "a positive point lies outside the box, expected all inside: move the point or enlarge the box"
        raise InputError(msg)


def mask_array(image: sitk.Image, mask: sitk.Image | None, what: str) -> np.ndarray | None:
    """Return a mask on the grid of the image as bool (k, j, i), or None without one.

    Raises
    ------
    InputError
        If it is no label map or has another grid.
    """
    if mask is None:
        return None
    check_label_map(mask, what)
    check_same_geometry(image, mask, "image", what)
    return np.asarray(sitk.GetArrayViewFromImage(mask) != 0)
