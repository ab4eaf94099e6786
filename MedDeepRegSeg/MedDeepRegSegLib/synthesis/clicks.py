"""A user who clicks, draws strokes and boxes: inside an object first, then where the largest error is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from MedDeepRegSegLib.synthesis.randomness import Randomness

Mask = NDArray[np.bool_]
Index = tuple[int, int, int]
Box = tuple[slice, slice, slice]

_STROKE = 0.3


@dataclass(frozen=True)
class Click:
    """Voxels that were clicked at once (several are a stroke), and whether they lie inside the object."""

    points: tuple[Index, ...]
    positive: bool


def first_click(truth: Mask, random: Randomness) -> Click:
    """Return a click or a stroke well inside the object."""
    return _click(truth, positive=True, random=random, care=random.uniform(0.3, 1.0))


def next_click(truth: Mask, found: Mask, random: Randomness) -> Click | None:
    """Return a click in the largest connected error, None where there is no error."""
    best: tuple[int, Mask, bool] | None = None
    for error, positive in ((truth & ~found, True), (found & ~truth, False)):
        pieces, count = ndimage.label(error)
        if count:
            sizes = np.bincount(pieces.ravel())
            sizes[0] = 0
            largest = int(sizes.argmax())
            if best is None or sizes[largest] > best[0]:
                best = int(sizes[largest]), pieces == largest, positive
    if best is None:
        return None
    return _click(best[1], positive=best[2], random=random, care=random.uniform(0.6, 1.0))


def draw_box(truth: Mask, random: Randomness, slack: float = 0.12) -> Box:
    """Return the box around the object, each side off by up to ``slack`` of its length and 2 voxels outward, less inward."""
    parts = []
    for part, side in zip(ndimage.find_objects(truth.astype(np.uint8))[0], truth.shape, strict=True):
        length = part.stop - part.start
        low, high = (random.uniform(-0.03, slack) * length + random.uniform(0, 2) for _ in range(2))
        start, stop = max(round(part.start - low), 0), min(round(part.stop + high), side)
        parts.append(slice(start, max(stop, start + 1)))
    return parts[0], parts[1], parts[2]


def _click(region: Mask, *, positive: bool, random: Randomness, care: float) -> Click:
    """Return a click in a region: the more care, the nearer to its innermost place."""
    block = ndimage.find_objects(region.astype(np.uint8))[0]
    inner = region[block]
    depth = ndimage.distance_transform_edt(np.pad(inner, 1))[1:-1, 1:-1, 1:-1]
    places = np.argwhere(depth >= care * depth.max() - 1e-6)
    place = places[random.integer(0, len(places) - 1)]
    points = [place]
    if random.chance(_STROKE):
        points += _stroke(inner, place, random)
    offset = np.array([part.start for part in block])
    return Click(tuple((int(z), int(y), int(x)) for z, y, x in (point + offset for point in points)), positive)


def _stroke(inner: Mask, place: NDArray[np.int64], random: Randomness) -> list[NDArray[np.int64]]:
    """Return more points along a straight line in one slice, as far as it stays in the region."""
    direction = np.array([random.gaussian() for _ in range(3)])
    direction[random.integer(0, 2)] = 0.0
    direction /= max(float(np.linalg.norm(direction)), 1e-6)
    step = random.uniform(1.5, 4.0)
    points = []
    for sign in (1, -1):
        for number in range(1, random.integer(2, 5)):
            point = np.round(place + sign * number * step * direction).astype(np.int64)
            if (point < 0).any() or (point >= inner.shape).any() or not inner[tuple(point)]:
                break
            points.append(point)
    return points
