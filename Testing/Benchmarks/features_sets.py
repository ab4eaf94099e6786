"""The features that are compared, all on one grid of twice the images' spacing, and their mixtures."""

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from features_pairs import STRIDE, Encode, Warped
from numpy.typing import NDArray
from torch import Tensor

from MedDeepRegSegLib.registration.feature_grids import scaled
from MedDeepRegSegLib.registration.neighborhood import descriptors

RAW, MIND, MIND_FINE = "raw intensities", "MIND-SSC", "MIND-SSC (1 mm)"
LEARNED, LEARNED_FINE = "learned", "learned (1 mm)"


def mind(values: NDArray[np.float32]) -> Tensor:
    """Return MIND-SSC of an array (Z, Y, X), averaged over 2^3 voxels, (1, 12, z, y, x)."""
    return halved(torch.from_numpy(np.moveaxis(descriptors(values), -1, 0).copy())[None])


def mind_fine(values: NDArray[np.float32]) -> Tensor:
    """Return MIND-SSC of an image of 1 mm, averaged over 4^3 voxels, (1, 12, z, y, x)."""
    return halved(mind(values))


def raw(values: NDArray[np.float32]) -> Tensor:
    """Return the intensities between robust percentiles, averaged over 2^3 voxels, (1, 1, z, y, x)."""
    low, high = np.quantile(values, [0.005, 0.995])
    return halved(
        torch.from_numpy(np.clip((values - low) / max(high - low, 1e-6), 0, 1).astype(np.float32))[None, None]
    )


def learned(values: NDArray[np.float32], encode: Encode) -> Tensor:
    """Return local features of an image of 2 mm, which lie at 4 mm, (1, 16, z, y, x)."""
    return encode(values)[None].float()


def learned_fine(values: NDArray[np.float32], encode: Encode) -> Tensor:
    """Return local features of an image of 1 mm, averaged from 2 to 4 mm, (1, 16, z, y, x)."""
    return halved(encode(values)[None].float())


def halved(features: Tensor) -> Tensor:
    """Return the mean over blocks of 2^3 voxels (1, C, D, H, W), at a border over what is there."""
    return F.avg_pool3d(features, STRIDE, ceil_mode=True, count_include_pad=False)


def mixed(one: tuple[Tensor, Tensor], two: tuple[Tensor, Tensor], share: float) -> tuple[Tensor, Tensor]:
    """Return features whose squared difference is ``1 - share`` times that of ``one`` plus ``share`` times that of ``two``.

    Both are scaled: places drawn at random differ by 1 on average.
    """
    first, second = (1 - share) ** 0.5, share**0.5
    fixed, moving = (torch.cat([first * a, second * b], dim=1) for a, b in zip(one, two, strict=True))
    return fixed, moving


class FeatureSets:
    """The features of one warped pair.

    Parameters
    ----------
    warped : Warped
    encode : callable, optional
        Without it, only raw intensities and MIND-SSC are there.
    fine : bool
        Whether to encode images of 1 mm too, which takes 8 times as long.

    Attributes
    ----------
    body, seen : Tensor, shape (z, y, x)
        Share of each voxel that counts in the fixed, and that the moving image shows.
    single : dict
        Name to scaled features (1, C, z, y, x) of the fixed and the moving image.
    """

    def __init__(self, warped: Warped, encode: Encode | None, *, fine: bool = False, with_raw: bool = True) -> None:
        self.body, self.seen = (
            halved(torch.from_numpy(mask.astype(np.float32))[None, None])[0, 0] for mask in (warped.body, warped.seen)
        )
        pairs = {MIND: (mind(warped.fixed), mind(warped.moving))}
        if with_raw:
            pairs[RAW] = (raw(warped.fixed), raw(warped.moving))
        if fine:
            pairs[MIND_FINE] = (mind_fine(warped.fixed_fine), mind_fine(warped.moving_fine))
        if encode is not None:
            pairs[LEARNED] = (learned(warped.fixed, encode), learned(warped.moving, encode))
            if fine:
                pairs[LEARNED_FINE] = (
                    learned_fine(warped.fixed_fine, encode),
                    learned_fine(warped.moving_fine, encode),
                )
        self.single = {name: scaled(*pair, self.body, self.seen) for name, pair in pairs.items()}

    def all(self, shares: tuple[float, ...]) -> Iterator[tuple[str, tuple[Tensor, Tensor]]]:
        """Return names and features: each alone, then MIND-SSC with shares of the learned, both of the finest images."""
        yield from self.single.items()
        mine, name = (MIND_FINE, LEARNED_FINE) if LEARNED_FINE in self.single else (MIND, LEARNED)
        if name in self.single:
            for share in shares:
                yield f"MIND-SSC + {share:g} {name}", mixed(self.single[mine], self.single[name], share)
