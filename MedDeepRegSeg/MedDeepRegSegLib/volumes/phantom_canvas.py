"""Drawing of phantoms: implicit shapes, smooth noise, and a canvas that blends tissues at their borders.

A shape is a function of three coordinate arrays (L, P, S, mm) that returns its signed distance in mm, negative
inside. The canvas bends space with smooth noise before it asks the shapes, so that no organ is a perfect
ellipsoid; the same noise is evaluated at single points, so that landmarks stay exact.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Point = tuple[float, float, float]
Shape = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]

_REACH_MM = 320.0  # noise is defined on a cube of this half edge around the origin


@dataclass(frozen=True)
class Tissue:
    """A tissue of a phantom."""

    label: int
    """Value in the label map; 0 is the air around the body."""
    name: str
    """Name of the segment."""
    ct: float
    """CT number, HU."""
    mr: float
    """T1-weighted intensity before bias field and noise, arbitrary units."""


def _floats(point: Sequence[float]) -> Point:
    a, b, c = (float(value) for value in point)
    return a, b, c


def ellipsoid(center: Point, radii: Point) -> Shape:
    """Return an ellipsoid with axes along L, P, S. The distance is exact at the surface to first order."""

    center, radii = _floats(center), _floats(radii)

    def distance(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        u, v, w = (x - center[0]) / radii[0], (y - center[1]) / radii[1], (z - center[2]) / radii[2]
        k0 = np.sqrt(u * u + v * v + w * w)
        u, v, w = u / radii[0], v / radii[1], w / radii[2]
        k1 = np.sqrt(u * u + v * v + w * w)
        return k0 * (k0 - 1) / np.maximum(k1, 1e-6)

    return distance


def capsule(start: Point, stop: Point, radius: float, stop_radius: float | None = None) -> Shape:
    """Return a rod with round ends whose radius goes evenly from ``radius`` to ``stop_radius``, mm."""
    last = radius if stop_radius is None else stop_radius
    # Plain floats: numpy scalars of double precision would turn the single-precision grids into double.
    start, axis = _floats(start), _floats(np.subtract(stop, start).tolist())
    squared = sum(part * part for part in axis)

    def distance(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        u, v, w = x - start[0], y - start[1], z - start[2]
        t = np.clip((u * axis[0] + v * axis[1] + w * axis[2]) / squared, 0, 1)
        u, v, w = u - t * axis[0], v - t * axis[1], w - t * axis[2]
        return np.sqrt(u * u + v * v + w * w) - (radius + t * (last - radius))

    return distance


def tube(points: Sequence[Point], radii: Sequence[float], blend: float = 3.0) -> Shape:
    """Return a bent tube through ``points`` with the given radii, mm."""
    rods = [capsule(a, b, r, s) for a, b, r, s in zip(points[:-1], points[1:], radii[:-1], radii[1:], strict=True)]
    return union(*rods, blend=blend)


def union(*shapes: Shape, blend: float = 0.0) -> Shape:
    """Return the union of shapes; ``blend`` (mm) rounds the grooves between them."""

    def distance(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        result = shapes[0](x, y, z)
        for shape in shapes[1:]:
            result = smooth_minimum(result, shape(x, y, z), blend)
        return result

    return distance


def smooth_minimum(a: np.ndarray, b: np.ndarray, blend: float) -> np.ndarray:
    """Return the minimum of two distances, rounded over ``blend`` mm (quadratic polynomial)."""
    if blend <= 0:
        return np.minimum(a, b)
    h = np.maximum(blend - np.abs(a - b), 0) / blend
    return np.minimum(a, b) - h * h * (blend / 4)


class SmoothNoise:
    """Random smooth scalar field: a uniform cubic B-spline with normal coefficients.

    It is fixed in the world, so that phantoms of other spacing or size show the same patient.

    Parameters
    ----------
    rng:
        Source of the coefficients.
    knot_mm:
        Distance of the knots, about a third of the wavelength, mm.
    deviation:
        Standard deviation of the field.
    """

    def __init__(self, rng: np.random.Generator, knot_mm: float, deviation: float) -> None:
        self.knot_mm = knot_mm
        count = int(np.ceil(2 * _REACH_MM / knot_mm)) + 4
        # 151/315 is the mean over a knot interval of the sum of the squared basis functions.
        self.coefficients = rng.normal(0, deviation / (151 / 315) ** 1.5, (count, count, count)).astype(np.float32)

    def _basis(self, positions: np.ndarray, order: int = 0) -> np.ndarray:
        """Return the (N, count) weights of the coefficients at N positions, or of their derivative."""
        scaled = (np.asarray(positions, np.float64) + _REACH_MM) / self.knot_mm
        first = np.clip(np.floor(scaled).astype(int), 0, self.coefficients.shape[0] - 4)
        t = scaled - first
        if order == 0:
            weights = [(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3]
        else:
            scale = 3 / self.knot_mm
            weights = [-scale * (1 - t) ** 2, scale * (3 * t**2 - 4 * t), scale * (-3 * t**2 + 2 * t + 1), scale * t**2]
        matrix = np.zeros((len(scaled), self.coefficients.shape[0]))
        rows = np.arange(len(scaled))
        for offset, weight in enumerate(weights):
            matrix[rows, first + offset] = weight / 6
        return matrix

    def on_grid(self, axes: Sequence[np.ndarray], derivative: int | None = None) -> np.ndarray:
        """Return the field on the grid of ``axes`` (x, y, z positions), indexed [z, y, x].

        With ``derivative`` 0, 1 or 2: its derivative along x, y or z, per mm.
        """
        weights, used = [], []
        for number, axis in enumerate(axes):
            full = self._basis(axis, int(derivative == number)).astype(np.float32)
            columns = np.nonzero(full.any(axis=0))[0]
            used.append(slice(columns[0], columns[-1] + 1))
            weights.append(np.ascontiguousarray(full[:, used[-1]]))
        x, y, z = weights
        # Three products of matrices, contiguous so that they run in the BLAS.
        field = np.matmul(y, np.tensordot(z, self.coefficients[used[2], used[1], used[0]], (1, 0)))
        flat = field.reshape(-1, field.shape[2]) @ np.ascontiguousarray(x.T)
        return flat.reshape(len(axes[2]), len(axes[1]), len(axes[0]))

    def at(self, point: np.ndarray) -> float:
        """Return the field at one point (x, y, z)."""
        value = self.coefficients
        for position in np.asarray(point, float)[::-1]:  # z, y, x: the order of the coefficients
            weights = self._basis(position[None])[0]
            (used,) = np.nonzero(weights)
            value = np.tensordot(weights[used], value[used], (0, 0))
        return float(value)

    def sheets(self, axes: Sequence[np.ndarray]) -> np.ndarray:
        """Return the distance (mm, first order) to the surfaces where the field is zero, indexed [z, y, x]."""
        value = self.on_grid(axes)
        slope = np.sqrt(sum(self.on_grid(axes, n) ** 2 for n in range(3)))
        return np.abs(value) / np.maximum(slope, 1e-6)


class Canvas:
    """Voxel arrays in which tissues are painted over each other, indexed [z, y, x].

    Parameters
    ----------
    size, spacing_mm, origin:
        The grid: voxels along L, P, S; edge of a voxel, mm; center of the first voxel, LPS mm.
    warp:
        Three noise fields: the shapes are asked at ``point + warp(point)``.
    """

    def __init__(
        self, size: Sequence[int], spacing_mm: float, origin: Sequence[float], warp: Sequence[SmoothNoise]
    ) -> None:
        self.spacing_mm = spacing_mm
        self.axes = [start + spacing_mm * np.arange(n) for start, n in zip(origin, size, strict=True)]
        self.warp = warp
        world = np.meshgrid(*[axis.astype(np.float32) for axis in self.axes[::-1]], indexing="ij")[::-1]
        self.world = world
        self.x, self.y, self.z = (w + noise.on_grid(self.axes) for w, noise in zip(world, warp, strict=True))
        shape = tuple(size[::-1])
        self.bend_mm = max(float(np.abs(w - c).max()) for w, c in zip(world, (self.x, self.y, self.z), strict=True))
        self.ct = np.full(shape, -1000, np.float32)
        self.mr = np.zeros(shape, np.float32)
        self.labels = np.zeros(shape, np.uint8)

    def distance(self, shape: Shape) -> np.ndarray:
        """Return the signed distance of a shape on the whole grid, mm."""
        return shape(self.x, self.y, self.z)

    def paint(
        self,
        distance: np.ndarray,
        tissue: Tissue,
        region: tuple[slice, ...] = (slice(None),) * 3,
        *,
        strength: float = 1.0,
    ) -> None:
        """Paint ``tissue`` where ``distance`` is negative; border voxels are blended over one voxel.

        ``strength`` below 1 is for what is thinner than a voxel: it is painted that much fainter, and labeled
        from one half on.
        """
        share = np.clip(0.5 - distance / self.spacing_mm, 0, 1) * strength
        self.ct[region] += share * (tissue.ct - self.ct[region])
        self.mr[region] += share * (tissue.mr - self.mr[region])
        if strength >= 0.5:
            self.labels[region][distance < 0] = tissue.label

    def paint_small(
        self,
        shape: Shape,
        tissue: Tissue,
        center: Point,
        reach: float | Point,
        *,
        bent: bool = True,
        strength: float = 1.0,
    ) -> None:
        """Paint a shape that lies within ``reach`` mm of ``center``: only that part of the grid is computed.

        With ``bent=False`` the shape is painted in the world as it is, without the warp.
        """
        region = self.region(
            center, np.broadcast_to(reach, 3) + (self.bend_mm if bent else 0.0) + 2.0 + self.spacing_mm
        )
        if any(part.start >= part.stop for part in region):
            return
        places = (self.x, self.y, self.z) if bent else tuple(self.world)
        self.paint(shape(*(place[region] for place in places)), tissue, region, strength=strength)

    def paint_tube(
        self, points: Sequence[Point], radii: Sequence[float], tissue: Tissue, *, blend: float = 3.0
    ) -> None:
        """Paint a bent tube (see :func:`tube`); rods thinner than a voxel become fainter, not thicker."""
        thinnest = 0.5 * self.spacing_mm
        strength = min(1.0, max(radii) / thinnest) ** 2
        drawn = [max(radius, thinnest) for radius in radii] if strength < 1 else radii
        low, high = np.min(points, axis=0), np.max(points, axis=0)
        a, b, c = ((high - low) / 2 + max(drawn)).tolist()
        self.paint_small(
            tube(points, drawn, blend), tissue, _floats(((low + high) / 2).tolist()), (a, b, c), strength=strength
        )

    def region(self, center: Sequence[float], reach: np.ndarray) -> tuple[slice, ...]:
        """Return the index ranges [z, y, x] of the grid within ``reach`` (x, y, z) of ``center``."""
        parts = []
        for axis, middle, distance in zip(self.axes, center, reach, strict=True):
            start, stop = np.searchsorted(axis, [middle - distance, middle + distance])
            parts.append(slice(int(start), int(stop)))
        return tuple(parts[::-1])

    def world_point(self, canonical: Sequence[float]) -> Point:
        """Return where the unbent point ``canonical`` appears in the image: solves ``p + warp(p) = canonical``."""
        target = np.array(canonical, dtype=float)
        point = target.copy()
        for _ in range(200):  # the warp is a contraction: its slope is below one
            following = target - [noise.at(point) for noise in self.warp]
            if np.abs(following - point).max() < 1e-7:
                return tuple(following.tolist())
            point = following
        msg = f"the warp of the phantom cannot be inverted at {tuple(canonical)}"
        raise RuntimeError(msg)
