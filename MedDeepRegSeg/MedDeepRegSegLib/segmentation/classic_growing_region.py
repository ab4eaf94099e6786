"""The best region around seeds: many are grown, and the one with the clearest border is taken.

The choice by the contrast along the border follows Hojjatoleslami and Kittler (Region growing: a new approach,
IEEE TIP 1998); what is new is that narrow necks are cut by radii in mm, and that the shape counts too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.segmentation.classic_growing_model import (
    Band,
    Side,
    arrival_time,
    band_at,
    edge_strength,
    face_strength,
    local_difference,
    more_like,
    noise_of,
)
from MedDeepRegSegLib.segmentation.morphology import Mask, Spacing, connected_to, depth_in, dilate, distance_to, filled

# In standard deviations. The wide ones are for images of little noise, where contrast is many of them.
_WIDTHS = (1.5, 2.0, 2.5, 3.0, 3.5, 4.5, 6.0, 8.0, 11.0, 15.0, 21.0, 30.0)
_USUAL = 6.0  # wider bands must earn it
_WIDTH_WEIGHT = 0.2
_SAME = 0.015  # regions whose sizes differ by less are one
_NECKS = (0.0, 1.05, 2.1, 3.2, 4.5)  # in voxels of the work grid
_IMAGE_BORDER_EDGE = 0.3
_DRAWN_EDGE = 0.8
_SHAPE_WEIGHT = 0.65
_FEW_VOXELS = 30.0


@dataclass(frozen=True)
class Problem:
    """What is known on one grid, arrays (k, j, i)."""

    values: np.ndarray
    """Smoothed intensities, float32."""
    spacing: Spacing
    """mm along (k, j, i)."""
    positive: np.ndarray
    """Voxels of the positive seeds, (N, 3)."""
    negative: np.ndarray
    """Voxels of the negative seeds, (M, 3)."""
    allowed: Mask
    """Where the region may go."""
    open_border: Mask
    """Voxels at the border of the crop behind which the image goes on."""
    box: Mask | None
    """The box around the object, where one is given."""


@dataclass(frozen=True)
class Growth:
    """A region, and how it was found."""

    mask: Mask
    side: Side
    width: float
    """Multiple of the bands' standard deviations."""
    neck_mm: float
    score: float
    bands: tuple[Band, ...]
    against: tuple[Band, ...]
    """Bands of the negative seeds."""
    ahead: np.ndarray | None
    """Arrival time from the negative seeds less that from the positive ones; None without negative seeds."""


def best_growth(
    problem: Problem,
    *,
    sides: Sequence[Side],
    width: float | None,
    neck_mm: float | None,
    max_voxels: float,
    cancel: CancelToken,
) -> Growth | None:
    """Return the region with the best score, or None if none holds the seeds within the limits."""
    noise = noise_of(problem.values)
    bands = tuple(band_at(problem.values, seed, problem.spacing, noise) for seed in problem.positive)
    against = tuple(band_at(problem.values, seed, problem.spacing, noise) for seed in problem.negative)
    edges = edge_strength(problem.values, noise)
    seeds = _marked(problem.values.shape, problem.positive)
    faces = face_strength(problem.values, noise)
    ahead = _lead(problem, edges, seeds) if len(problem.negative) else None
    yielded = np.zeros(problem.values.shape, bool) if ahead is None else ahead <= 0
    best: Growth | None = None
    forbidden = _marked(problem.values.shape, problem.negative)
    for side in sides:
        difference = local_difference(problem.values, bands, problem.positive, problem.spacing, side)
        like = problem.allowed & ~more_like(problem.values, difference, bands, against) | seeds
        # Some regions keep clear of the negative seeds by themselves; fronts part the others.
        fences = [like] if ahead is None else [like & ~forbidden, like & (ahead > 0) | seeds]
        for fence in fences:
            for mask, chosen_width, radius in _regions(problem, difference, fence, seeds, width=width, neck_mm=neck_mm):
                cancel.raise_if_canceled()
                if mask.sum() > max_voxels or (mask & forbidden).any():
                    continue
                score = _score(problem, mask, faces, yielded) * min(1.0, _USUAL / chosen_width) ** _WIDTH_WEIGHT
                if best is None or score > best.score:
                    lead = None if fence is not fences[-1] else ahead
                    best = Growth(mask, side, chosen_width, radius, score, bands, against, lead)
    return best


def _marked(shape: tuple[int, ...], points: np.ndarray) -> Mask:
    marked = np.zeros(shape, bool)
    if len(points):
        marked[tuple(points.T)] = True
    return marked


def _lead(problem: Problem, edges: np.ndarray, seeds: Mask) -> np.ndarray:
    """Return by how much the positive front comes before the negative one; fronts are slow on edges."""
    speed = 1.0 / (0.1 + 5.0 * edges)
    negative = _marked(problem.values.shape, problem.negative)
    return arrival_time(speed, negative, problem.spacing) - arrival_time(speed, seeds, problem.spacing)


def _regions(
    problem: Problem,
    difference: np.ndarray,
    permitted: Mask,
    seeds: Mask,
    *,
    width: float | None,
    neck_mm: float | None,
) -> Iterator[tuple[Mask, float, float]]:
    """Yield regions with their band width and neck radius in mm."""
    step = float(np.median(problem.spacing))
    necks = [factor * step for factor in _NECKS] if neck_mm is None else [neck_mm]
    to_seeds = distance_to(seeds, problem.spacing)
    previous = -1
    for multiple in _WIDTHS if width is None else (width,):
        candidate = connected_to((difference <= multiple) & permitted | seeds, seeds)
        count = int(candidate.sum())
        if abs(count - previous) <= _SAME * count:
            continue
        previous = count
        depth = depth_in(candidate, problem.spacing)
        last = -1
        for radius in necks:
            mask = _without_necks(candidate, seeds, problem.spacing, radius, depth=depth, to_seeds=to_seeds)
            if mask is None:
                break
            volume = int(mask.sum())
            if abs(volume - last) > _SAME * volume:
                last = volume
                yield mask, multiple, radius


def _without_necks(
    candidate: Mask, seeds: Mask, spacing: Spacing, radius_mm: float, *, depth: np.ndarray, to_seeds: np.ndarray
) -> Mask | None:
    """Return the part of ``candidate`` that balls of ``radius_mm`` reach from the seeds, and the seeds.

    Each seed starts at the nearest place where such a ball fits, at most 1.5 radii and a voxel away. None where no
    seed has one. ``depth`` is that in the candidate, ``to_seeds`` the distance to the seeds.
    """
    if radius_mm <= 0:
        return filled(candidate)
    core = depth > radius_mm
    start = core & (to_seeds <= 1.5 * radius_mm + max(spacing))
    if not start.any():
        return None
    kept = dilate(connected_to(core, start), spacing, radius_mm) & candidate
    return filled(connected_to(kept | seeds, seeds))


def _score(problem: Problem, mask: Mask, faces: tuple[np.ndarray, ...], yielded: Mask) -> float:
    """Return how clear the border and how simple the shape of a region is, in [0, 1].

    Where the region yielded to negative seeds, the user has drawn the border.
    """
    area = contrast = 0.0
    cell = float(np.prod(problem.spacing))
    for axis in range(3):
        ahead = tuple(slice(1, None) if other == axis else slice(None) for other in range(3))
        behind = tuple(slice(None, -1) if other == axis else slice(None) for other in range(3))
        border = mask[ahead] != mask[behind]
        strength = np.where((yielded[ahead] | yielded[behind])[border], _DRAWN_EDGE, 0.0)
        strength = np.maximum(faces[axis][border], strength)
        size = cell / problem.spacing[axis]
        area += size * strength.size
        contrast += size * float(strength.sum())
    for axis in range(3):
        # What the crop or the image cuts has no edge there; an organ may be cut by the image, but not all around.
        for end in (0, -1):
            cut = float(mask.take(end, axis).sum()) * cell / problem.spacing[axis]
            area += cut
            if not problem.open_border.take(end, axis).all():
                contrast += _IMAGE_BORDER_EDGE * cut
    volume = float(mask.sum()) * cell
    # Faces of voxels overstate the area of a smooth surface by a factor of 3/2 on average.
    sphericity = np.pi ** (1 / 3) * (6 * volume) ** (2 / 3) / max(area / 1.5, 1e-9)
    score = contrast / max(area, 1e-9) * min(sphericity, 1.0) ** _SHAPE_WEIGHT
    score *= 1 - np.exp(-float(mask.sum()) / _FEW_VOXELS)
    return score * _box_agreement(problem, mask)


def _box_agreement(problem: Problem, mask: Mask) -> float:
    """Return how well the region spans the box, 1 without a box."""
    if problem.box is None:
        return 1.0
    share = 1.0
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        wanted = problem.box.any(axis=others).sum()
        found = (mask & problem.box).any(axis=others).sum()
        share *= found / max(wanted, 1)
    return float(share)
