"""How like the seeds a voxel is: intensity bands around seeds, edges, and paths between them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from MedDeepRegSegLib.segmentation.morphology import Mask, Spacing

Side = Literal["both", "above", "below"]
"""Which intensities differ from a seed: both sides, or all brighter (above) or darker (below) ones belong to it."""

_BALL_MM = 5.0
_LEAST_SAMPLES = 19
_WIDEST = 3.0  # a band is at most this many times as wide as the noise
_FADING_MM = 10.0
_NOISE_EDGE = 0.6
_FULL_EDGE = 1.5
_NOISE_FACE = 0.8
_FULL_FACE = 2.0


@dataclass(frozen=True)
class Band:
    """The intensities around one seed."""

    center: float
    """Robust mean."""
    width: float
    """Robust standard deviation, at least that of the noise (> 0)."""


def noise_of(values: np.ndarray) -> float:
    """Return the standard deviation of the noise, from the median difference of neighbors (> 0)."""
    differences = np.abs(np.diff(values, axis=2)).ravel()
    differences = differences[differences > 0]
    span = float(values.max() - values.min())
    floor = max(1e-3 * span, 1e-6)
    return max(1.4826 * float(np.median(differences)) / np.sqrt(2), floor) if differences.size else floor


def band_at(values: np.ndarray, index: Sequence[int], spacing: Spacing, noise: float) -> Band:
    """Return the band of a seed from the like voxels of the ball of 5 mm around it.

    Parameters
    ----------
    values:
        Smoothed intensities (k, j, i).
    index:
        Voxel (k, j, i) of the seed.
    spacing:
        mm along (k, j, i).
    noise:
        Standard deviation of the noise in ``values``.
    """
    reach = [max(1, int(_BALL_MM / step)) for step in spacing]
    box = tuple(
        slice(max(center - margin, 0), center + margin + 1) for center, margin in zip(index, reach, strict=True)
    )
    part = values[box]
    offsets = np.indices(part.shape).astype(float)
    for axis in range(3):
        offsets[axis] += box[axis].start - index[axis]
        offsets[axis] *= spacing[axis]
    distance = np.sqrt((offsets**2).sum(axis=0)).ravel()
    nearest = part.ravel()[np.argsort(distance, kind="stable")]
    count = max(_LEAST_SAMPLES, int((distance <= _BALL_MM).sum()))
    center = float(np.median(nearest[:7]))
    spread = max(1.4826 * float(np.median(np.abs(nearest[:_LEAST_SAMPLES] - center))), noise)
    spread = min(spread, _WIDEST * noise)
    for _ in range(3):
        like = nearest[:count][np.abs(nearest[:count] - center) <= 3 * spread]
        if like.size < 5:
            break
        center = float(like.mean())
        # A seed on a small bright spot must not open the band without end.
        spread = min(max(1.1 * float(like.std()), noise), _WIDEST * noise)
    return Band(center, spread)


def difference_from(values: np.ndarray, bands: Sequence[Band], side: Side = "both") -> np.ndarray:
    """Return the smallest distance of each voxel to a band, in standard deviations, float32."""
    result = np.full(values.shape, np.inf, np.float32)
    for band in bands:
        scaled = (values - band.center) / band.width
        if side == "above":
            scaled = np.maximum(-scaled, 0)
        elif side == "below":
            scaled = np.maximum(scaled, 0)
        np.minimum(result, np.abs(scaled), out=result)
    return result


def more_like(values: np.ndarray, difference: np.ndarray, bands: Sequence[Band], against: Sequence[Band]) -> Mask:
    """Return where a voxel is more like a negative seed than like the positive ones.

    Negative seeds in tissue like that of a positive one are left out: paths decide there, not intensities.
    """
    distinct = [
        other
        for other in against
        if all(abs(other.center - band.center) > 2.0 * max(band.width, other.width) for band in bands)
    ]
    return difference > difference_from(values, distinct) if distinct else np.zeros(values.shape, bool)


def local_difference(
    values: np.ndarray, bands: Sequence[Band], seeds: np.ndarray, spacing: Spacing, side: Side
) -> np.ndarray:
    """Return :func:`difference_from`, where bands unlike that of the first seed hold only around their own seed.

    A later click repairs a place; its intensities may be those of another structure elsewhere. Such a band loses
    one standard deviation each 10 mm.
    """
    result = difference_from(values, bands[:1], side)
    for band, seed in zip(bands[1:], seeds[1:], strict=True):
        difference = difference_from(values, [band], side)
        if abs(band.center - bands[0].center) > bands[0].width:
            grid = np.ogrid[tuple(slice(0, size) for size in values.shape)]
            squares = [((axis - part) * step) ** 2 for axis, part, step in zip(grid, seed, spacing, strict=True)]
            difference = difference + np.sqrt(squares[0] + squares[1] + squares[2]) / _FADING_MM
        np.minimum(result, difference, out=result, casting="same_kind")
    return result


def edge_strength(values: np.ndarray, noise: float) -> np.ndarray:
    """Return how much of an edge each voxel lies on, in [0, 1], float32: 0 for noise, 1 from about four times the noise."""
    gradient = np.zeros(values.shape, np.float32)
    for axis in range(3):
        # Differences per voxel, not per mm: thick slices do not hide the edge between them.
        gradient += ndimage.gaussian_filter1d(values, 0.8, axis=axis, order=1) ** 2
    return np.clip((np.sqrt(gradient) - _NOISE_EDGE * noise) / (_FULL_EDGE * noise), 0.0, 1.0).astype(np.float32)


def face_strength(values: np.ndarray, noise: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return how much of an edge each face between two voxels is, in [0, 1], for the faces across each axis.

    A face beside the steepest one of a blurred edge counts less, so that a region is best at the edge itself.
    """
    strengths = []
    for axis in range(3):
        across = [0.7] * 3
        across[axis] = 0.0
        difference = np.abs(np.diff(ndimage.gaussian_filter(values, across), axis=axis))
        steepest = ndimage.maximum_filter1d(difference, 3, axis=axis)
        clear = np.clip((difference - _NOISE_FACE * noise) / (_FULL_FACE * noise), 0.0, 1.0)
        strengths.append((clear * difference / np.maximum(steepest, 1e-6 * noise)).astype(np.float32))
    return strengths[0], strengths[1], strengths[2]


def arrival_time(speed: np.ndarray, seeds: Mask, spacing: Spacing) -> np.ndarray:
    """Return when a front from ``seeds`` arrives at each voxel, with ``speed`` in mm per unit of time.

    Fast marching (Sethian, PNAS 1996).
    """
    image = sitk.GetImageFromArray(speed.astype(np.float32))
    image.SetSpacing(spacing[::-1])
    points = [[int(part) for part in point[::-1]] for point in np.argwhere(seeds)]
    if not points:
        return np.full(speed.shape, np.inf, np.float32)
    time = sitk.GetArrayFromImage(sitk.FastMarching(image, points, 1.0, 1e9))
    time[seeds] = 0
    return time
