"""One object of a label map, as a user might mean it: a region, or a region with what lies in or at it."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from MedDeepRegSegLib.synthesis.randomness import Randomness

Labels = NDArray[np.int16]
Mask = NDArray[np.bool_]

_LEAST_VOXELS = 80
_LARGEST_PART = 0.45
_JOINED = 0.35
_LEAST_CONTACT = 0.25


def draw_object(labels: Labels, random: Randomness) -> Mask | None:
    """Return a random object, in one piece; None where the map holds none of a useful size.

    Parameters
    ----------
    labels : ndarray, shape (D, H, W), int16
        0 is outside of the body.
    random : Randomness

    Returns
    -------
    ndarray, shape (D, H, W), bool, or None
        80 voxels or more, at most 45 % of the map.
    """
    counts = np.bincount(labels.ravel())
    counts[0] = 0
    candidates = np.flatnonzero((counts >= _LEAST_VOXELS) & (counts <= _LARGEST_PART * labels.size))
    if not len(candidates):
        return None
    own = int(random.choice(candidates.tolist()))
    mask = labels == own
    if random.chance(_JOINED):
        other = _neighbor(labels, mask, counts)
        if other:
            mask |= labels == other
    mask = _piece(mask, random)
    size = int(mask.sum())
    return mask if _LEAST_VOXELS <= size <= _LARGEST_PART * labels.size else None


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
    sizes = np.bincount(pieces.ravel())[1:]
    order = np.cumsum(sizes) / sizes.sum()
    return np.asarray(pieces == 1 + int(np.searchsorted(order, random.uniform(0, 1))))
