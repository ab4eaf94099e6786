"""Which parts of an answer are kept: those connected to seeds, and what was there before."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from MedDeepRegSegLib.segmentation.growing_window import Block, Mask
from MedDeepRegSegLib.segmentation.morphology import components, depth_in

Index = tuple[int, int, int]

_MOST_PARTS = 8
_NEAR = 4  # voxels of the image


def connected(mask: Mask, places: Sequence[NDArray[np.int64]]) -> Mask:
    """Return the parts of a mask at seeds; where there is none, the part nearest to the last seed if it is near."""
    if not mask.any():
        return mask
    labels, _ = components(mask)
    wanted: set[int] = set()
    for place in places:
        around = tuple(slice(max(int(at) - 1, 0), int(at) + 2) for at in place)
        wanted |= set(np.unique(labels[around]).tolist())
    wanted.discard(0)
    if not wanted and places:
        found = np.argwhere(mask)
        away = np.square(found - places[-1]).sum(axis=1)
        if away.min() <= _NEAR**2:
            wanted.add(int(labels[tuple(found[away.argmin()])]))
    return np.isin(labels, list(wanted))


def gone_on(previous: Mask, grown: Mask, negative: Sequence[Index]) -> Mask:
    """Return what was grown on from a mask: all of that stays but the parts in which a negative seed lies."""
    lost = previous & ~grown
    result = previous | grown
    if negative and lost.any():
        labels, _ = components(lost)
        wrong = {int(labels[place]) for place in negative} - {0}
        result &= ~np.isin(labels, list(wrong))
    for place in negative:
        result[place] = False
    return result


def inner_places(mask: Mask, spacing: tuple[float, float, float]) -> tuple[Index, ...]:
    """Return the innermost voxels of the largest parts of a mask."""
    labels, sizes = components(mask)
    depth = depth_in(mask, spacing)
    places = []
    for label in range(1, min(len(sizes), _MOST_PARTS + 1)):
        inside = np.where(labels == label, depth, 0.0)
        k, j, i = np.unravel_index(int(inside.argmax()), inside.shape)
        places.append((int(k), int(j), int(i)))
    return tuple(places)


def within_box(box: Block, block: Block) -> Mask:
    """Return the part of a block of the image that lies in a box of the image."""
    parts = []
    for part, own in zip(box, block, strict=True):
        start = min(max(part.start - own.start, 0), own.stop - own.start)
        parts.append(slice(start, max(min(part.stop, own.stop) - own.start, start)))
    mask = np.zeros([own.stop - own.start for own in block], bool)
    mask[tuple(parts)] = True
    return mask
