"""The search for the linear map: many starts on a coarse grid, the best few refined on finer ones.

Beside the starts laid out by rule there is the one on which the encoder's features agree. Where many of them agree, it is
right, and few others need a closer look; where few do (a part of a body, a poor image), more starts are tried.
"""

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, part_of
from MedDeepRegSegLib.registration.canonical import CanonicalImage
from MedDeepRegSegLib.registration.linear import (
    Candidate,
    Comparison,
    Freedom,
    Linear,
    closest_rigid,
    closest_similarity,
    compare,
    distance,
    refine,
)
from MedDeepRegSegLib.registration.settings import RegistrationSettings

if TYPE_CHECKING:
    from MedDeepRegSegLib.registration.global_matching import EncoderStart

_SCALE_RANGE = (0.8, 1.25)
_HEAD_MM, _COARSER = 80.0, 1.6  # radius of a body for which the grids of the settings are meant; largest factor
_SURE = 0.45  # of the encoder's matches agree: the start was right in all trials; wrong ones had less than .35


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
    agreement : float or None
        Part (0 to 1) of the encoder's matches that agree on one start; None where the encoder was not asked.
    """

    best: Candidate
    rival: Candidate | None
    winner: Candidate
    typical: float
    agreement: float | None = None


def start_candidates(
    fixed: CanonicalImage, moving: CanonicalImage, largest_degrees: float, *, scaled: bool, partial: bool = False
) -> list[Linear]:
    """Return starts: offsets that bring bodies together, each with rotations up to ``largest_degrees``.

    The offsets are the images' own world positions (when they overlap), equal centers of mass, equal centers, and
    equal upper and lower ends (a head with and without a neck). With ``partial`` one image may also show any part of
    what the other one shows: the boxes are moved against each other along all axes.
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
    if partial:
        sizes = np.stack([fixed.high - fixed.low, moving.high - moving.low])
        reach = np.maximum(np.abs(sizes[0] - sizes[1]) / 2, 0.25 * sizes.min(axis=0))
        shifts += [middle + reach * np.array(way) for way in product((-1.0, 0.0, 1.0), repeat=3)]
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
    """Find the rigid, similarity or (also for a deformable kind) affine map.

    From ``start`` alone where it is given, else from many starts, among them the encoder's unless the engine is classic.

    Raises
    ------
    InputError
        When no start brings the images to overlap.
    Canceled
    """
    freedom: Freedom = "affine" if settings.kind not in ("rigid", "similarity") else settings.kind
    encoded: list[EncoderStart] = []
    if start is None and settings.engine != "classic":
        encoded = _encoder_starts(fixed, moving, settings, part_of(progress, 0.0, 0.3), cancel)
    sure = bool(encoded) and encoded[0].agreement >= _SURE
    progress(0.3, "Comparing starts")
    coarse = compare(fixed, moving, settings.coarse_spacing_mm, settings, count=3_000)
    if start is not None:
        part = {"rigid": closest_rigid, "similarity": closest_similarity}.get(freedom)
        starts = [start if part is None else part(start)]
    else:
        largest = settings.largest_rotation_degrees
        starts = start_candidates(fixed, moving, largest, scaled=freedom != "rigid", partial=not sure)
    tried = []
    for linear in [*(item.linear for item in encoded), *starts]:
        if cancel is not None:
            cancel.raise_if_canceled()
        tried.append(Candidate(linear, *coarse.score(linear)))
    overlap = max(candidate.overlap for candidate in tried)
    if overlap < coarse.minimum_overlap:
        msg = (
            f"the images share {overlap:.0%} of the fixed foreground after alignment, expected "
            f"{coarse.minimum_overlap:.0%} or more: check that they show the same part of the body, "
            "enlarge the masks, or give an initial transform"
        )
        raise InputError(msg)

    few = _distinct(tried[len(encoded) :], 5 if sure else 20, 8.0, fixed.radius)
    refined = []
    for number, candidate in enumerate(few):
        refined.append(refine(coarse, candidate.linear, freedom="rigid", iterations=20, tolerance=2e-5, cancel=cancel))
        progress(0.4 + 0.15 * (number + 1) / len(few), f"Refined {number + 1} of {len(few)} starts")

    # Of a larger body coarser grids show as much, in the same time.
    coarser = float(np.clip(min(fixed.radius, moving.radius) / _HEAD_MM, 1.0, _COARSER))
    middle = compare(fixed, moving, coarser * settings.middle_spacing_mm, settings, count=15_000)
    few = _distinct(refined, 1 if sure else 5, 3.0, fixed.radius)
    if encoded or len(few) > 2:
        few = [_turned(middle, item.linear, cancel) for item in tried[: len(encoded)] + few]
        few = _distinct(few, 2, 3.0, fixed.radius)
    answers = []
    for number, candidate in enumerate(few):
        answers.append(_settle(middle, candidate.linear, freedom, cancel))
        progress(0.6 + 0.2 * (number + 1) / len(few), f"Refined {number + 1} of {len(few)} answers")
    answers.sort(key=lambda item: -item.similarity)
    winner = answers[0]
    others = [item for item in answers[1:] if distance(item.linear, winner.linear, fixed.radius) > 10.0]
    if freedom == "rigid":
        winner = _turned(middle, closest_rigid(winner.linear), cancel)
        others = [_turned(middle, closest_rigid(item.linear), cancel) for item in others[:1]]

    fine = compare(fixed, moving, coarser * settings.fine_spacing_mm, settings, count=30_000)
    best = refine(
        fine,
        winner.linear,
        freedom=freedom,
        iterations=settings.iterations,
        on_iteration=lambda number, _: progress(0.8 + 0.2 * number / settings.iterations, "Refining the alignment"),
        cancel=cancel,
    )
    progress(1.0, "Alignment found")
    return LinearSearch(
        best, others[0] if others else None, winner, _median(tried), encoded[0].agreement if encoded else None
    )


def _turned(comparison: Comparison, start: Linear, cancel: CancelToken | None) -> Candidate:
    """Return the answer that differs from a start by a rotation and a shift."""
    return refine(comparison, start, freedom="rigid", iterations=15, tolerance=2e-5, cancel=cancel)


def _settle(comparison: Comparison, start: Linear, freedom: Freedom, cancel: CancelToken | None) -> Candidate:
    """Refine a start in steps: also scaled, then also sheared where that is allowed.

    A rigid answer is scaled here too: bodies of different size match best when one is tilted against the other, and a
    rigid search alone would find that.
    """
    found = refine(comparison, start, freedom="similarity", iterations=30, tolerance=5e-6, cancel=cancel)
    if freedom == "affine":
        found = refine(comparison, found.linear, freedom="affine", iterations=30, tolerance=5e-6, cancel=cancel)
    return found


def _encoder_starts(
    fixed: CanonicalImage,
    moving: CanonicalImage,
    settings: RegistrationSettings,
    progress: Progress,
    cancel: CancelToken | None,
) -> "list[EncoderStart]":
    """Return the encoder's starts."""
    from MedDeepRegSegLib.registration.global_matching import encoder_starts

    # Rigid answers too: see _settle.
    return encoder_starts(fixed, moving, scaled=True, seed=settings.seed, progress=progress, cancel=cancel)


def _median(candidates: list[Candidate]) -> float:
    """Return the median similarity."""
    return float(np.median([candidate.similarity for candidate in candidates]))
