"""The network's answer weighed by intensities: at the border, what looks like the inside is more likely to belong to it.

The network learned from many images; the histograms of this structure and of what lies around it are those of this image.
They are compared in voxels of the image: values interpolated between voxels belong to neither of the two.

Source: histograms of object and background as region term, Y. Boykov and M.-P. Jolly, "Interactive graph cuts for optimal
boundary and region segmentation of objects in N-D images", ICCV 2001.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from MedDeepRegSegLib.segmentation.morphology import bounding_box

if TYPE_CHECKING:
    from torch import Tensor

Mask = NDArray[np.bool_]
Spacing = tuple[float, float, float]

_BAND = 1.6
"""How far the border may move, as part of what the network tells apart."""
_AROUND = 6.0
"""How far the surroundings reach, likewise."""
_FEWEST = 20
_BINS, _SMOOTHING = 32, 1.5
_EMPTY = 0.003
_STRONGEST = 3.0
_TRUST = 0.7
"""The network's logits count less, as it has seen the intensities, too."""
_GAIN = 1.5


def weighed(chance: "Tensor", values: "Tensor", mask: "Tensor", spacing: Spacing, detail_mm: float) -> "Tensor":
    """Return chances in which intensities near the border of a structure count.

    Parameters
    ----------
    chance : Tensor, shape (D, H, W), float32
        Of the network, 0 to 1.
    values : Tensor, shape (D, H, W), float32
        Intensities of the image, limited to what is told apart.
    mask : Tensor, shape (D, H, W), bool
        What was grown: of the places where ``chance`` is above one half, those that count.
    spacing : tuple of float
        Of the voxels (D, H, W), mm.
    detail_mm : float
        Size of the voxels in which the network looked, or of those of the image where these are larger.

    Returns
    -------
    Tensor, shape (D, H, W), float32
        ``chance`` itself where the structure or its surroundings are too small for a histogram.
    """
    import torch

    steps = np.array(spacing)
    band = np.maximum(np.round(_BAND * detail_mm / steps), 1).astype(int)
    around = np.maximum(np.round(_AROUND * detail_mm / steps), 1).astype(int)
    # Next to the border are mixtures, and voxels on the wrong side of it.
    mixed = np.round(detail_mm / steps).astype(int)
    found = mask.numpy()
    box = bounding_box(found, margin=around.tolist())
    if box is None:
        return chance
    found = found[box]
    near = _widened(found, around)
    outside = near & ~_widened(found, mixed)
    inside = ~_widened(~found, mixed)
    if np.count_nonzero(inside) < _FEWEST:
        inside = found
    if min(np.count_nonzero(inside), np.count_nonzero(outside)) < _FEWEST:
        return chance
    seen = values[box].numpy()
    low, high = np.percentile(seen[near], (1, 99))
    bins = np.clip((seen - low) / max(float(high - low), 1e-6) * _BINS, 0, _BINS - 1).astype(int)
    told = _GAIN * np.log(_histogram(bins[inside]) / _histogram(bins[outside]))
    logits = _TRUST * torch.logit(chance[box].clamp(0.01, 0.99))
    logits += torch.from_numpy(np.clip(told, -_STRONGEST, _STRONGEST).astype(np.float32)[bins])
    border = torch.from_numpy(_widened(found, band) & _widened(~found, band))
    result = chance.clone()
    result[box] = torch.where(border, torch.sigmoid(logits), chance[box])
    return result


def _widened(mask: Mask, voxels: NDArray[np.int_]) -> Mask:
    """Return a mask with so many voxels more on each side of each axis."""
    result = mask.view(np.uint8)
    for axis, count in enumerate(voxels.tolist()):
        if count:
            result = maximum_filter1d(result, 2 * count + 1, axis, mode="nearest")
    return result.view(np.bool_)


def _histogram(bins: NDArray[np.int_]) -> NDArray[np.float64]:
    """Return the part of each bin, smoothed; none is empty, so that no value is certain."""
    counts = np.bincount(bins, minlength=_BINS) / len(bins)
    return np.asarray(gaussian_filter1d(counts, _SMOOTHING)) + _EMPTY
