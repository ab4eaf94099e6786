"""Linear maps between two images: how well one fits, and how it is refined (rigid, similarity or affine).

Both images are asked: points of the fixed one through the map, and points of the moving one through its inverse. So the
images' roles can be exchanged, and a small image cannot hide in an empty corner of a large one.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.registration.canonical import CanonicalImage
from MedDeepRegSegLib.registration.descent import descend
from MedDeepRegSegLib.registration.settings import RegistrationSettings
from MedDeepRegSegLib.registration.similarity import NormalizedMutualInformation, draw_samples

_LEVER_MM = 70.0  # turns an angle or a strain into mm, so that all parameters weigh alike
_STRAIN_WEIGHT = 0.01  # keeps an affine from shrinking a body into its best corner

Freedom = Literal["rigid", "similarity", "affine"]


@dataclass(frozen=True)
class Linear:
    """The map x -> matrix (x - center) + center + shift, fixed to moving points, LPS mm."""

    matrix: NDArray[np.float64]
    shift: NDArray[np.float64]
    center: NDArray[np.float64]

    def __call__(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map points (N, 3) to (N, 3)."""
        return self.columns(points.T).T

    @property
    def offset(self) -> NDArray[np.float64]:
        """Where the origin goes: the map is x -> matrix x + offset."""
        return self.center + self.shift - self.matrix @ self.center

    def columns(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Map points (3, N) to (3, N)."""
        # Written out: a matrix product of three rows spends its time on waking threads.
        rows = [row[0] * points[0] + row[1] * points[1] + row[2] * points[2] for row in self.matrix]
        return np.stack([row + part for row, part in zip(rows, self.offset, strict=True)])


@dataclass(frozen=True)
class Candidate:
    """A linear map with its similarity and the curve that led to it."""

    linear: Linear
    similarity: float
    overlap: float
    curve: tuple[float, ...] = ()


@dataclass
class Direction:
    """Samples of one image against the other image, on one pair of working grids."""

    metric: NormalizedMutualInformation
    minimum_overlap: float
    points: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        """Fix the samples' points."""
        self.points = np.ascontiguousarray(self.metric.samples.points.T)

    def value(self, linear: Linear) -> float:
        """Return the similarity, lowered where the images hardly overlap."""
        similarity, _ = self.metric(linear.columns(self.points), gradient=False)
        return similarity - _overlap_penalty(self.metric.overlap, self.minimum_overlap)

    def slope(self, linear: Linear) -> tuple[float, NDArray[np.float64]]:
        """Return :meth:`value` and its derivative by the mapped points (3, N)."""
        similarity, slope = self.metric(linear.columns(self.points))
        assert slope is not None
        return similarity - _overlap_penalty(self.metric.overlap, self.minimum_overlap), slope


@dataclass
class Comparison:
    """Two images on one pair of working grids, each seen from the other."""

    forth: Direction
    back: Direction

    @property
    def minimum_overlap(self) -> float:
        """Smallest part of the fixed foreground that must fall inside the moving image."""
        return self.forth.minimum_overlap

    def score(self, linear: Linear) -> tuple[float, float]:
        """Return similarity, lowered where the images hardly overlap, and the part of the fixed image that overlaps."""
        value = self.forth.value(linear)
        return (value + self.back.value(inverse(linear))) / 2, self.forth.metric.overlap

    def cost(self, linear: Linear) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
        """Return the negative similarity and its derivative by the matrix (3, 3) and the shift (3,)."""
        value, slope = self.forth.slope(linear)
        by_offset = slope.sum(axis=1)
        by_matrix = slope @ self.forth.points.T - np.outer(by_offset, linear.center)
        # Of x = M^-1 (y - b): dx = -M^-1 (dM x + db).
        backward = inverse(linear)
        other, slope = self.back.slope(backward)
        slope = -backward.matrix.T @ slope
        by_matrix += slope @ backward.columns(self.back.points).T - np.outer(slope.sum(axis=1), linear.center)
        by_offset = by_offset + slope.sum(axis=1)
        return -(value + other) / 2, -by_matrix / 2, -by_offset / 2


def _overlap_penalty(overlap: float, minimum: float) -> float:
    """Return 0 with enough overlap, growing to 1 without any."""
    return max(0.0, 1.0 - overlap / minimum)


def compare(
    fixed: CanonicalImage, moving: CanonicalImage, spacing: float, settings: RegistrationSettings, *, count: int
) -> Comparison:
    """Prepare the comparison of two images on grids of ``spacing`` mm with at most ``count`` points of each."""
    return Comparison(
        _direction(fixed, moving, spacing, settings, count), _direction(moving, fixed, spacing, settings, count)
    )


def _direction(
    source: CanonicalImage, target: CanonicalImage, spacing: float, settings: RegistrationSettings, count: int
) -> Direction:
    """Prepare samples of one image and the grid of the other."""
    own = source.at(spacing)
    # The other grid is finer, so that grid lines that coincide make no false optimum.
    # Its margin is as wide as images may still be apart.
    other = target.at(max(0.7 * spacing, 1.5), margin_mm=max(24.0, 5 * spacing))
    samples = draw_samples(own, count=count, seed=settings.seed, jitter=True)
    if samples.index.size < 200:
        msg = (
            f"{source.what} foreground or mask has only {samples.index.size} points at {spacing:g} mm, "
            "expected 200 or more: use a larger mask or a finer working grid"
        )
        raise InputError(msg)
    # A body or mask that is smaller cannot overlap more than its own size allows.
    possible = min(1.0, target.volume_mm3 / source.volume_mm3)
    return Direction(NormalizedMutualInformation(samples, other), settings.minimum_overlap * possible)


def refine(
    comparison: Comparison,
    start: Linear,
    *,
    freedom: Freedom,
    iterations: int,
    tolerance: float = 1e-6,
    on_iteration=None,
    cancel: CancelToken | None = None,
) -> Candidate:
    """Descend from one start by rigid, similarity or affine updates."""
    build, pull_back, size = _affine_parameters(start) if freedom == "affine" else _similarity_parameters(start)
    size = 6 if freedom == "rigid" else size

    def objective(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        linear = build(parameters)
        value, by_matrix, by_shift = comparison.cost(linear)
        if freedom != "rigid":
            strain, by_strain = _strain(linear.matrix)
            value, by_matrix = value + _STRAIN_WEIGHT * strain, by_matrix + _STRAIN_WEIGHT * by_strain
        return value, pull_back(parameters, by_matrix, by_shift)[:size]

    minimum = descend(
        objective,
        np.zeros(size),
        iterations=iterations,
        tolerance=tolerance,
        on_iteration=on_iteration,
        cancel=cancel,
    )
    linear = build(minimum.parameters)
    similarity, overlap = comparison.score(linear)
    return Candidate(linear, similarity, overlap, tuple(-value for value in minimum.curve))


def _similarity_parameters(start: Linear):
    """Return builder, gradient and number of the parameters: rotation vector (times lever), shift, log scale (times lever).

    Without the last one the updates are rigid.
    """
    axes = np.eye(3)

    def build(parameters: NDArray[np.float64]) -> Linear:
        turn = Rotation.from_rotvec(parameters[:3] / _LEVER_MM).as_matrix()
        scale = np.exp(parameters[6] / _LEVER_MM) if len(parameters) > 6 else 1.0
        return replace(start, matrix=scale * turn @ start.matrix, shift=start.shift + parameters[3:6])

    def pull_back(parameters, by_matrix, by_shift):
        vector = parameters[:3] / _LEVER_MM
        scale = np.exp(parameters[6] / _LEVER_MM) if len(parameters) > 6 else 1.0
        step = 1e-5
        by_turn = scale * by_matrix @ start.matrix.T
        by_rotation = [
            np.sum(
                by_turn
                * (
                    Rotation.from_rotvec(vector + step * axis).as_matrix()
                    - Rotation.from_rotvec(vector - step * axis).as_matrix()
                )
            )
            / (2 * step * _LEVER_MM)
            for axis in axes
        ]
        by_scale = np.sum(by_turn * Rotation.from_rotvec(vector).as_matrix()) / _LEVER_MM
        return np.concatenate([by_rotation, by_shift, [by_scale]])

    return build, pull_back, 7


def _affine_parameters(start: Linear):
    """Return builder, gradient and number of the parameters: matrix entries (times lever) and shift."""

    def build(parameters: NDArray[np.float64]) -> Linear:
        return replace(
            start,
            matrix=start.matrix + parameters[:9].reshape(3, 3) / _LEVER_MM,
            shift=start.shift + parameters[9:],
        )

    def pull_back(parameters, by_matrix, by_shift):
        return np.concatenate([by_matrix.ravel() / _LEVER_MM, by_shift])

    return build, pull_back, 12


def _strain(matrix: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Return |A^T A - I|^2 / 4 (squared Green strain) of a matrix and of its inverse, added, and the derivative."""
    backward = np.linalg.inv(matrix)
    green, other = ((part.T @ part - np.eye(3)) / 2 for part in (matrix, backward))
    slope = 2 * matrix @ green - backward.T @ (2 * backward @ other) @ backward.T
    return float((green**2).sum() + (other**2).sum()), slope


def inverse(linear: Linear) -> Linear:
    """Return the map from moving to fixed points; its center is where the center goes."""
    return Linear(np.linalg.inv(linear.matrix).astype(np.float64), -linear.shift, linear.center + linear.shift)


def distance(a: Linear, b: Linear, radius: float) -> float:
    """Return the root mean square distance, mm, of two maps over points about ``radius`` mm from the center."""
    turned = ((a.matrix - b.matrix) ** 2).sum() * radius**2 / 3
    return float(np.sqrt(turned + ((a.shift - b.shift) ** 2).sum()))


def closest_rigid(linear: Linear) -> Linear:
    """Return the map with the closest rotation in place of the matrix (polar decomposition)."""
    left, _, right = np.linalg.svd(linear.matrix)
    turn = left @ np.diag([1.0, 1.0, float(np.sign(np.linalg.det(left @ right)))]) @ right
    return replace(linear, matrix=turn)


def closest_similarity(linear: Linear) -> Linear:
    """Return the map with the closest rotation, scaled to the same change of volume, in place of the matrix."""
    scale = float(np.cbrt(abs(np.linalg.det(linear.matrix))))
    rigid = closest_rigid(linear)
    return replace(rigid, matrix=scale * rigid.matrix)
