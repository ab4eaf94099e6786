"""The matrix that brings the contours of one image onto the mask of another.

Points of the contours slide to where the signed distance to the surface of the mask vanishes, and points of the surface
ask for their contour, so that nothing shrinks into a corner. What has no counterpart (parts outside of the field of view,
another structure) is trimmed at every step, and several starts compete.

Sources: D. Chetverikov, D. Stepanov, P. Krsek, "Robust Euclidean alignment of 3D point sets: the trimmed iterative
closest point algorithm", Image and Vision Computing 23 (2005); A. Fitzgibbon, "Robust registration of 2D and 3D point
sets", Image and Vision Computing 21 (2003), for the distance map.
"""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress
from MedDeepRegSegLib.segmentation.closest_surface import (
    Freedom,
    SurfaceTarget,
    apply,
    kept_share,
    linear_step,
    trimmed_score,
)
from MedDeepRegSegLib.segmentation.line_fitting import check_points
from MedDeepRegSegLib.segmentation.surface_points import SurfacePoints, surface_points

KINDS: tuple[Freedom, ...] = ("rigid", "similarity", "affine")
_FEW, _SOME, _MANY = 300, 1500, 4000  # points of the starts, of the refinement and of the end
_TARGET_POINTS = 20_000
_BEST = 4
_TURN_PENALTY = 1.5  # at half a turn: patients are seldom turned, and halves of a shape fit its other half well
_FACING = 0.2  # cosine that normals of corresponding points must have


@dataclass(frozen=True)
class ContourAlignment:
    """How contours come to lie on a mask.

    Attributes
    ----------
    transform:
        From points of the image of the mask (fixed) to points of the image of the contours (moving), LPS mm.
    kind:
        ``rigid``, ``similarity`` or ``affine``.
    mean_mm, p95_mm:
        Distances from the contour points that have a counterpart to the surface of the mask: mean and 95th percentile.
    matched_share:
        Share of the contour points that have a counterpart.
    all_mean_mm, all_p95_mm:
        The same distances of all contour points, also of parts that the mask lacks.
    mask_mean_mm, mask_p95_mm, mask_matched_share:
        The same from the other side: from the surface of the mask to the contours.
    rotation_degrees, scale, shift_mm:
        Angle, enlargement (cube root of the change of volume) and movement of the center of the contours, from moving to
        fixed.
    """

    transform: sitk.AffineTransform
    kind: Freedom
    mean_mm: float
    p95_mm: float
    matched_share: float
    all_mean_mm: float
    all_p95_mm: float
    mask_mean_mm: float
    mask_p95_mm: float
    mask_matched_share: float
    rotation_degrees: float
    scale: float
    shift_mm: float


def align_contours(
    contours: np.ndarray | SurfacePoints,
    mask: sitk.Image,
    *,
    kind: Freedom = "rigid",
    seed: int = 0,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> ContourAlignment:
    """Find the matrix that brings contours onto the surface of a mask.

    Parameters
    ----------
    contours:
        (N, 3) points of the moving image, LPS mm, of many slices; or points with normals outward, which are better told
        apart.
    mask:
        Mask in the fixed image, 3-D label map; all labels count as one.
    kind:
        What may change.
    seed:
        Of the choice of points.
    progress, cancel:
        As everywhere.

    Raises
    ------
    InputError
        If the contours are flat or fewer than 30 points, the mask is empty or of a single slice, or the kind is unknown.
    """
    if kind not in KINDS:
        msg = f"kind of alignment is {kind!r}, expected one of {', '.join(KINDS)}"
        raise InputError(msg)
    normals = contours.normals if isinstance(contours, SurfacePoints) else None
    points = check_points(contours.points if isinstance(contours, SurfacePoints) else contours, 30, "contours")
    spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False) / np.sqrt(len(points))
    if spread[2] < 0.5:
        msg = "all contours lie in one plane, which leaves the alignment open: take contours of several slices"
        raise InputError(msg)
    if min(mask.GetSize()) < 2:
        msg = f"the mask has {mask.GetSize()} voxels, expected several slices: pick a 3-D mask"
        raise InputError(msg)
    progress(0.0, "Measuring distances to the mask")
    target = SurfaceTarget(mask, surface_points(mask, count=_TARGET_POINTS, seed=seed, cancel=cancel))
    search = _Search(points, normals, target, np.random.default_rng(seed), cancel)
    starts = _starts(points, target.surface.points, scaled=kind != "rigid")
    tried = []
    for number, start in enumerate(starts):
        tried.append(search.slide(start))
        progress(0.2 + 0.4 * (number + 1) / len(starts), "Trying starts")
    tried.sort(key=lambda entry: entry[0])
    # From rigid to free: a start that may deform at once shears itself into the nearest wrong place.
    path = [free for free in KINDS if KINDS.index(free) <= KINDS.index(kind)]
    refined = []
    for number, (_, matrix) in enumerate(_distinct(tried, points)[:_BEST]):
        for free in path:
            matrix = search.refine(matrix, free, _SOME)  # noqa: PLW2901 - the next kind starts where this one ended
        refined.append((search.score(matrix, _SOME), matrix))
        progress(0.6 + 0.3 * (number + 1) / _BEST, "Refining")
    matrix = search.refine(min(refined, key=lambda entry: entry[0])[1], kind, _MANY)
    progress(1.0, "Aligned")
    return search.result(matrix, kind)


class _Search:
    """Contour points on their way to the surface of a mask."""

    def __init__(
        self,
        points: np.ndarray,
        normals: np.ndarray | None,
        target: SurfaceTarget,
        generator: np.random.Generator,
        cancel: CancelToken | None,
    ) -> None:
        order = generator.permutation(len(points))
        self._points = points[order]
        self._normals = None if normals is None else normals[order]
        self._target = target
        surface = target.surface.some(_MANY, generator)
        self._surface, self._outward = surface.points, surface.normals
        self._tree = cKDTree(self._points)
        self._cancel = cancel

    def slide(self, matrix: np.ndarray) -> tuple[float, np.ndarray]:
        """Move a few points rigidly along the distance map; return the score and the matrix."""
        if self._cancel is not None:
            self._cancel.raise_if_canceled()
        points = self._points[:_FEW]
        for _ in range(25):
            moved = apply(matrix, points)
            distance, slope = self._target.signed_distance(moved)
            kept = np.abs(distance) <= np.quantile(np.abs(distance), kept_share(distance))
            step = linear_step(moved, slope, distance, kept.astype(float), "rigid")
            matrix = step @ matrix
            if np.abs(apply(step, moved) - moved).max() < 0.05:
                break
        return self.score(matrix, _FEW), matrix

    def score(self, matrix: np.ndarray, count: int) -> float:
        """Return how badly both sides fit each other, mm; turns count a little against a matrix."""
        forward = self._target.distances(apply(matrix, self._points[:count]))
        backward = self._backward(matrix, count)[0]
        angle = Rotation.from_matrix(_rotation_of(matrix[:3, :3])).magnitude()
        return (trimmed_score(forward) + trimmed_score(backward)) * (1 + _TURN_PENALTY * (angle / np.pi) ** 2)

    def _backward(self, matrix: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the distances from points of the surface to the contours, mm, and the numbers of the closest points."""
        inverse = np.linalg.inv(matrix)
        _, index = self._tree.query(apply(inverse, self._surface[:count]))
        offset = apply(matrix, self._points[index]) - self._surface[:count]
        away = np.linalg.norm(offset, axis=1)
        height = np.abs((offset * self._outward[:count]).sum(axis=1))
        # Contours have gaps between slices, across which the tangent plane of the surface tells the distance.
        return np.where(height > 0.3 * away, height, np.maximum(height, 0.5 * away)), index

    def refine(self, matrix: np.ndarray, kind: Freedom, count: int) -> np.ndarray:
        """Return the matrix after closest points of both sides were brought together."""
        points = self._points[:count]
        for _ in range(40):
            if self._cancel is not None:
                self._cancel.raise_if_canceled()
            moved = apply(matrix, points)
            near, index = self._target.tree.query(moved)
            foot, slope = self._target.surface.points[index], self._target.surface.normals[index]
            distance = ((moved - foot) * slope).sum(axis=1)
            weight = _weights(near, self._facing(matrix, np.arange(len(points)), slope))
            back_distance, back = self._backward(matrix, count)
            partner = apply(matrix, self._points[back])
            outward = self._outward[:count]
            back_height = ((partner - self._surface[:count]) * outward).sum(axis=1)
            back_weight = _weights(back_distance, self._facing(matrix, back, outward)) * len(points) / len(back)
            step = linear_step(
                np.concatenate([moved, partner]),
                np.concatenate([slope, outward]),
                np.concatenate([distance, back_height]),
                np.concatenate([weight, back_weight]),
                kind,
            )
            matrix = step @ matrix
            if np.abs(apply(step, moved) - moved).max() < 0.005:
                break
        return matrix

    def _facing(self, matrix: np.ndarray, index: np.ndarray, outward: np.ndarray) -> np.ndarray:
        """Return which points face the same way as the surface; all where the contours have no normals."""
        if self._normals is None:
            return np.ones(len(index), bool)
        turned = self._normals[index] @ np.linalg.inv(matrix[:3, :3])
        turned /= np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-12)
        return (turned * outward).sum(axis=1) > _FACING

    def result(self, matrix: np.ndarray, kind: Freedom) -> ContourAlignment:
        """Return the transform and its errors."""
        forward = self._target.distances(apply(matrix, self._points))
        backward = self._backward(matrix, len(self._surface))[0]
        inverse = np.linalg.inv(matrix)
        transform = sitk.AffineTransform(3)
        transform.SetMatrix(inverse[:3, :3].ravel().tolist())
        transform.SetTranslation(inverse[:3, 3].tolist())
        center = self._points.mean(axis=0)
        angle = Rotation.from_matrix(_rotation_of(matrix[:3, :3])).magnitude()
        return ContourAlignment(
            transform=transform,
            kind=kind,
            all_mean_mm=float(forward.mean()),
            all_p95_mm=float(np.percentile(forward, 95)),
            rotation_degrees=float(np.degrees(angle)),
            scale=float(np.cbrt(np.linalg.det(matrix[:3, :3]))),
            shift_mm=float(np.linalg.norm(apply(matrix, center[None])[0] - center)),
            **_errors(forward, self._target.voxel_mm, ""),
            **_errors(backward, self._target.voxel_mm, "mask_"),
        )


def _errors(distances: np.ndarray, voxel_mm: float, prefix: str) -> dict[str, float]:
    """Return the errors of what has a counterpart: within a voxel, or three times the spread of what fits best."""
    best = np.sort(distances)[: max(1, round(kept_share(distances) * len(distances)))]
    matched = distances <= max(voxel_mm, 3 * 1.4826 * float(np.median(best)))
    kept = distances[matched]
    return {
        f"{prefix}mean_mm": float(kept.mean()),
        f"{prefix}p95_mm": float(np.percentile(kept, 95)),
        f"{prefix}matched_share": float(matched.mean()),
    }


def _weights(distances: np.ndarray, facing: np.ndarray) -> np.ndarray:
    """Return 1 for the pairs to keep and 0 for the others."""
    judged = np.where(facing, distances, np.inf)
    share = kept_share(judged)
    limit = (
        np.quantile(judged[facing], min(1.0, share * len(judged) / max(1, int(facing.sum())))) if facing.any() else 0
    )
    return (judged <= limit).astype(float)


def _rotation_of(matrix: np.ndarray) -> np.ndarray:
    """Return the rotation next to a (3, 3) matrix of positive determinant."""
    left, _, right = np.linalg.svd(matrix)
    return left @ np.diag([1.0, 1.0, np.sign(np.linalg.det(left @ right))]) @ right


def _starts(points: np.ndarray, surface: np.ndarray, *, scaled: bool) -> list[np.ndarray]:
    """Return matrices to begin with: as it lies, centers together, turned, along the principal axes, shifted."""
    center, goal = points.mean(axis=0), surface.mean(axis=0)
    own = np.linalg.svd(points - center, full_matrices=False)[2]
    other = np.linalg.svd(surface - goal, full_matrices=False)[2]
    extent = np.ptp(surface @ other.T, axis=0)
    turns = [np.eye(3)]
    turns += [Rotation.from_euler(axis, angle, degrees=True).as_matrix() for axis in "xyz" for angle in (-30, 30, 180)]
    for signs in ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)):
        turn = other.T @ np.diag(signs) @ own
        turns.append(turn if np.linalg.det(turn) > 0 else other.T @ np.diag(signs) @ np.diag([1, 1, -1]) @ own)
    shifts = [np.zeros(3)] + [sign * 0.25 * extent[axis] * other[axis] for axis in range(3) for sign in (-1, 1)]
    spread = np.sqrt(((surface - goal) ** 2).sum(1).mean() / ((points - center) ** 2).sum(1).mean())
    scales = [1.0, float(np.clip(spread, 0.3, 3))] if scaled else [1.0]
    starts = [np.eye(4)]
    for scale in scales:
        pairs = [(turn, shifts[0]) for turn in turns] + [(turns[0], shift) for shift in shifts[1:]]
        for turn, shift in pairs:
            start = np.eye(4)
            start[:3, :3] = scale * turn
            start[:3, 3] = goal + shift - scale * turn @ center
            starts.append(start)
    return starts


def _distinct(tried: list[tuple[float, np.ndarray]], points: np.ndarray) -> list[tuple[float, np.ndarray]]:
    """Return the entries without those that end where a better one did."""
    probe = points[:: max(1, len(points) // 50)]
    size = float(np.linalg.norm(np.ptp(points, axis=0)))
    kept: list[tuple[float, np.ndarray]] = []
    for score, matrix in tried:
        moved = apply(matrix, probe)
        if all(np.abs(apply(other, probe) - moved).max() > 0.02 * size for _, other in kept):
            kept.append((score, matrix))
    return kept
