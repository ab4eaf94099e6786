"""Normalized mutual information of a fixed image and a warped moving image, with its exact gradient.

Source: C. Studholme et al., "An overlap invariant entropy measure of 3D medical image alignment", Pattern
Recognition 32 (1999); the Parzen histogram (box window for fixed, cubic B-spline for moving values) follows
D. Mattes et al., "PET-CT image registration in the chest using free-form deformations", IEEE TMI 22 (2003).

It is written out here because ITK's multi-threaded metric sums in an order that changes from run to run, takes only
binary masks, and holds a histogram derivative for every control point; this one is repeatable, weighted and small.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from MedDeepRegSegLib.registration.canonical import WorkingImage

BINS = 32
_PADDING = 2  # bins at each end that only the cubic window reaches


@dataclass(frozen=True)
class Samples:
    """Where the similarity is measured: fixed points with their histogram bin and weight.

    Attributes
    ----------
    points : ndarray, shape (N, 3)
        LPS mm.
    bins : ndarray of int, shape (N,)
        Bin of the fixed value.
    weights : ndarray, shape (N,)
        How much each point counts.
    index : ndarray of int, shape (N,)
        Flat index of the voxel in the fixed working grid that the point belongs to.
    """

    points: NDArray[np.float64]
    bins: NDArray[np.int64]
    weights: NDArray[np.float64]
    index: NDArray[np.int64]


def trilinear(
    array: NDArray[np.float32], position: NDArray[np.float64], *, differentiate: bool = True
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """Interpolate linearly and differentiate the interpolant.

    Parameters
    ----------
    array : ndarray, shape (Z, Y, X)
    position : ndarray, shape (3, N)
        Continuous index x, y, z.
    differentiate : bool
        Whether the derivative is wanted.

    Returns
    -------
    value : ndarray, shape (N,)
        0 outside of the array.
    gradient : ndarray, shape (3, N)
        Derivative along x, y, z per voxel; 0 outside. Shape (3, 0) where it is not wanted.
    inside : ndarray of bool, shape (N,)
    """
    shape = np.array(array.shape[::-1])
    inside = np.all((position >= 0) & (position <= (shape - 1)[:, None]), axis=0)
    base = np.clip(position.astype(np.int64), 0, (shape - 2)[:, None])
    fx, fy, fz = (position - base).astype(np.float32)
    stride_y, stride_z = int(shape[0]), int(shape[0] * shape[1])
    flat = array.ravel()
    start = base[0] + base[1] * stride_y + base[2] * stride_z
    c000, c100 = flat[start], flat[start + 1]
    start += stride_y
    c010, c110 = flat[start], flat[start + 1]
    start += stride_z
    c011, c111 = flat[start], flat[start + 1]
    start -= stride_y
    c001, c101 = flat[start], flat[start + 1]
    x00, x10, x01, x11 = c100 - c000, c110 - c010, c101 - c001, c111 - c011
    c00, c10, c01, c11 = c000 + fx * x00, c010 + fx * x10, c001 + fx * x01, c011 + fx * x11
    y0, y1 = c10 - c00, c11 - c01
    c0, c1 = c00 + fy * y0, c01 + fy * y1
    z = c1 - c0
    value = c0 + fz * z
    value[~inside] = 0.0
    if not differentiate:
        return value, np.empty((3, 0), dtype=np.float32), inside
    gx0, gx1 = x00 + fy * (x10 - x00), x01 + fy * (x11 - x01)
    gradient = np.stack([gx0 + fz * (gx1 - gx0), y0 + fz * (y1 - y0), z])
    gradient[:, ~inside] = 0.0
    return value, gradient, inside


def fixed_bins(values: NDArray[np.floating]) -> NDArray[np.int64]:
    """Return the histogram bin of canonical fixed values in [0, 1]."""
    return np.minimum((values * BINS).astype(np.int64), BINS - 1)


class NormalizedMutualInformation:
    """Similarity of the fixed samples with a moving working image at mapped points.

    Parameters
    ----------
    samples : Samples
    moving : WorkingImage
    """

    def __init__(self, samples: Samples, moving: WorkingImage) -> None:
        self.samples = samples
        self._moving = moving
        self._total = float(samples.weights.sum())
        self.overlap = 0.0

    def __call__(
        self, mapped: NDArray[np.float64], *, gradient: bool = True
    ) -> tuple[float, NDArray[np.float64] | None]:
        """Return the similarity and its derivative by the mapped points.

        Parameters
        ----------
        mapped : ndarray, shape (3, N)
            The samples' points mapped into the moving space, LPS mm.
        gradient : bool
            Whether the derivative is wanted.

        Returns
        -------
        similarity : float
            Normalized mutual information, 1 (independent) to 2 (one tells the other).
        derivative : ndarray, shape (3, N), or None
            Per mm.
        """
        grid = self._moving.grid
        position = (mapped - grid.origin[:, None]) / grid.spacing
        value, slope, _ = trilinear(self._moving.values, position, differentiate=gradient)
        nearest = np.rint(position).astype(np.int64)
        limit = np.array(grid.size)[:, None]
        inside = np.all((nearest >= 0) & (nearest < limit), axis=0)
        nearest = np.clip(nearest, 0, limit - 1)
        flat = nearest[0] + grid.size[0] * (nearest[1] + grid.size[1] * nearest[2])
        weights = self.samples.weights * self._moving.valid.ravel()[flat] * inside
        total = float(weights.sum())
        self.overlap = total / self._total
        if total <= 0:
            return 1.0, (np.zeros_like(mapped) if gradient else None)

        columns = BINS + 2 * _PADDING
        place = value.astype(np.float64) * (BINS - 1) + _PADDING
        first = place.astype(np.int64)
        fraction = place - first
        windows = _cubic_window(fraction)
        address = self.samples.bins * columns + first - 1
        joint = np.zeros(BINS * columns)
        for k in range(4):
            joint += np.bincount(address + k, weights=weights * windows[k], minlength=joint.size)[: joint.size]
        joint = joint.reshape(BINS, columns) / total
        log_joint = np.log(np.maximum(joint, 1e-12))
        fixed_part, moving_part = joint.sum(axis=1), joint.sum(axis=0)
        log_moving = np.log(np.maximum(moving_part, 1e-12))
        joint_entropy = -float((joint * log_joint).sum())
        entropies = -float((fixed_part * np.log(np.maximum(fixed_part, 1e-12))).sum()) - float(
            (moving_part * log_moving).sum()
        )
        if joint_entropy < 1e-9:
            return 1.0, (np.zeros_like(mapped) if gradient else None)
        similarity = entropies / joint_entropy
        if not gradient:
            return similarity, None
        # d similarity / d joint[f, m], up to constants that vanish because the windows sum to one.
        by_bin = (-log_moving[None, :] + similarity * log_joint) / joint_entropy
        by_value = np.zeros_like(fraction)
        by_bin_flat, slopes = by_bin.ravel(), _cubic_slopes(fraction)
        for k in range(4):
            by_value += by_bin_flat[address + k] * slopes[k]
        by_value *= weights * (BINS - 1) / (total * grid.spacing)
        return similarity, slope * by_value[None, :]


def _cubic_window(fraction: NDArray[np.float64]) -> tuple[NDArray, ...]:
    """Return the cubic B-spline at bins first-1 ... first+2."""
    t, u = fraction, 1.0 - fraction
    t2, u2 = t * t, u * u
    return (
        u2 * u / 6,
        2 / 3 - t2 + t2 * t / 2,
        2 / 3 - u2 + u2 * u / 2,
        t2 * t / 6,
    )


def _cubic_slopes(fraction: NDArray[np.float64]) -> tuple[NDArray, ...]:
    """Return the derivative of the windows by the value."""
    t, u = fraction, 1.0 - fraction
    t2, u2 = t * t, u * u
    return (-u2 / 2, -2 * t + 1.5 * t2, 2 * u - 1.5 * u2, t2 / 2)


def draw_samples(
    fixed: WorkingImage, *, count: int, seed: int, jitter: bool, weighted: NDArray[np.float32] | None = None
) -> Samples:
    """Choose points of the fixed image.

    Parameters
    ----------
    fixed : WorkingImage
    count : int
        Largest number of points; a random part is taken where there are more voxels.
    seed : int
    jitter : bool
        Move points inside of their voxels, against artifacts of grids that coincide.
    weighted : ndarray, optional
        Weight of each voxel, shape of the grid. By default ``sampling_weights(fixed)``.
    """
    weight = sampling_weights(fixed) if weighted is None else weighted
    index = np.flatnonzero(weight.ravel() > 0)
    generator = np.random.default_rng(seed)
    if index.size > count:
        index = np.sort(generator.choice(index, count, replace=False))
    points = fixed.grid.points(index)
    if jitter:
        points = points + generator.uniform(-0.5, 0.5, points.shape) * fixed.grid.spacing
        position = ((points - fixed.grid.origin) / fixed.grid.spacing).T
        values, _, inside = trilinear(fixed.values, position, differentiate=False)
        weights = weight.ravel()[index].astype(np.float64) * inside
    else:
        values = fixed.values.ravel()[index]
        weights = weight.ravel()[index].astype(np.float64)
    return Samples(points, fixed_bins(values), weights, index)


def sampling_weights(fixed: WorkingImage, rim_mm: float = 16.0) -> NDArray[np.float32]:
    """Weight 1 in the selected part and a rim of ``rim_mm`` around it (its outline counts), 0 elsewhere."""
    near = ndimage.distance_transform_edt(~fixed.foreground) * fixed.grid.spacing <= rim_mm
    return near.astype(np.float32) * fixed.valid
