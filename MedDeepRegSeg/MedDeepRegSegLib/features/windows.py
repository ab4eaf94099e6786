"""Features of whole arrays: one pass where it fits, else overlapping windows that are blended.

The volume is standardized once, as a whole, so that windows see one gray scale. Windows begin at multiples of 16 voxels,
so that their cells coincide. Where windows overlap, their vectors are added with weights that fall smoothly to nothing at
the cut faces, and brought back to length 1. The group normalization sees one window at a time: features of a window are
close to those of a single pass, not equal; so there are as few windows as the memory allows.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.features.backends import Backend, make_backend
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress

if TYPE_CHECKING:
    from MedDeepRegSegLib.models.networks import LoadedEncoder

TILE = 192
"""Edge of the largest window as a cube, voxels: one pass needs about 1 GiB."""
OVERLAP = 32
"""Voxels that neighboring windows share at least."""

MULTIPLE, STRIDE, CONTEXT_STRIDE = 16, 2, 8
"""As in :mod:`MedDeepRegSegLib.models.encoder`, which imports torch; see there."""

_HALF_ABOVE = 48_000_000  # voxels from which the results are float16: they would be larger than the image
_PASSES = 24  # about the number of convolutions, for progress within a window


def encode_array(
    values: np.ndarray,
    encoder: "LoadedEncoder",
    *,
    tile: int = TILE,
    overlap: int = OVERLAP,
    backend: Backend | str | None = None,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return local and context features of a volume of any size.

    Parameters
    ----------
    values : numpy.ndarray, shape (Z, Y, X)
        Finite, any units; sides at least 2. The working voxel size of the encoder is assumed.
    encoder : LoadedEncoder
    tile : int
        A window has at most ``tile`` cubed voxels; a multiple of 16.
    overlap : int
        Voxels that neighboring windows share at least; rounded up to a multiple of 16.
    backend : Backend or str, optional
        What computes (:mod:`.backends`); PyTorch if None.
    progress, cancel
        As everywhere.

    Returns
    -------
    local : numpy.ndarray, shape (16, ceil(Z / 2), ceil(Y / 2), ceil(X / 2))
        Vectors of length 1; float32, or float16 for more than 48 million voxels. Feature k lies at voxel 2 k + 0.5.
    context : numpy.ndarray, shape (32, ceil(Z / 8), ceil(Y / 8), ceil(X / 8))
        Likewise, at voxel 8 k + 3.5.

    Raises
    ------
    InputError
        If the array is not 3-D or too thin, or ``tile`` and ``overlap`` make no windows.
    Canceled
        If ``cancel`` was set.
    """
    cancel = CancelToken() if cancel is None else cancel
    if values.ndim != 3 or min(values.shape) < 2:
        msg = f"array to encode is {values.shape}, expected 3 sides of at least 2 voxels"
        raise InputError(msg)
    windows = plan_windows(values.shape, tile=tile, overlap=overlap)
    compute = make_backend(backend or "torch", encoder) if backend is None or isinstance(backend, str) else backend
    progress(0.0, "Standardizing the volume")
    standard = _standardized(values)
    kind = np.float16 if values.size > _HALF_ABOVE else np.float32
    settings = encoder.network.settings
    local = np.zeros((settings.local_features, *_cells(values.shape, STRIDE)), kind)
    context = np.zeros((settings.context_features, *_cells(values.shape, CONTEXT_STRIDE)), kind)
    for number, window in enumerate(windows):
        calls = itertools.count(1)

        def step(number: int = number, calls: Iterator[int] = calls) -> None:
            cancel.raise_if_canceled()
            inside = min(next(calls) / _PASSES, 1.0)
            progress((number + inside) / len(windows), f"Computing features ({number + 1} of {len(windows)})")

        step()
        pair = compute(window.cut(standard), step)
        for total, part, stride in ((local, pair[0], STRIDE), (context, pair[1], CONTEXT_STRIDE)):
            window.add(total, part, stride)
    if len(windows) > 1:
        _normalize(local)
        _normalize(context)
    progress(1.0, "Features computed")
    return local, context


@dataclass(frozen=True)
class Window:
    """A box of the padded volume that is computed in one pass; voxels.

    Attributes
    ----------
    start, size : tuple of int
        First voxel and sides (z, y, x), multiples of 16. The box may stand out beyond the volume's far faces.
    before, after : tuple of int
        Voxels shared with the neighbor at the near and at the far face; 0 where the volume ends.
    """

    start: tuple[int, int, int]
    size: tuple[int, int, int]
    before: tuple[int, int, int]
    after: tuple[int, int, int]

    def cut(self, standard: np.ndarray) -> np.ndarray:
        """Return the window of (C, Z, Y, X); beyond the far faces the last voxels are repeated."""
        ends = [start + size for start, size in zip(self.start, self.size, strict=True)]
        inside = standard[(slice(None), *(slice(s, e) for s, e in zip(self.start, ends, strict=True)))]
        missing = [(0, size - have) for size, have in zip(self.size, inside.shape[1:], strict=True)]
        return np.pad(inside, [(0, 0), *missing], mode="edge") if any(after for _, after in missing) else inside

    def add(self, total: np.ndarray, part: np.ndarray, stride: int) -> None:
        """Add the weighted features of the window to those of the volume."""
        first = [start // stride for start in self.start]
        where = tuple(slice(f, f + side) for f, side in zip(first, part.shape[1:], strict=True))
        target = total[(slice(None), *where)]
        part = part[(slice(None), *(slice(0, side) for side in target.shape[1:]))]
        for axis in range(3):
            weight = self._weight(axis, stride)[: target.shape[axis + 1]]
            if (weight < 1).any():
                part = part * weight.reshape([-1 if a == axis else 1 for a in range(3)])
        target += part.astype(total.dtype, copy=False)

    def _weight(self, axis: int, stride: int) -> np.ndarray:
        """Return the weight of each cell along an axis: 1, falling smoothly to the cut faces."""
        place = np.arange(self.size[axis] // stride, dtype=np.float32) + 0.5
        weight = np.ones_like(place)
        for shared, distance in ((self.before[axis], place), (self.after[axis], place[::-1])):
            if shared:
                ramp = np.minimum(distance * stride / shared, 1)
                weight *= ramp * ramp * (3 - 2 * ramp)
        return weight


def plan_windows(shape: tuple[int, ...], *, tile: int = TILE, overlap: int = OVERLAP) -> list[Window]:
    """Return the windows that cover a volume of ``shape`` (Z, Y, X): as few and as equal as ``tile`` allows.

    Raises
    ------
    InputError
        If ``tile`` is no positive multiple of 16, or not larger than ``overlap``.
    """
    shared = -(-overlap // MULTIPLE)
    if tile <= 0 or tile % MULTIPLE or overlap < 0 or tile // MULTIPLE <= shared:
        msg = f"tile is {tile} voxels and overlap {overlap}, expected a multiple of 16 that is larger than the overlap"
        raise InputError(msg)
    sides = [-(-side // MULTIPLE) for side in shape]  # everything below is in units of 16 voxels
    counts = [1, 1, 1]
    sizes = list(sides)
    while np.prod(sizes, dtype=float) > (tile // MULTIPLE) ** 3:
        able = [axis for axis in range(3) if sizes[axis] > shared + 1]
        axis = max(able, key=lambda a: sizes[a])
        counts[axis] += 1
        sizes[axis] = -(-(sides[axis] + (counts[axis] - 1) * shared) // counts[axis])
    starts = [
        [number * (side - size) // max(count - 1, 1) for number in range(count)]
        for side, size, count in zip(sides, sizes, counts, strict=True)
    ]
    windows = []
    for place in itertools.product(*(range(count) for count in counts)):
        before, after = [0, 0, 0], [0, 0, 0]
        for axis, at in enumerate(place):
            row, size = starts[axis], sizes[axis]
            before[axis] = (row[at - 1] + size - row[at]) * MULTIPLE if at > 0 else 0
            after[axis] = (row[at] + size - row[at + 1]) * MULTIPLE if at + 1 < len(row) else 0
        start = [starts[axis][at] * MULTIPLE for axis, at in enumerate(place)]
        windows.append(Window(*(tuple(v) for v in (start, [s * MULTIPLE for s in sizes], before, after))))  # type: ignore[arg-type]
    return windows


def _standardized(values: np.ndarray) -> np.ndarray:
    """Return the two channels that the encoder sees, (2, Z, Y, X) float32."""
    import torch

    from MedDeepRegSegLib.models.encoder_input import standardize

    with torch.inference_mode():
        volume = torch.from_numpy(np.ascontiguousarray(values, np.float32))
        return standardize(volume[None, None])[0].numpy()


def _cells(shape: tuple[int, ...], stride: int) -> tuple[int, ...]:
    return tuple(-(-side // stride) for side in shape)


def _normalize(features: np.ndarray) -> None:
    """Bring the vectors of (C, z, y, x) to length 1 in place, slice by slice to need no second array."""
    for k in range(features.shape[1]):
        part = features[:, k].astype(np.float32)
        features[:, k] = part / np.maximum(np.sqrt((part * part).sum(axis=0)), 1e-6)
