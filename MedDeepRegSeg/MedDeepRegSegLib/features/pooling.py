"""Features of a segment: mean and standard deviation of the dense features under its mask.

Each feature cell counts by the fraction of it that the mask covers, so that a lesion smaller than a cell has features
too. The cells are those of the local (4 mm at the recommended voxel size) and the context features (16 mm).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.features.encode import EncodedVolume, SourceGrid
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress
from MedDeepRegSegLib.segmentation.measurements import EMPTY_NOTE, NOTE_COLUMN, SEGMENT_COLUMN
from MedDeepRegSegLib.segmentation.segments import Segment, check_segments
from MedDeepRegSegLib.volumes.geometry import (
    check_label_map,
    check_same_geometry,
    check_shape,
    index_to_world,
    world_to_index,
)

_PARTS_OF_CELL = 8  # voxels are divided until their parts are at most this part of a cell
_POINTS_AT_ONCE = 1_000_000

Row = dict[str, str | int | float | None]


@dataclass(frozen=True)
class PooledFeatures:
    """Features of one segment.

    Attributes
    ----------
    name : str
        Of the segment.
    voxels : int
        Of the image, in the mask.
    volume_mm3 : float
    local_mean, local_deviation : tuple of float
        Of each of the 16 local features under the mask.
    context_mean, context_deviation : tuple of float
        Of each of the 32 context features.
    """

    name: str
    voxels: int
    volume_mm3: float
    local_mean: tuple[float, ...]
    local_deviation: tuple[float, ...]
    context_mean: tuple[float, ...]
    context_deviation: tuple[float, ...]

    def row(self) -> Row:
        """Return a row of a table, head to value: ``Segment``, ``Voxels``, ``Volume (mm3)``, ``Local feature 1 mean`` ..."""
        row: Row = {
            SEGMENT_COLUMN: self.name,
            "Voxels": self.voxels,
            "Volume (mm3)": _rounded(self.volume_mm3),
        }
        for part in ("local", "context"):
            for kind, title in (("mean", "mean"), ("deviation", "standard deviation")):
                for number, value in enumerate(getattr(self, f"{part}_{kind}"), start=1):
                    row[f"{part.capitalize()} feature {number} {title}"] = _rounded(value)
        row[NOTE_COLUMN] = ""
        return row


def pool(encoded: EncodedVolume, mask: sitk.Image, name: str = "Mask") -> PooledFeatures:
    """Return the features of a mask.

    Parameters
    ----------
    encoded : EncodedVolume
    mask : SimpleITK.Image
        Not 0 inside; on the grid of the image that was encoded.
    name : str
        For the result and for messages.

    Raises
    ------
    InputError
        If the mask is empty, or lies on another grid.
    """
    check_shape(mask, f"mask {name}", minimum_size=1)
    _check_grid(encoded.source, mask, f"mask {name}")
    return _pooled(encoded, mask, np.flatnonzero(sitk.GetArrayViewFromImage(mask)), name)


def pool_segments(
    encoded: EncodedVolume,
    labels: sitk.Image,
    segments: Sequence[Segment],
    *,
    allow_empty: bool = False,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> tuple[PooledFeatures | None, ...]:
    """Return the features of each segment of a label map.

    Parameters
    ----------
    encoded : EncodedVolume
    labels : SimpleITK.Image
        On the grid of the image that was encoded.
    segments : sequence of Segment
        The segments wanted.
    allow_empty : bool
        Give None for a segment without voxels, instead of refusing it.
    progress, cancel
        As everywhere.

    Raises
    ------
    InputError
        If a segment is empty, segments contradict each other, or the label map is none or lies on another grid.
    Canceled
        If ``cancel`` was set.
    """
    check_label_map(labels, "segmentation")
    check_segments(segments)
    _check_grid(encoded.source, labels, "segmentation")
    array = sitk.GetArrayViewFromImage(labels).reshape(-1)
    results: list[PooledFeatures | None] = []
    for number, segment in enumerate(segments):
        if cancel is not None:
            cancel.raise_if_canceled()
        progress(number / len(segments), f"Features of {segment.name}")
        voxels = np.flatnonzero(array == segment.value)
        skipped = allow_empty and not voxels.size
        results.append(None if skipped else _pooled(encoded, labels, voxels, segment.name))
    return tuple(results)


def feature_rows(results: Sequence[PooledFeatures | None], segments: Sequence[Segment]) -> list[Row]:
    """Return one row for each segment; an empty one has no features and a note.

    All rows have the same heads, in the same order. ``results`` are those of :func:`pool_segments`.

    Raises
    ------
    InputError
        If all segments are empty.
    """
    heads = next((list(result.row()) for result in results if result is not None), None)
    if heads is None:
        msg = "all segments are empty, expected voxels in at least one: draw or grow one first"
        raise InputError(msg)
    rows = []
    for result, segment in zip(results, segments, strict=True):
        empty: Row = dict.fromkeys(heads)
        empty |= {SEGMENT_COLUMN: segment.name, "Voxels": 0, "Volume (mm3)": 0, NOTE_COLUMN: EMPTY_NOTE}
        rows.append(empty if result is None else result.row())
    return rows


def _check_grid(source: SourceGrid, mask: sitk.Image, what: str) -> None:
    """Refuse a mask on another grid than that of the image."""
    reference = sitk.Image(source.size, sitk.sitkUInt8)
    reference.SetSpacing(source.spacing)
    reference.SetOrigin(source.origin)
    reference.SetDirection(source.direction)
    check_same_geometry(reference, mask, "image", what)


def _pooled(encoded: EncodedVolume, mask: sitk.Image, voxels: np.ndarray, name: str) -> PooledFeatures:
    if not voxels.size:
        msg = f"mask {name} is empty, expected at least one voxel: pick another segment or draw one"
        raise InputError(msg)
    volume = float(voxels.size * np.prod(mask.GetSpacing()))
    local = _statistics(encoded.local, *cell_fractions(encoded.local_grid, mask, voxels))
    context = _statistics(encoded.context, *cell_fractions(encoded.context_grid, mask, voxels))
    return PooledFeatures(name, int(voxels.size), volume, *local, *context)


def cell_fractions(grid: sitk.Image, mask: sitk.Image, voxels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which cells of a feature grid some voxels cover, and by what fraction of the cell.

    Voxels are divided into parts smaller than an eighth of a cell; a part belongs to the cell that holds its center.

    Parameters
    ----------
    grid : SimpleITK.Image
        Its voxels are the cells.
    mask : SimpleITK.Image
        Whose grid the voxels are numbered in.
    voxels : numpy.ndarray, shape (N,)
        Numbers of voxels of ``mask`` in the order of its array.

    Returns
    -------
    cells : numpy.ndarray, shape (M,)
        Numbers of the cells in the order of the grid's array, ascending.
    fractions : numpy.ndarray, shape (M,)
        Above 0. Their sum is exact; each may be off by a tenth, because parts are not cut at the faces of cells.
    """
    step = np.array(mask.GetSpacing())
    parts = np.maximum(np.ceil(step * _PARTS_OF_CELL / min(grid.GetSpacing())), 1).astype(int)
    offsets = np.stack(np.meshgrid(*((np.arange(n) + 0.5) / n - 0.5 for n in parts), indexing="ij"), -1).reshape(-1, 3)
    size = np.array(grid.GetSize())
    to_world = index_to_world(mask)
    counts = np.zeros(int(size.prod()), np.int64)
    at_once = max(1, _POINTS_AT_ONCE // len(offsets))
    for first in range(0, voxels.size, at_once):
        k, j, i = np.unravel_index(voxels[first : first + at_once], mask.GetSize()[::-1])
        indices = (np.stack([i, j, k], 1)[:, None, :] + offsets).reshape(-1, 3)
        place = world_to_index(grid, indices @ to_world[:3, :3].T + to_world[:3, 3])
        x, y, z = np.clip(np.rint(place).astype(int), 0, size - 1).T
        counts += np.bincount((z * size[1] + y) * size[0] + x, minlength=counts.size)
    cells = np.flatnonzero(counts)
    share = np.prod(step / parts) / np.prod(grid.GetSpacing())
    return cells, counts[cells] * share


def _statistics(
    features: np.ndarray, cells: np.ndarray, weights: np.ndarray
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the weighted mean and standard deviation of each feature of (z, y, x, C) over some cells."""
    values = features.reshape(-1, features.shape[-1])[cells].astype(np.float64)
    mean = weights @ values / weights.sum()
    deviation = np.sqrt(weights @ (values - mean) ** 2 / weights.sum())
    return tuple(mean.tolist()), tuple(deviation.tolist())


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")
