"""One object of a label map, as a user might mean it: an organ, or a region, alone or with what lies in or at it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from MedDeepRegSegLib.synthesis.randomness import Randomness

Labels = NDArray[np.int16]
Mask = NDArray[np.bool_]

_LEAST_VOXELS = 200
_LARGEST_PART = 0.45
_JOINED = 0.35
_ORGANS, _WHOLE = 0.65, 0.85
_LEAST_CONTACT = 0.25


def draw_object(labels: Labels, random: Randomness, organs: Sequence[Sequence[int]] = ()) -> Mask | None:
    """Return a random object, in one piece; None where the map holds none of a useful size.

    Parameters
    ----------
    labels : ndarray, shape (D, H, W), int16
        0 is outside of the body.
    random : Randomness
    organs : sequence of sequence of int
        Labels of the map that are one organ together; it is mostly meant as a whole.

    Returns
    -------
    ndarray, shape (D, H, W), bool, or None
        200 voxels or more, at most 45 % of the map; large ones more often: a user zooms to what is meant.
    """
    counts = np.bincount(labels.ravel())
    counts[0] = 0
    sizes = np.array([counts[list(organ)].sum() for organ in organs])
    whole = np.flatnonzero(sizes >= _LEAST_VOXELS)
    if len(whole) and random.chance(_ORGANS):
        organ = organs[whole[_drawn(np.sqrt(sizes[whole]), random)]]
        mask = np.isin(labels, organ if random.chance(_WHOLE) else organ[-1])
    else:
        candidates = np.flatnonzero((counts >= _LEAST_VOXELS) & (counts <= _LARGEST_PART * labels.size))
        if not len(candidates):
            return None
        mask = labels == candidates[_drawn(np.sqrt(counts[candidates]), random)]
        other = _neighbor(labels, mask, counts) if random.chance(_JOINED) else 0
        if other:
            mask |= labels == other
    mask = _piece(mask, random)
    size = int(mask.sum())
    return mask if _LEAST_VOXELS <= size <= _LARGEST_PART * labels.size else None


def visibility(image: NDArray[np.float32], mask: Mask) -> float:
    """Return how much brighter or darker an object is than its surroundings, in standard deviations of both rims."""
    cross = ndimage.generate_binary_structure(3, 1)
    inner = image[mask & ~ndimage.binary_erosion(mask, cross, 2)]
    outer = image[ndimage.binary_dilation(mask, cross, 2) & ~mask]
    if not inner.size or not outer.size:
        return 0.0
    return float(abs(inner.mean() - outer.mean()) / np.sqrt((inner.var() + outer.var()) / 2 + 1e-6))


def compactness(mask: Mask) -> float:
    """Return the volume of the largest ball inside an object as part of its volume: 1 for a ball, near 0 for a shell."""
    block = ndimage.find_objects(mask.astype(np.uint8))[0]
    radius = float(ndimage.distance_transform_edt(np.pad(mask[block], 1)).max())
    return min(4 / 3 * np.pi * (radius - 0.5) ** 3 / float(mask.sum()), 1.0)


def _neighbor(labels: Labels, mask: Mask, counts: NDArray[np.int64]) -> int:
    """Return the label that has the most of its own surface at the mask: what it holds, or what wraps it; 0 for none."""
    rim = ndimage.binary_dilation(mask, ndimage.generate_binary_structure(3, 3)) & ~mask
    touching = np.bincount(labels[rim], minlength=len(counts)).astype(float)
    touching[0] = 0.0
    share = touching / np.maximum(4.8 * np.maximum(counts, 1) ** (2 / 3), 1.0)  # by the surface of a ball of that size
    best = int(share.argmax())
    return best if share[best] > _LEAST_CONTACT else 0


def _piece(mask: Mask, random: Randomness) -> Mask:
    """Return one connected piece, a large one more often."""
    pieces, count = ndimage.label(mask)
    if count <= 1:
        return mask
    sizes = np.bincount(pieces.ravel())[1:].astype(float)
    return np.asarray(pieces == 1 + _drawn(sizes, random))


def _drawn(weights: NDArray[np.float64], random: Randomness) -> int:
    """Return an index, drawn by weights."""
    total = np.cumsum(weights)
    return int(np.searchsorted(total, random.uniform(0, float(total[-1])), side="right").clip(0, len(weights) - 1))
