"""The part of an image that the growing network looks at, and how finely: it zooms to what is grown.

Domain: voxels (k, j, i) of the image. Codomain: working voxels, isotropic in mm as far as the image is.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

Block = tuple[slice, slice, slice]
Mask = NDArray[np.bool_]

_MOST_VOXELS = 96**3
_MOST_IN_IMAGE = 160**3
_LONGEST = 160
_LEAST_SIDE = 32
_FIRST_SIDE = 80
_FIRST_MM = (1.5, 3.0)
_SMALL = 16
"""Objects of fewer voxels along all axes are looked at in twice the resolution of the image."""


@dataclass(frozen=True)
class Window:
    """A block of the image and its size in working voxels."""

    block: Block
    size: tuple[int, int, int]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Size of the block in voxels of the image."""
        k, j, i = (part.stop - part.start for part in self.block)
        return k, j, i

    def steps(self, spacing: tuple[float, ...]) -> tuple[float, float, float]:
        """Return the sides of a working voxel in mm; ``spacing`` is that of the image."""
        k, j, i = (np.array(self.shape) / np.array(self.size) * np.array(spacing)).tolist()
        return k, j, i

    def in_image(self, spacing: tuple[float, ...]) -> "Window":
        """Return the same block in voxels of the image, 160^3 at most: of more, those of the finest axes are larger.

        Thick slices have none to spare.
        """
        shape, steps = np.array(self.shape), np.array(spacing)
        step = float(steps.min())
        size = shape
        while np.prod(size) > _MOST_IN_IMAGE:
            step *= 1.02
            size = np.minimum(shape, np.maximum(np.round(shape * steps / step), 1)).astype(int)
        k, j, i = size.tolist()
        return Window(self.block, (k, j, i))

    def read(self, image: NDArray[np.float32], limits: tuple[float, float] | None = None) -> "Tensor":
        """Return the block of an image in working voxels, (D, H, W): averaged where it is finer, else interpolated.

        Values beyond ``limits`` are cut off.
        """
        import torch

        values = resized(torch.from_numpy(np.ascontiguousarray(image[self.block])), self.size)
        return values if limits is None else values.clamp(*limits)

    def write(self, working: "Tensor") -> NDArray[np.float32]:
        """Return values at working voxels (D, H, W) in the voxels of the block."""
        return np.asarray(resized(working, self.shape).numpy())

    def to_working(self, voxel: NDArray[np.int64]) -> tuple[int, int, int]:
        """Return the working voxel of a voxel of the image; the nearest one for those outside."""
        scale = np.array(self.size) / np.array(self.shape)
        place = (voxel - np.array([part.start for part in self.block]) + 0.5) * scale - 0.5
        k, j, i = np.clip(np.round(place), 0, np.array(self.size) - 1).astype(int).tolist()
        return k, j, i

    def to_image(self, working: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the voxel of the image in which a working voxel has its center."""
        scale = np.array(self.shape) / np.array(self.size)
        place = (np.asarray(working) + 0.5) * scale - 0.5 + np.array([part.start for part in self.block])
        return np.round(place).astype(np.int64)

    def holds(self, voxels: NDArray[np.int64], shape: tuple[int, ...], margin: int = 2) -> bool:
        """Return whether voxels (N, 3) lie inside, ``margin`` working voxels from borders where the image goes on."""
        scale = np.array(self.shape) / np.array(self.size)
        low = np.array([part.start for part in self.block])
        high = np.array([part.stop for part in self.block]) - 1
        after = np.where(low == 0, 0, margin * scale)
        ahead = np.where(high == np.array(shape) - 1, 0, margin * scale)
        return bool(((voxels >= low + after) & (voxels <= high - ahead)).all())


def first_window(voxel: NDArray[np.int64], shape: tuple[int, ...], spacing: tuple[float, ...]) -> Window:
    """Return a window around a click of which nothing else is known: 120 to 240 mm wide."""
    step = float(np.clip(min(spacing), *_FIRST_MM))
    half = _FIRST_SIDE * step / 2 / np.array(spacing)
    return window_of(voxel - half, voxel + half, shape, spacing, finest=step)


def window_around(
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    shape: tuple[int, ...],
    spacing: tuple[float, ...],
    *,
    margin: float,
) -> Window:
    """Return a window around voxels from ``low`` to ``high``, with ``margin`` times their extent on each side."""
    steps = np.array(spacing)
    extent = (high - low + 1) * steps
    # Thin structures need room, too: half of the longest side is the least.
    extent = np.maximum(extent, 0.5 * extent.max())
    middle = (low + high) / 2
    half = (0.5 + margin) * extent / steps + 4
    finest = min(spacing) / (2 if (high - low + 1).max() < _SMALL else 1)
    return window_of(middle - half, middle + half, shape, spacing, finest=finest)


def window_of(
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    shape: tuple[int, ...],
    spacing: tuple[float, ...],
    *,
    finest: float,
) -> Window:
    """Return the window from ``low`` to ``high`` (voxels), cut to the image, of at most 96^3 working voxels.

    Parameters
    ----------
    finest : float
        Working voxels are not smaller, mm.
    """
    steps, sides = np.array(spacing), np.array(shape)
    least = _LEAST_SIDE * finest / steps / 2
    middle = (low + high) / 2
    low, high = np.minimum(low, middle - least), np.maximum(high, middle + least)
    start = np.clip(np.floor(low), 0, sides - 1).astype(int)
    stop = np.clip(np.ceil(high) + 1, start + 1, sides).astype(int)
    extent = (stop - start) * steps
    step = max(finest, float(np.prod(extent) / _MOST_VOXELS) ** (1 / 3), float(extent.max()) / _LONGEST)
    size = np.maximum(np.round(extent / step), 1).astype(int)
    block = [slice(int(a), int(b)) for a, b in zip(start, stop, strict=True)]
    return Window((block[0], block[1], block[2]), (int(size[0]), int(size[1]), int(size[2])))


def is_cut(window: Window, mask: Mask, shape: tuple[int, ...]) -> bool:
    """Return whether a mask in the block goes on beyond a border at which the image goes on, too."""
    faces = 0
    for axis, (part, side) in enumerate(zip(window.block, shape, strict=True)):
        if part.start > 0:
            faces += int(mask.take(0, axis).sum())
        if part.stop < side:
            faces += int(mask.take(-1, axis).sum())
    return faces > 0.01 * float(mask.sum()) ** (2 / 3) + 1


def resized(values: "Tensor", size: tuple[int, int, int]) -> "Tensor":
    """Return a volume (D, H, W) in another size of the same extent."""
    import torch.nn.functional as F

    result = values[None, None].float()
    fewer = tuple(min(new, old) for new, old in zip(size, values.shape, strict=True))
    if fewer != tuple(values.shape):
        result = F.interpolate(result, size=fewer, mode="area")
    if fewer != size:
        result = F.interpolate(result, size=size, mode="trilinear", align_corners=False)
    return result[0, 0]
