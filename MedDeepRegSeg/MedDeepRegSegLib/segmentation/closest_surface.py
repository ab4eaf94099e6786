"""The surface of a mask as a target: signed distances on a map, closest points, and one step of a linear fit to it."""

import math
from typing import Literal

import numpy as np
import scipy.ndimage
import SimpleITK as sitk
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from MedDeepRegSegLib.segmentation.surface_points import SurfacePoints
from MedDeepRegSegLib.volumes.geometry import world_to_index

Freedom = Literal["rigid", "similarity", "affine"]
_MAP_VOXELS = 250_000
_LEAST_SHARE = 0.4
_TRIM_POWER = 1.5
_RIDGE = 1e-6


class SurfaceTarget:
    """The surface of a mask.

    Parameters
    ----------
    mask:
        3-D label map; voxels above 0 are the mask.
    surface:
        Points of its surface.

    Attributes
    ----------
    surface:
        As given.
    tree:
        Finds the closest ones of its points.
    voxel_mm:
        Longest side of the voxels of the mask.
    """

    def __init__(self, mask: sitk.Image, surface: SurfacePoints) -> None:
        self.surface = surface
        self.voxel_mm = max(mask.GetSpacing())
        self.tree = cKDTree(surface.points)
        self._map, self._origin, self._step = self._distance_map(mask)
        self._slopes = np.stack(np.gradient(self._map, self._step), axis=0)[::-1]  # along x, y, z

    def _distance_map(self, mask: sitk.Image) -> tuple[np.ndarray, np.ndarray, float]:
        """Return signed distances (mm, above 0 outside) on a cubic grid (z, y, x) along the axes of the world."""
        points = self.surface.points
        low, high = points.min(axis=0), points.max(axis=0)
        margin = 0.25 * float((high - low).max()) + 3 * self.voxel_mm
        low, high = low - margin, high + margin
        step = max(float(np.prod(high - low) / _MAP_VOXELS) ** (1 / 3), min(mask.GetSpacing()))
        size = np.maximum(np.ceil((high - low) / step).astype(int) + 1, 2)
        z, y, x = np.meshgrid(*(low[axis] + step * np.arange(size[axis]) for axis in (2, 1, 0)), indexing="ij")
        grid = np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1)
        distance, index = self.tree.query(grid)
        height = ((grid - points[index]) * self.surface.normals[index]).sum(axis=1)
        near = distance < 2 * self.voxel_mm
        inside = sitk.GetArrayViewFromImage(mask) > 0
        place = np.rint(world_to_index(mask, grid)).astype(int)
        within = ((place >= 0) & (place < mask.GetSize())).all(axis=1)
        inner = np.zeros(len(grid), bool)
        inner[within] = inside[place[within, 2], place[within, 1], place[within, 0]]
        signed = np.where(near, height, np.where(inner, -distance, distance))
        return signed.reshape(size[::-1]), low, step

    def signed_distance(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the signed distances of points (N, 3) from the map, and their slopes (N, 3)."""
        index = (points - self._origin) / self._step
        held = np.clip(index, 0, np.array(self._map.shape[::-1]) - 1)
        at = held.T[::-1]
        distance = scipy.ndimage.map_coordinates(self._map, at, order=1)
        slope = np.stack([scipy.ndimage.map_coordinates(part, at, order=1) for part in self._slopes], axis=1)
        beyond = (index - held) * self._step
        outside = np.linalg.norm(beyond, axis=1)
        far = outside > 0
        distance = distance + outside
        slope[far] = beyond[far] / outside[far, None]
        size = np.linalg.norm(slope, axis=1, keepdims=True)
        return distance, slope / np.maximum(size, 1e-9)

    def distances(self, points: np.ndarray) -> np.ndarray:
        """Return the distances of points (N, 3) to the surface, mm, between its points along its tangent planes."""
        distance, index = self.tree.query(points)
        return _off_plane(distance, points - self.surface.points[index], self.surface.normals[index])


def _off_plane(distance: np.ndarray, offset: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Return distances to tangent planes; to the points themselves where a plane would be no help."""
    height = np.abs((offset * normals).sum(axis=1))
    # The next points of a surface are about as far apart as a voxel: beyond that a plane extends past its surface.
    return np.where(height > 0.3 * distance, height, np.maximum(height, distance - 1.0))


def kept_share(distances: np.ndarray) -> float:
    """Return the share of the smallest distances that best tells what fits from what is missing.

    It is the share that makes the root mean square of the kept distances over a power of the share smallest.
    Source: J. Phillips, R. Liu, C. Tomasi, "Outlier robust ICP for minimizing fractional RMSD", 3DIM 2007.
    """
    ordered = np.sort(np.abs(distances))
    finite = ordered[np.isfinite(ordered)]
    if not finite.size:
        return _LEAST_SHARE
    shares = np.arange(1, len(finite) + 1) / len(ordered)
    # A floor keeps a perfect fit from trimming everything but its best points.
    spread = np.sqrt(np.cumsum(finite**2) / np.arange(1, len(finite) + 1)) + 0.05
    score = np.where(shares >= min(_LEAST_SHARE, shares[-1]), spread / shares**_TRIM_POWER, math.inf)
    return float(shares[int(score.argmin())])


def trimmed_score(distances: np.ndarray) -> float:
    """Return the root mean square of the kept distances, mm, over the power of their share: lower is better."""
    share = kept_share(distances)
    kept = np.sort(np.abs(distances))[: max(1, round(share * len(distances)))]
    return float(np.sqrt(np.mean(kept**2)) + 0.05) / share**_TRIM_POWER


def linear_step(
    points: np.ndarray, slopes: np.ndarray, distances: np.ndarray, weights: np.ndarray, kind: Freedom
) -> np.ndarray:
    """Return the (4, 4) map that moves points so that their distances vanish to first order.

    Parameters
    ----------
    points:
        (N, 3) mm, where they are now.
    slopes:
        (N, 3) unit vectors along which the distance grows.
    distances:
        (N,) signed distances, mm.
    weights:
        (N,) 0 or more.
    kind:
        What may change.
    """
    center = np.average(points, axis=0, weights=np.maximum(weights, 1e-12))
    arm = points - center
    lever = max(float(np.sqrt(np.average((arm**2).sum(axis=1), weights=np.maximum(weights, 1e-12)))), 1e-6)
    arm = arm / lever
    if kind == "affine":
        rows = np.concatenate([(slopes[:, :, None] * arm[:, None, :]).reshape(-1, 9), slopes], axis=1)
    else:
        rows = np.concatenate([np.cross(arm, slopes), slopes], axis=1)
        if kind == "similarity":
            rows = np.concatenate([rows, (arm * slopes).sum(axis=1, keepdims=True)], axis=1)
    weighted = rows * weights[:, None]
    normal = weighted.T @ rows
    # What the points leave open (a sphere may turn) stays as it is.
    normal += _RIDGE * np.trace(normal) * np.eye(len(normal))
    step = -np.linalg.solve(normal, weighted.T @ distances)
    if kind == "affine":
        matrix = np.eye(3) + step[:9].reshape(3, 3) / lever
        shift = step[9:]
    else:
        matrix = Rotation.from_rotvec(step[:3] / lever).as_matrix()
        shift = step[3:6]
        if kind == "similarity":
            matrix = matrix * math.exp(float(np.clip(step[6] / lever, -0.5, 0.5)))
    moved = np.eye(4)
    moved[:3, :3] = matrix
    moved[:3, 3] = center + shift - matrix @ center
    return moved


def apply(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Map points (N, 3) by a (4, 4) matrix."""
    return points @ matrix[:3, :3].T + matrix[:3, 3]
