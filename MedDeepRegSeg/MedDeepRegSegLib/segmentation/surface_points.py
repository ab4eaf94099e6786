"""Points on the surface of a mask, between its voxels, with the direction outward."""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.segmentation.sub_voxel import MARGIN, cropped, soft_mask
from MedDeepRegSegLib.volumes.geometry import check_label_map, index_to_world

_SLAB = 32  # slices at a time, so that a whole body needs no memory of its own
_REACH = 2 * MARGIN  # slices around a slab that its smoothing looks at


@dataclass(frozen=True)
class SurfacePoints:
    """Points of a surface.

    Attributes
    ----------
    points:
        (N, 3) LPS mm.
    normals:
        (N, 3) unit vectors outward, LPS.
    """

    points: np.ndarray
    normals: np.ndarray

    def some(self, count: int, generator: np.random.Generator) -> "SurfacePoints":
        """Return ``count`` of the points at random; all of them where there are no more."""
        if len(self.points) <= count:
            return self
        chosen = generator.choice(len(self.points), count, replace=False)
        return SurfacePoints(self.points[chosen], self.normals[chosen])


def surface_points(
    mask: sitk.Image,
    *,
    value: int | None = None,
    count: int | None = None,
    seed: int = 0,
    cancel: CancelToken | None = None,
) -> SurfacePoints:
    """Return where the surface of a mask crosses the lines between neighboring voxels.

    Parameters
    ----------
    mask:
        3-D label map.
    value:
        Label to take; every label above 0 as one without.
    count:
        Keep so many, spread evenly over the surface whatever the voxels are; all without.
    seed:
        Of the choice of points.
    cancel:
        As everywhere.

    Raises
    ------
    InputError
        If the mask is no label map or has no such voxel.
    """
    check_label_map(mask, "mask")
    array = sitk.GetArrayViewFromImage(mask)
    chosen = array > 0 if value is None else array == value
    if not chosen.any():
        msg = "the mask is empty: " + ("draw or grow it first" if value is None else f"no voxel has the label {value}")
        raise InputError(msg)
    part, first = cropped(chosen, (0, 1, 2))
    places, directions, areas = [], [], []
    voxel = np.array(mask.GetSpacing())[::-1]
    for start in range(0, part.shape[0], _SLAB):
        if cancel is not None:
            cancel.raise_if_canceled()
        low = max(start - _REACH, 0)
        slab = part[low : start + _SLAB + 1 + _REACH]
        if not slab.any():
            continue
        field = soft_mask(slab, (0, 1, 2))
        gradient = np.stack(np.gradient(field, *voxel), axis=-1)
        own = slice(start - low, min(start - low + _SLAB + 1, len(slab)))
        for axis in range(3):
            place, direction = _crossings(field[own], gradient[own], axis)
            if axis != 0:  # the slice that the next slab begins with is its own
                mine = place[:, 0] < _SLAB
                place, direction = place[mine], direction[mine]
            places.append(place + np.array([start, 0, 0]) + first)
            directions.append(direction)
            # Weighted so, crossings along all three axes together are even over the surface.
            areas.append(np.abs(direction[:, axis]) * voxel.prod() / voxel[axis])
    place, direction = np.concatenate(places), np.concatenate(directions)
    if count is not None and len(place) > count:
        weight = np.concatenate(areas)
        share = weight / weight.sum()
        fewest = min(count, int(np.count_nonzero(share)))
        kept = np.random.default_rng(seed).choice(len(place), fewest, replace=False, p=share)
        place, direction = place[kept], direction[kept]
    matrix = index_to_world(mask)
    rotation = np.array(mask.GetDirection()).reshape(3, 3)
    points = place[:, ::-1] @ matrix[:3, :3].T + matrix[:3, 3]
    return SurfacePoints(points, direction[:, ::-1] @ rotation.T)


def _crossings(field: np.ndarray, gradient: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices (N, 3) where a field crosses zero along an axis, and the outward unit normals there."""
    low = [slice(None)] * 3
    high = [slice(None)] * 3
    low[axis], high[axis] = slice(None, -1), slice(1, None)
    before, after = field[tuple(low)], field[tuple(high)]
    index = np.nonzero((before > 0) != (after > 0))
    share = before[index] / (before[index] - after[index])
    place = np.stack(index, axis=1).astype(float)
    place[:, axis] += share
    slope = (1 - share)[:, None] * gradient[tuple(low)][index] + share[:, None] * gradient[tuple(high)][index]
    size = np.linalg.norm(slope, axis=1, keepdims=True)
    return place, -slope / np.maximum(size, 1e-12)
