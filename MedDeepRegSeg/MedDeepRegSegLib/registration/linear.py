"""Linear maps between two images: how well one fits, and how it is refined (rigid or affine)."""

from dataclasses import dataclass, field, replace

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
_STRAIN_WEIGHT = 0.02  # keeps an affine from shrinking a body into its best corner


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
class Comparison:
    """Fixed samples against a moving image on one pair of working grids."""

    metric: NormalizedMutualInformation
    minimum_overlap: float
    points: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        """Fix the samples' points."""
        self.points = np.ascontiguousarray(self.metric.samples.points.T)

    def score(self, linear: Linear) -> tuple[float, float]:
        """Return similarity, lowered where the images hardly overlap, and the overlap."""
        similarity, _ = self.metric(linear.columns(self.points), gradient=False)
        overlap = self.metric.overlap
        return similarity - _overlap_penalty(overlap, self.minimum_overlap), overlap

    def cost(self, linear: Linear) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
        """Return the negative similarity and its derivative by the matrix (3, 3) and the shift (3,)."""
        similarity, slope = self.metric(linear.columns(self.points))
        penalty = _overlap_penalty(self.metric.overlap, self.minimum_overlap)
        assert slope is not None
        by_matrix = slope @ self.points.T - np.outer(slope.sum(axis=1), linear.center)
        return -similarity + penalty, -by_matrix, -slope.sum(axis=1)


def _overlap_penalty(overlap: float, minimum: float) -> float:
    """Return 0 with enough overlap, growing to 1 without any."""
    return max(0.0, 1.0 - overlap / minimum)


def compare(
    fixed: CanonicalImage, moving: CanonicalImage, spacing: float, settings: RegistrationSettings, *, count: int
) -> Comparison:
    """Prepare the comparison of two images on grids of ``spacing`` mm with at most ``count`` sample points."""
    fixed_level = fixed.at(spacing)
    # The moving grid is finer, so that grid lines that coincide make no false optimum.
    moving_level = moving.at(max(0.7 * spacing, 1.5), margin_mm=40.0)
    samples = draw_samples(fixed_level, count=count, seed=settings.seed, jitter=True)
    if samples.index.size < 200:
        msg = (
            f"{fixed.what} foreground or mask has only {samples.index.size} points at {spacing:g} mm, "
            "expected 200 or more: use a larger mask or a finer working grid"
        )
        raise InputError(msg)
    metric = NormalizedMutualInformation(samples, moving_level)
    # A moving body or mask that is smaller than the fixed one cannot overlap more than its own size allows.
    possible = min(1.0, moving.volume_mm3 / fixed.volume_mm3)
    return Comparison(metric, settings.minimum_overlap * possible)


def refine(
    comparison: Comparison,
    start: Linear,
    *,
    affine: bool,
    iterations: int,
    tolerance: float = 1e-6,
    on_iteration=None,
    cancel: CancelToken | None = None,
) -> Candidate:
    """Descend from one start; rigid updates unless ``affine``."""
    if affine:
        build, pull_back, size = _affine_parameters(start)
    else:
        build, pull_back, size = _rigid_parameters(start)

    def objective(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        linear = build(parameters)
        value, by_matrix, by_shift = comparison.cost(linear)
        if affine:
            strain, by_strain = _strain(linear.matrix)
            value, by_matrix = value + _STRAIN_WEIGHT * strain, by_matrix + _STRAIN_WEIGHT * by_strain
        return value, pull_back(parameters, by_matrix, by_shift)

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


def _rigid_parameters(start: Linear):
    """Return builder, gradient and number of the parameters: rotation vector (times lever) and shift."""
    axes = np.eye(3)

    def build(parameters: NDArray[np.float64]) -> Linear:
        turn = Rotation.from_rotvec(parameters[:3] / _LEVER_MM).as_matrix()
        return replace(start, matrix=turn @ start.matrix, shift=start.shift + parameters[3:])

    def pull_back(parameters, by_matrix, by_shift):
        vector = parameters[:3] / _LEVER_MM
        step = 1e-5
        by_turn = by_matrix @ start.matrix.T
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
        return np.concatenate([by_rotation, by_shift])

    return build, pull_back, 6


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
    """Return |A^T A - I|^2 / 4 (squared Green strain) and its derivative by A."""
    green = (matrix.T @ matrix - np.eye(3)) / 2
    return float((green**2).sum()), 2 * matrix @ green


def distance(a: Linear, b: Linear, radius: float) -> float:
    """Return the root mean square distance, mm, of two maps over points about ``radius`` mm from the center."""
    turned = ((a.matrix - b.matrix) ** 2).sum() * radius**2 / 3
    return float(np.sqrt(turned + ((a.shift - b.shift) ** 2).sum()))


def closest_rigid(linear: Linear) -> Linear:
    """Return the map with the closest rotation in place of the matrix (polar decomposition)."""
    left, _, right = np.linalg.svd(linear.matrix)
    turn = left @ np.diag([1.0, 1.0, float(np.sign(np.linalg.det(left @ right)))]) @ right
    return replace(linear, matrix=turn)
