"""The network's answer weighed by intensities: at the border, what looks like the inside is more likely to belong to it.

The network learned from many images; the histograms of this structure and of what lies around it are those of this image.

Source: histograms of object and background as region term, Y. Boykov and M.-P. Jolly, "Interactive graph cuts for optimal
boundary and region segmentation of objects in N-D images", ICCV 2001.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_cdt, gaussian_filter1d

from MedDeepRegSegLib.segmentation.morphology import bounding_box

if TYPE_CHECKING:
    from torch import Tensor

_BAND = 3
"""Working voxels on both sides of the border in which the answer may change."""
_AROUND = 6
"""Working voxels around the structure that stand for its surroundings; the one next to it is a mixture."""
_FEWEST = 20
_BINS, _SMOOTHING = 32, 1.5
_EMPTY = 0.003
_STRONGEST = 3.0
_TRUST = 0.7
"""The network's logits count less, as it has seen the intensities, too."""
_GAIN = 1.5


def weighed(chance: "Tensor", values: "Tensor", mask: "Tensor") -> "Tensor":
    """Return chances in which intensities near the border of a structure count.

    Parameters
    ----------
    chance : Tensor, shape (D, H, W), float32
        Of the network, 0 to 1.
    values : Tensor, shape (D, H, W), float32
        Intensities, limited to what is told apart.
    mask : Tensor, shape (D, H, W), bool
        What was grown: of the places where ``chance`` is above one half, those that count.

    Returns
    -------
    Tensor, shape (D, H, W), float32
        ``chance`` itself where the structure or its surroundings are too small for a histogram.
    """
    import torch

    found = mask.numpy()
    box = bounding_box(found, margin=[_AROUND] * 3)
    if box is None:
        return chance
    found = found[box]
    depth, away = (distance_transform_cdt(part, "chessboard") for part in (found, ~found))
    inside = depth > 1 if np.count_nonzero(depth > 1) >= _FEWEST else found
    near = found | (away <= _AROUND)
    around = near & (away > 1)
    if min(np.count_nonzero(inside), np.count_nonzero(around)) < _FEWEST:
        return chance
    seen = values[box].numpy()
    low, high = np.percentile(seen[near], (1, 99))
    bins = np.clip((seen - low) / max(float(high - low), 1e-6) * _BINS, 0, _BINS - 1).astype(int)
    told = _GAIN * np.log(_histogram(bins[inside]) / _histogram(bins[around]))
    logits = _TRUST * torch.logit(chance[box].clamp(0.01, 0.99))
    logits += torch.from_numpy(np.clip(told, -_STRONGEST, _STRONGEST).astype(np.float32)[bins])
    band = torch.from_numpy(near & (depth <= _BAND) & (away <= _BAND))
    result = chance.clone()
    result[box] = torch.where(band, torch.sigmoid(logits), chance[box])
    return result


def _histogram(bins: NDArray[np.int_]) -> NDArray[np.float64]:
    """Return the part of each bin, smoothed; none is empty, so that no value is certain."""
    counts = np.bincount(bins, minlength=_BINS) / len(bins)
    return np.asarray(gaussian_filter1d(counts, _SMOOTHING)) + _EMPTY
