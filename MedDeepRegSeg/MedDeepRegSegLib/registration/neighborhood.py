"""Modality independent neighborhood descriptors (MIND-SSC): the local likeness of patches, alike in CT and MR.

Source: M. Heinrich et al., "Towards realtime multimodal fusion for image-guided interventions using
self-similarities", MICCAI 2013. Unlike mutual information of whole images, they say where a match is wrong.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from MedDeepRegSegLib.registration.similarity import Samples

CHANNELS = 12
_DILATION = 2
_CHUNK = 8192  # points worked on at once, so that their 12 channels stay in the processor's cache

_SIX = tuple(tuple(sign * _DILATION if axis == own else 0 for axis in range(3)) for own in range(3) for sign in (-1, 1))
_PAIRS = tuple(
    (a, b)
    for i, a in enumerate(_SIX)
    for b in _SIX[i + 1 :]
    if sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) == 2 * _DILATION**2
)


def descriptors(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the 12 descriptors of every voxel.

    Parameters
    ----------
    values : ndarray, shape (Z, Y, X)

    Returns
    -------
    ndarray of float32, shape (Z, Y, X, 12)
        Each in [0, 1]; 1 where the pair of patches is most alike.
    """
    padded = np.pad(values, _DILATION, mode="edge")
    shape = values.shape

    def shifted(offset: tuple[int, ...]) -> NDArray[np.float32]:
        return padded[tuple(slice(_DILATION + o, _DILATION + o + n) for o, n in zip(offset, shape, strict=True))]

    result = np.empty((*shape, CHANNELS), dtype=np.float32)
    for channel, (a, b) in enumerate(_PAIRS):
        result[..., channel] = ndimage.uniform_filter((shifted(a) - shifted(b)) ** 2, 3, mode="nearest")
    result -= result.min(axis=-1, keepdims=True)
    noise = result.mean(axis=-1, keepdims=True)
    overall = float(noise.mean())
    result /= np.maximum(np.clip(noise, 1e-3 * overall, 1e3 * overall), 1e-12)
    np.negative(result, out=result)
    return np.exp(result, out=result)


class DescriptorDifference:
    """Mean squared difference of fixed descriptors and moving descriptors at displaced voxels of one grid.

    Parameters
    ----------
    samples : Samples
        Voxels of the grid that count.
    fixed, moving : ndarray, shape (Z, Y, X, 12)
        Descriptors on the same grid, the moving image brought there by the linear map.
    valid : ndarray, shape (Z, Y, X)
        0 where the moving image ends; what is displaced to there does not count.
    spacing : float
        Voxel size, mm.
    """

    def __init__(
        self,
        samples: Samples,
        fixed: NDArray[np.float32],
        moving: NDArray[np.float32],
        valid: NDArray[np.float32],
        spacing: float,
    ) -> None:
        self._shape = np.array(valid.shape[::-1])
        self._spacing = spacing
        self._fixed = fixed.reshape(-1, CHANNELS)[samples.index]
        self._moving = moving.reshape(-1, CHANNELS)
        self._valid = valid.ravel()
        self._weights = (samples.weights / samples.weights.sum()).astype(np.float32)
        s, p, left = np.unravel_index(samples.index, valid.shape)
        self._voxels = np.stack([left, p, s]).astype(np.float32)

    def __call__(self, displacement: NDArray[np.float32]) -> tuple[float, NDArray[np.float32]]:
        """Return the difference (0 to 1) and its derivative (3, N), per mm, by displacements (3, N), mm."""
        derivative = np.empty_like(displacement, dtype=np.float32)
        total = 0.0
        for start in range(0, displacement.shape[1], _CHUNK):
            part = slice(start, start + _CHUNK)
            value, derivative[:, part] = self._chunk(displacement[:, part], part)
            total += value
        return total, derivative

    def _chunk(self, displacement: NDArray[np.float32], part: slice) -> tuple[float, NDArray[np.float32]]:
        position = self._voxels[:, part] + displacement / np.float32(self._spacing)
        limit = (self._shape - 1)[:, None]
        inside = np.all((position >= 0) & (position <= limit), axis=0)
        base = np.clip(position.astype(np.int64), 0, limit - 1)
        fx, fy, fz = (position - base).astype(np.float32)[:, :, None]
        stride_y, stride_z = int(self._shape[0]), int(self._shape[0] * self._shape[1])
        start = base[0] + base[1] * stride_y + base[2] * stride_z
        nearest = start + (fx[:, 0] > 0.5) + stride_y * (fy[:, 0] > 0.5) + stride_z * (fz[:, 0] > 0.5)
        moving = self._moving
        c000, c010 = moving[start], moving[start + stride_y]
        c001, c011 = moving[start + stride_z], moving[start + stride_y + stride_z]
        x00, x10 = moving[start + 1] - c000, moving[start + 1 + stride_y] - c010
        x01, x11 = moving[start + 1 + stride_z] - c001, moving[start + 1 + stride_y + stride_z] - c011
        c00, c10, c01, c11 = c000 + fx * x00, c010 + fx * x10, c001 + fx * x01, c011 + fx * x11
        y0, y1 = c10 - c00, c11 - c01
        c0 = c00 + fy * y0
        along_z = c01 + fy * y1 - c0
        difference = c0 + fz * along_z - self._fixed[part]
        along_y = y0 + fz * (y1 - y0)
        gx = x00 + fy * (x10 - x00)
        along_x = gx + fz * (x01 + fy * (x11 - x01) - gx)
        weights = self._weights[part] * self._valid[nearest] * inside / CHANNELS
        value = float(np.einsum("nc,nc,n->", difference, difference, weights))
        factor = 2 * weights / np.float32(self._spacing)
        gradient = [np.einsum("nc,nc->n", difference, along) * factor for along in (along_x, along_y, along_z)]
        return value, np.stack(gradient)
