"""The search for the linear map: many starts on a coarse grid, the best few refined on finer ones."""

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress
from MedDeepRegSegLib.registration.canonical import CanonicalImage
from MedDeepRegSegLib.registration.linear import Candidate, Linear, compare, distance, refine
from MedDeepRegSegLib.registration.settings import RegistrationSettings

_SCALE_RANGE = (0.8, 1.25)


@dataclass(frozen=True)
class LinearSearch:
    """Result of the search.

    Attributes
    ----------
    best : Candidate
        The answer at the fine grid.
    rival : Candidate or None
        The best other answer at the middle grid, more than 10 mm away from the winner.
    winner : Candidate
        The winner at the middle grid, to compare with the rival.
    typical : float
        Median similarity of the starts: what images that do not match have.
    """

    best: Candidate
    rival: Candidate | None
    winner: Candidate
    typical: float


def start_candidates(
    fixed: CanonicalImage, moving: CanonicalImage, largest_degrees: float, *, scaled: bool
) -> list[Linear]:
    """Return starts: offsets that bring bodies together, each with rotations up to ``largest_degrees``.

    The offsets are the images' own world positions (when they overlap), equal centers of mass, equal centers, and
    equal upper and lower ends (a head with and without a neck).
    """
    fixed_middle, moving_middle = (fixed.low + fixed.high) / 2, (moving.low + moving.high) / 2
    middle = moving_middle - fixed_middle
    upper, lower = middle.copy(), middle.copy()
    upper[2] = moving.high[2] - fixed.high[2]
    lower[2] = moving.low[2] - fixed.low[2]
    shifts = [moving.center - fixed.center, middle, upper, lower]
    own = np.minimum(fixed.high, moving.high) - np.maximum(fixed.low, moving.low)
    if (own > 0).all():
        shifts.append(np.zeros(3))
    distinct: list[NDArray[np.float64]] = []
    for shift in shifts:
        if all(np.linalg.norm(shift - other) > 4.0 for other in distinct):
            distinct.append(shift)
    rotations = [np.zeros(3)]
    if largest_degrees > 0:
        steps = np.deg2rad(np.linspace(-largest_degrees, largest_degrees, 5))
        rotations += [
            np.array(vector)
            for vector in product(steps, steps, steps)
            if 0 < np.linalg.norm(vector) <= np.deg2rad(largest_degrees) * 1.01
        ]
    scales = [1.0]
    same_volume = float(np.clip(np.cbrt(moving.volume_mm3 / fixed.volume_mm3), *_SCALE_RANGE))
    if scaled and abs(same_volume - 1) > 0.04:
        scales.append(same_volume)
    return [
        Linear(scale * Rotation.from_rotvec(vector).as_matrix(), shift, fixed.center)
        for scale in scales
        for shift in distinct
        for vector in rotations
    ]


def _distinct(candidates: list[Candidate], count: int, apart_mm: float, radius: float) -> list[Candidate]:
    """Return the best ``count`` candidates that lie at least ``apart_mm`` from each other."""
    chosen: list[Candidate] = []
    for candidate in sorted(candidates, key=lambda item: -item.similarity):
        if all(distance(candidate.linear, other.linear, radius) > apart_mm for other in chosen):
            chosen.append(candidate)
        if len(chosen) == count:
            break
    return chosen


def search_linear(
    fixed: CanonicalImage,
    moving: CanonicalImage,
    settings: RegistrationSettings,
    *,
    start: Linear | None,
    progress: Progress,
    cancel: CancelToken | None,
) -> LinearSearch:
    """Find the rigid (or, unless the settings ask for a rigid one, affine) map.

    From ``start`` alone where it is given, else from many starts.

    Raises
    ------
    InputError
        When no start brings the images to overlap.
    Canceled
    """
    affine = settings.kind != "rigid"
    progress(0.0, "Comparing starts")
    coarse = compare(fixed, moving, settings.coarse_spacing_mm, settings, count=8_000)
    if start is not None:
        starts = [start]
    else:
        starts = start_candidates(fixed, moving, settings.largest_rotation_degrees, scaled=affine)
    tried = []
    for number, linear in enumerate(starts):
        if cancel is not None:
            cancel.raise_if_canceled()
        tried.append(Candidate(linear, *coarse.score(linear)))
        progress(0.3 * (number + 1) / len(starts), f"Compared {number + 1} of {len(starts)} starts")
    overlap = max(candidate.overlap for candidate in tried)
    if overlap < coarse.minimum_overlap:
        msg = (
            f"the images share {overlap:.0%} of the fixed foreground after alignment, expected "
            f"{coarse.minimum_overlap:.0%} or more: check that they show the same part of the body, "
            "enlarge the masks, or give an initial transform"
        )
        raise InputError(msg)

    refined = []
    few = _distinct(tried, 16, 8.0, fixed.radius)
    for number, candidate in enumerate(few):
        refined.append(refine(coarse, candidate.linear, affine=False, iterations=25, tolerance=1e-5, cancel=cancel))
        progress(0.3 + 0.2 * (number + 1) / len(few), f"Refined {number + 1} of {len(few)} starts")

    middle = compare(fixed, moving, settings.middle_spacing_mm, settings, count=30_000)
    few = _distinct(refined, 5, 3.0, fixed.radius)
    refined = []
    for number, candidate in enumerate(few):
        found = refine(middle, candidate.linear, affine=False, iterations=30, tolerance=5e-6, cancel=cancel)
        if affine:
            found = refine(middle, found.linear, affine=True, iterations=30, tolerance=5e-6, cancel=cancel)
        refined.append(found)
        progress(0.5 + 0.3 * (number + 1) / len(few), f"Refined {number + 1} of {len(few)} answers")
    refined.sort(key=lambda item: -item.similarity)
    winner = refined[0]
    others = [item for item in refined[1:] if distance(item.linear, winner.linear, fixed.radius) > 10.0]

    fine = compare(fixed, moving, settings.fine_spacing_mm, settings, count=60_000)
    best = refine(
        fine,
        winner.linear,
        affine=affine,
        iterations=settings.iterations,
        on_iteration=lambda number, _: progress(0.8 + 0.2 * number / settings.iterations, "Refining the alignment"),
        cancel=cancel,
    )
    progress(1.0, "Alignment found")
    return LinearSearch(best, others[0] if others else None, winner, typical=_median(tried))


def _median(candidates: list[Candidate]) -> float:
    """Return the median similarity."""
    return float(np.median([candidate.similarity for candidate in candidates]))
