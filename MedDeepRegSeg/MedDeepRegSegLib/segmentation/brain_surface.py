"""A balloon that grows inside a head until it meets the dark rim around the brain.

Source: Smith, Fast robust automated brain extraction, Human Brain Mapping 2002, equations 1 to 13. Written from the
paper; the balloon starts from a center that a long neck does not pull down, and is filled by directions.
"""

import numpy as np
from scipy.spatial import ConvexHull, cKDTree

from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.segmentation.morphology import Mask, Spacing

_HEIGHT_MM = 130.0  # of the head below its top that holds the brain's middle
_INWARD_MM = 20.0
_INWARD_BRIGHT_MM = 10.0
_ROUNDEST_MM = 10.0
_SHARPEST_MM = 3.33
_ITERATIONS = 1000


def sphere_mesh(subdivisions: int) -> tuple[np.ndarray, np.ndarray]:
    """Return unit vectors (V, 3) spread evenly and triangles (F, 3): a subdivided icosahedron, turned outward."""
    golden = (1 + 5**0.5) / 2
    corners = [(0.0, a, b * golden) for a in (-1, 1) for b in (-1, 1)]
    points = np.array([np.roll(corner, shift) for corner in corners for shift in range(3)])
    for _ in range(subdivisions):
        triangles = _hull(points)
        edges = np.unique(
            np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [0, 2]]])), axis=0
        )
        points = np.concatenate([points, points[edges].mean(axis=1)])
        points /= np.linalg.norm(points, axis=1, keepdims=True)
    points = points / np.linalg.norm(points, axis=1, keepdims=True)
    return points, _hull(points)


def _hull(points: np.ndarray) -> np.ndarray:
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    triangles = ConvexHull(unit).simplices
    a, b, c = (unit[triangles[:, corner]] for corner in range(3))
    inward = np.einsum("ij,ij->i", np.cross(b - a, c - a), a) < 0
    triangles[inward] = triangles[inward][:, ::-1]
    return triangles


def brain_by_balloon(
    values: np.ndarray, head: Mask, spacing: Spacing, *, threshold: float = 0.5, cancel: CancelToken | None = None
) -> Mask:
    """Return the brain in a head MR.

    Parameters
    ----------
    values:
        Intensities (k, j, i); k runs to superior.
    head:
        The head.
    spacing:
        mm along (k, j, i).
    threshold:
        Fraction between 0 and 1; larger gives a smaller brain.
    """
    step = np.array(spacing)
    low, high = np.percentile(values[head], [2, 98])
    low = min(low, float(np.percentile(values, 2)))
    background = low + 0.1 * (high - low)
    tissue = head & (values > background)
    top = np.flatnonzero(tissue.any(axis=(1, 2))).max()
    tissue[: max(int(top - _HEIGHT_MM / spacing[0]), 0)] = False
    places = np.argwhere(tissue)
    weights = np.minimum(values[tissue], high) - low
    center = np.average(places, axis=0, weights=weights) * step
    radius = float(np.cbrt(3 * len(places) * np.prod(spacing) / (4 * np.pi)))
    near = ((places * step - center) ** 2).sum(axis=1) < (0.9 * radius) ** 2
    middle = float(np.median(values[tissue][near]))
    levels = (low, background, middle)
    directions, triangles = sphere_mesh(4)
    surface = center + 0.5 * radius * directions
    neighbors, counts = _neighbors(len(directions), triangles)
    for iteration in range(_ITERATIONS):
        if cancel is not None and iteration % 20 == 0:
            cancel.raise_if_canceled()
        surface = surface + _step(
            values,
            surface,
            step=step,
            triangles=triangles,
            neighbors=neighbors,
            counts=counts,
            levels=levels,
            threshold=threshold,
        )
    return _filled_star(surface - center, center, values.shape, step) & head


def _neighbors(count: int, triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the neighbors of each vertex, (V, 6) filled up with the vertex itself, and their number, (V,)."""
    sets: list[set[int]] = [set() for _ in range(count)]
    for a, b, c in triangles.tolist():
        sets[a] |= {b, c}
        sets[b] |= {a, c}
        sets[c] |= {a, b}
    table = np.array([sorted(each) + [own] * (6 - len(each)) for own, each in enumerate(sets)])
    return table, np.array([len(each) for each in sets])


def _step(
    values: np.ndarray,
    surface: np.ndarray,
    *,
    step: np.ndarray,
    triangles: np.ndarray,
    neighbors: np.ndarray,
    counts: np.ndarray,
    levels: tuple[float, float, float],
    threshold: float,
) -> np.ndarray:
    """Return by how much each vertex moves, (V, 3) mm."""
    around = surface[neighbors]
    mean = (around.sum(axis=1) - surface * (6 - counts)[:, None]) / counts[:, None]
    spread = float(np.mean(np.linalg.norm(around[:, 0] - surface, axis=1)))
    a, b, c = (surface[triangles[:, corner]] for corner in range(3))
    faces = np.cross(b - a, c - a)
    normals = np.zeros_like(surface)
    for corner in range(3):
        np.add.at(normals, triangles[:, corner], faces)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    pull = mean - surface
    outward = np.einsum("ij,ij->i", pull, normals)
    normal_pull = outward[:, None] * normals
    # Smooth where the curve is tight, free where it is wide.
    curvature = 2 * np.abs(outward) / spread**2
    center = (1 / _SHARPEST_MM + 1 / _ROUNDEST_MM) / 2
    slope = 6 / (1 / _SHARPEST_MM - 1 / _ROUNDEST_MM)
    stiffness = (1 + np.tanh(slope * (curvature - center))) / 2
    push = 0.05 * spread * _push(values, surface, normals, step=step, levels=levels, threshold=threshold)
    return 0.5 * (pull - normal_pull) + stiffness[:, None] * normal_pull + push[:, None] * normals


def _push(
    values: np.ndarray,
    surface: np.ndarray,
    normals: np.ndarray,
    *,
    step: np.ndarray,
    levels: tuple[float, float, float],
    threshold: float,
) -> np.ndarray:
    """Return how strongly the intensities inward of each vertex push it out (positive) or in, (V,)."""
    low, background, middle = levels
    pace = 2.0
    depths = np.arange(0.0, _INWARD_MM + pace / 2, pace)
    points = (surface[:, None] - depths[None, :, None] * normals[:, None]) / step
    indices = np.clip(np.rint(points).astype(int), 0, np.array(values.shape) - 1)
    along = values[indices[..., 0], indices[..., 1], indices[..., 2]]
    outside = ((points < -0.5) | (points > np.array(values.shape) - 0.5)).any(axis=2)
    along = np.where(outside, low, along)
    darkest = np.maximum(low, np.minimum(middle, along.min(axis=1)))
    brightest = np.minimum(middle, np.maximum(background, along[:, depths <= _INWARD_BRIGHT_MM].max(axis=1)))
    local = (brightest - low) * threshold + low
    return 2 * (darkest - local) / np.maximum(brightest - low, 1e-9)


def _filled_star(offsets: np.ndarray, center: np.ndarray, shape: tuple[int, ...], step: np.ndarray) -> Mask:
    """Return the voxels within a surface seen from its center: nearer than the surface in their direction."""
    radii = np.linalg.norm(offsets, axis=1)
    tree = cKDTree(offsets / radii[:, None])
    inside = np.zeros(shape, bool)
    places = np.indices(shape).reshape(3, -1).T * step - center
    distances = np.linalg.norm(places, axis=1)
    candidates = np.flatnonzero(distances < radii.max())
    sure = distances[candidates] < radii.min()
    flat = inside.reshape(-1)
    flat[candidates[sure]] = True
    open_ones = candidates[~sure]
    apart, nearest = tree.query(places[open_ones] / distances[open_ones, None], k=3)
    weights = 1 / np.maximum(apart, 1e-6)
    reach = (radii[nearest] * weights).sum(axis=1) / weights.sum(axis=1)
    flat[open_ones] = distances[open_ones] <= reach
    return inside
