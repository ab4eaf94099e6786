"""Which part of a lesion speaks for a prediction, where the predictor sees the encoder's features pooled over the lesion.

The lesion is divided into blocks. A block's share is found in two ways: by leaving the block out of the pool, and by
pooling it alone (Zeiler MD, Fergus R. Visualizing and understanding convolutional networks. ECCV 2014, section 4.2;
Petsiuk V et al. RISE. BMVC 2018: deletion and insertion). Nothing in the image is covered, so the encoder never sees what
no image shows. Its features of a place also depend on what lies around it, some centimeters far: the map says where the
features that matter lie, not more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from MedDeepDiagnosisLib.reasons.faithfulness import ORDERS, Faithfulness, order_test
from MedDeepDiagnosisLib.reasons.predictor import Array, Predictor, ask
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.features.encode import EncodedVolume
from MedDeepRegSegLib.features.pooling import cell_fractions, pool
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress

_WANTED_BLOCKS = 27
_MOST_BLOCKS = 400
_SMALLEST_PART = 0.25
"""Blocks at the rim smaller than this part of a whole one are joined to their neighbor."""


@dataclass(frozen=True, eq=False)
class LesionAttribution:
    """What the blocks of a lesion add to a prediction.

    Attributes
    ----------
    image:
        float32 on the grid of the mask: in each voxel the value of its block, 0 outside of the lesion. Positive: the
        block raises the prediction, compared with the rest of the lesion.
    blocks:
        uint16 on the same grid: 1 to B in the lesion.
    values:
        (B,) mean of ``left_out`` and ``alone``, in units of the prediction.
    left_out:
        (B,) prediction less that without the block.
    alone:
        (B,) prediction of the block alone less that of the lesion, times the block's part of the lesion. For a predictor
        that is linear in pooled means it is ``left_out`` times the part of the lesion that stays.
    parts:
        (B,) parts of the lesion's volume.
    prediction:
        Of the whole lesion.
    block_mm:
        Edge of a whole block.
    faithfulness:
        The deletion test over blocks.
    """

    image: sitk.Image
    blocks: sitk.Image
    values: Array
    left_out: Array
    alone: Array
    parts: Array
    prediction: float
    block_mm: float
    faithfulness: Faithfulness


def pooled_vector(encoded: EncodedVolume, mask: sitk.Image) -> Array:
    """Return what a predictor gets, (96,): means and deviations of local, then of context features, as pooled.

    Raises
    ------
    InputError
        As :func:`~MedDeepRegSegLib.features.pooling.pool`.
    """
    found = pool(encoded, mask, "lesion")
    return np.concatenate([found.local_mean, found.local_deviation, found.context_mean, found.context_deviation])


def occlude_lesion(
    predict: Predictor,
    encoded: EncodedVolume,
    mask: sitk.Image,
    *,
    seed: int,
    block_mm: float | None = None,
    orders: int = ORDERS,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> LesionAttribution:
    """Return what the blocks of a lesion add to a prediction, with the check of whether that is faithful.

    Parameters
    ----------
    predict:
        From (N, 96) pooled features as :func:`pooled_vector` gives them to (N,). Other features of the case are held
        fixed by the caller.
    encoded:
        Features of the image.
    mask:
        The lesion, on the grid of the image; not 0 inside.
    block_mm:
        Edge of a block. None: about 27 blocks, not smaller than a cell of the local features.
    orders:
        Random orders for the check.

    Raises
    ------
    InputError
        If the mask is empty or on another grid, or blocks are so small that there are more than 400.
    Canceled
        If ``cancel`` was set.
    """
    whole = pooled_vector(encoded, mask)
    progress(0.0, "Dividing the lesion")
    voxels = np.flatnonzero(sitk.GetArrayViewFromImage(mask))
    volume = voxels.size * float(np.prod(mask.GetSpacing()))
    edge = block_mm or max((volume / _WANTED_BLOCKS) ** (1 / 3), min(encoded.local_grid.GetSpacing()))
    owner = _blocks(mask, voxels, edge)
    count = int(owner.max()) + 1
    pools = _Pools(encoded, mask, voxels, owner, cancel)
    parts = np.bincount(owner) / voxels.size
    progress(0.5, "Leaving out blocks")
    prediction = float(ask(predict, whole[None], cancel)[0])

    def worth(kept: NDArray[np.bool_]) -> Array:
        return ask(predict, pools.vectors(kept), cancel)

    single = np.eye(count, dtype=bool)
    left_out = prediction - worth(~single) if count > 1 else np.zeros(1)
    alone = parts * (worth(single) - prediction)
    values = (left_out + alone) / 2
    progress(0.8, "Checking whether the map is faithful")
    faithfulness = order_test(worth, values, seed=seed, orders=orders)
    return LesionAttribution(
        image=_on_grid(mask, voxels, values[owner], np.float32),
        blocks=_on_grid(mask, voxels, owner + 1, np.uint16),
        values=values,
        left_out=left_out,
        alone=alone,
        parts=parts,
        prediction=prediction,
        block_mm=float(edge),
        faithfulness=faithfulness,
    )


class _Pools:
    """Weighted sums of the features of each block: those of any blocks together are their sums."""

    def __init__(
        self,
        encoded: EncodedVolume,
        mask: sitk.Image,
        voxels: NDArray[np.int64],
        owner: NDArray[np.int64],
        cancel: CancelToken | None,
    ) -> None:
        self._sums = []
        for features, grid in ((encoded.local, encoded.local_grid), (encoded.context, encoded.context_grid)):
            flat = features.reshape(-1, features.shape[-1])
            weights, firsts, seconds = [], [], []
            # Around the mean of the lesion, so that squares do not cancel.
            cells, fractions = cell_fractions(grid, mask, voxels)
            middle = fractions @ flat[cells].astype(np.float64) / fractions.sum()
            for block in range(int(owner.max()) + 1):
                if cancel is not None:
                    cancel.raise_if_canceled()
                cells, fractions = cell_fractions(grid, mask, voxels[owner == block])
                apart = flat[cells].astype(np.float64) - middle
                weights.append(fractions.sum())
                firsts.append(fractions @ apart)
                seconds.append(fractions @ apart**2)
            self._sums.append((middle, np.array(weights), np.array(firsts), np.array(seconds)))

    def vectors(self, kept: NDArray[np.bool_]) -> Array:
        """Return (K, 96) pooled features of the blocks that each row of (K, B) keeps, at least one."""
        parts = []
        for middle, weights, firsts, seconds in self._sums:
            total = (kept @ weights)[:, None]
            mean = kept @ firsts / total
            deviation = np.sqrt(np.maximum(kept @ seconds / total - mean**2, 0))
            parts += [mean + middle, deviation]
        return np.concatenate(parts, axis=1)


def _blocks(mask: sitk.Image, voxels: NDArray[np.int64], edge: float) -> NDArray[np.int64]:
    """Return (N,) the number of the block of each voxel: cubes along the axes of the mask, around its middle."""
    spacing = np.array(mask.GetSpacing())[::-1]
    places = np.stack(np.unravel_index(voxels, mask.GetSize()[::-1]), axis=1)
    low, high = places.min(axis=0), places.max(axis=0) + 1
    counts = np.maximum(np.rint((high - low) * spacing / edge), 1).astype(int)
    cube = ((places - low + 0.5) / (high - low) * counts).astype(int)
    _, owner = np.unique(cube, axis=0, return_inverse=True)
    owner = owner.reshape(-1)
    owner = _joined(owner, places * spacing, _SMALLEST_PART * edge**3 / float(np.prod(spacing)))
    if owner.max() + 1 > _MOST_BLOCKS:
        msg = f"blocks of {edge:.3g} mm divide the lesion into {owner.max() + 1}, expected at most {_MOST_BLOCKS}: choose larger blocks"
        raise InputError(msg)
    return owner


def _joined(owner: NDArray[np.int64], places: Array, least: float) -> NDArray[np.int64]:
    """Return block numbers after each block of less than ``least`` voxels went to the large one with the nearest center."""
    sizes = np.bincount(owner)
    large = np.flatnonzero(sizes >= min(least, sizes.max()))
    centers = np.stack([np.bincount(owner, places[:, axis]) / sizes for axis in range(3)], axis=1)
    apart = np.linalg.norm(centers[:, None] - centers[large][None], axis=2)
    return apart.argmin(axis=1)[owner]


def _on_grid(mask: sitk.Image, voxels: NDArray[np.int64], values: Sequence[float] | NDArray, kind: type) -> sitk.Image:
    array = np.zeros(mask.GetSize()[::-1], dtype=kind)
    array.reshape(-1)[voxels] = values
    image = sitk.GetImageFromArray(array)
    image.CopyInformation(mask)
    return image
