"""Simulated clicks: what a careful person would do who knows the truth.

The first click is the innermost point of the object (Euclidean distance in mm; outside of the image is outside of the
object). Each further one is the innermost point of the largest connected error (faces connect, largest by volume):
positive where something is missing, negative where something is too much.
"""

import time
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from scipy import ndimage

Voxel = tuple[int, int, int]
Box = tuple[slice, slice, slice]


class Method(Protocol):
    """A method that is clicked. Voxels are (k, j, i)."""

    def click(self, positive: list[Voxel], negative: list[Voxel]) -> np.ndarray:
        """Return the mask, (k, j, i) bool, by all clicks so far."""


@dataclass
class Course:
    """What came of the clicks on one object."""

    dice: list[float] = field(default_factory=list)
    """After each click."""
    seconds: list[float] = field(default_factory=list)
    """Wall clock, of each click."""
    cpu_s: list[float] = field(default_factory=list)
    """CPU seconds of each click: those of a machine that does nothing else, with one thread."""
    clicks: list[tuple[Voxel, bool]] = field(default_factory=list)
    """Where, and whether positive."""
    masks: dict[int, np.ndarray] = field(default_factory=dict)
    """Masks after some numbers of clicks."""
    wrong_seeds: int = 0
    """Clicks, over all masks, whose own voxel came out wrong."""


def dice(a: np.ndarray, b: np.ndarray) -> float:
    """Return the Dice overlap of two masks."""
    return float(2 * np.count_nonzero(a & b) / max(np.count_nonzero(a) + np.count_nonzero(b), 1))


def innermost(mask: np.ndarray, spacing: tuple[float, ...]) -> Voxel:
    """Return the voxel of ``mask`` farthest from its outside; ``spacing`` is (k, j, i), mm."""
    part = ndimage.find_objects(mask.astype(np.uint8))[0]
    depth = ndimage.distance_transform_edt(np.pad(mask[part], 1), sampling=spacing)[1:-1, 1:-1, 1:-1]
    place = np.unravel_index(np.argmax(depth), depth.shape)
    return tuple(int(at) + cut.start for at, cut in zip(place, part, strict=True))  # type: ignore[return-value]


def next_click(
    truth: np.ndarray, found: np.ndarray, spacing: tuple[float, ...], *, positive_only: bool = False
) -> tuple[Voxel, bool] | None:
    """Return the next click and whether it is positive; None when nothing is wrong."""
    best = None
    for error, positive in ((truth & ~found, True), (found & ~truth, False)):
        if (positive_only and not positive) or not error.any():
            continue
        parts, _ = ndimage.label(error)
        sizes = np.bincount(parts.ravel())
        sizes[0] = 0
        if best is None or sizes.max() > best[0]:
            best = (sizes.max(), parts == sizes.argmax(), positive)
    return None if best is None else (innermost(best[1], spacing), best[2])


def box_around(truth: np.ndarray, margin: int) -> Box:
    """Return the bounding box of the truth with ``margin`` voxels around, within the image."""
    part = ndimage.find_objects(truth.astype(np.uint8))[0]
    return tuple(  # type: ignore[return-value]
        slice(max(cut.start - margin, 0), min(cut.stop + margin, size))
        for cut, size in zip(part, truth.shape, strict=True)
    )


def simulate(
    method: Method,
    truth: np.ndarray,
    spacing: tuple[float, ...],
    count: int,
    *,
    keep: tuple[int, ...] = (1, 3, 5),
) -> Course:
    """Click up to ``count`` times.

    It ends early when nothing is wrong any more. A method with ``positive_only`` cannot be told what is too much: it is
    clicked where the most is missing.
    """
    course = Course()
    positive: list[Voxel] = []
    negative: list[Voxel] = []
    only = bool(getattr(method, "positive_only", False))
    click: tuple[Voxel, bool] | None = (innermost(truth, spacing), True)
    while click is not None and len(course.dice) < count:
        (positive if click[1] else negative).append(click[0])
        course.clicks.append(click)
        wall, cpu = time.perf_counter(), time.process_time()
        found = method.click(positive, negative)
        course.seconds.append(time.perf_counter() - wall)
        course.cpu_s.append(time.process_time() - cpu)
        course.dice.append(dice(found, truth))
        course.wrong_seeds += sum(not found[place] for place in positive) + sum(
            bool(found[place]) for place in negative
        )
        if len(course.dice) in keep:
            course.masks[len(course.dice)] = found.copy()
        click = next_click(truth, found, spacing, positive_only=only)
    return course
