"""The network's answer weighed by intensities: at the border, what looks like the inside is more likely to belong to it.

The network learned from many images; the histograms of this structure and of what lies around it are those of this image.
Their log-likelihood ratio is added to the network's logits, voxel by voxel, in voxels of the image: values interpolated
between voxels belong to neither of the two.

Source: the regional term (without the boundary term, and without smoothness) of Y. Boykov and M.-P. Jolly, "Interactive
graph cuts for optimal boundary and region segmentation of objects in N-D images", ICCV 2001. The constants were chosen on
objects of the development part of Testing/Benchmarks/growing.py.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, maximum_filter

from MedDeepRegSegLib.segmentation.growing_window import Mask, Window, resized
from MedDeepRegSegLib.segmentation.morphology import bounding_box

if TYPE_CHECKING:
    from torch import Tensor

Spacing = tuple[float, float, float]

_BAND = 1.6
"""How far the border may move to either side, in details: see :func:`weighed`."""
_AROUND = 6.0
"""How far the surroundings reach, in details."""
_FEWEST = 20
"""Voxels of a histogram."""
_BINS, _SMOOTHING = 32, 1.5  # the latter is a standard deviation, in bins
_EMPTY = 0.003
"""Added to the part of each bin, so that no value is certain."""
_TRUST = 0.7
"""The network's logits count less, as it has seen the intensities, too."""
_GAIN, _STRONGEST = 1.5, 3.0
"""The log-likelihood ratio counts more, up to so many logits."""


@dataclass(frozen=True, eq=False)
class Weighed:
    """An answer weighed by intensities."""

    grid: Window
    """The block in voxels of the image."""
    image_chance: "Tensor"
    """Chances on that grid."""
    within: "Tensor"
    """Where on that grid the structure may be: what was grown, and the band along its border."""
    working_chance: "Tensor"
    """Chances at working voxels."""


def weighed_in_image(
    image: NDArray[np.float32],
    window: Window,
    limits: tuple[float, float] | None,
    spacing: tuple[float, ...],
    *,
    chance: "Tensor",
    mask: Mask,
) -> Weighed | None:
    """Return the answer in a window weighed by intensities, None where the structure is too small or has no surroundings.

    Parameters
    ----------
    image : ndarray, shape (k, j, i), float32
        The whole image.
    window : Window
    limits : tuple of float, or None
        Values that are told apart; those beyond are cut off.
    spacing : tuple of float
        Of the image, mm.
    chance : Tensor, shape (D, H, W)
        Of the network at working voxels, 0 to 1.
    mask : ndarray, shape of the block, bool
        What was grown.
    """
    import torch

    grid = window.in_image(spacing)
    before = resized(chance, grid.size)
    grown = resized(torch.from_numpy(mask.astype(np.float32)), grid.size) > 0.5
    detail = max(*window.steps(spacing), min(spacing))
    found = weighed(before, grid.read(image, limits), grown, grid.steps(spacing), detail)
    if found is None:
        return None
    after, within = found
    # Only the change goes back to working voxels: there and back again, the rest would be blurred.
    return Weighed(grid, after, within, (chance + resized(after - before, window.size)).clamp(0, 1))


def weighed(
    chance: "Tensor", values: "Tensor", mask: "Tensor", spacing: Spacing, detail_mm: float
) -> tuple["Tensor", "Tensor"] | None:
    """Return chances in which intensities near the border of a structure count, and where the structure may be.

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
    chance : Tensor, shape (D, H, W), float32
    within : Tensor, shape (D, H, W), bool
        ``mask`` and the band along its border. Other parts that the network found are none of the structure, also where
        a voxel of the band now connects them.

    None in place of both where the structure or its surroundings are too small for a histogram, or of one value.
    """
    import torch

    steps = np.array(spacing)
    band = np.maximum(np.round(_BAND * detail_mm / steps), 1).astype(int)
    around = np.maximum(np.round(_AROUND * detail_mm / steps), 1).astype(int)
    # Next to the border are mixtures, and voxels on the wrong side of it.
    mixed = np.round(detail_mm / steps).astype(int)
    box = bounding_box(mask.numpy(), margin=around.tolist())
    if box is None:
        return None
    found = mask.numpy()[box]
    near = _widened(found, around)
    outside = near & ~_widened(found, mixed)
    inside = ~_widened(~found, mixed)
    if np.count_nonzero(inside) < _FEWEST:
        inside = found
    if min(np.count_nonzero(inside), np.count_nonzero(outside)) < _FEWEST:
        return None
    seen = values[box].numpy()
    low, high = np.percentile(seen[near], (1, 99))
    if not high > low:
        return None
    bins = np.clip((seen - low) / (high - low) * _BINS, 0, _BINS - 1).astype(int)
    log_ratio = _GAIN * np.log(_histogram(bins[inside]) / _histogram(bins[outside]))
    logits = _TRUST * torch.logit(chance[box].clamp(0.01, 0.99))
    logits += torch.from_numpy(np.clip(log_ratio, -_STRONGEST, _STRONGEST).astype(np.float32)[bins])
    border = torch.from_numpy(_widened(found, band) & _widened(~found, band))
    result, within = chance.clone(), mask.clone()
    result[box] = torch.where(border, torch.sigmoid(logits), chance[box])
    within[box] |= border
    return result, within


def _widened(mask: Mask, voxels: NDArray[np.int_]) -> Mask:
    """Return a mask with so many voxels more on each side of each axis."""
    return np.asarray(maximum_filter(mask, size=(2 * voxels + 1).tolist(), mode="nearest"))


def _histogram(bins: NDArray[np.int_]) -> NDArray[np.float64]:
    """Return the part of each bin, smoothed; none is empty."""
    counts = np.bincount(bins, minlength=_BINS) / len(bins)
    return np.asarray(gaussian_filter1d(counts, _SMOOTHING)) + _EMPTY
