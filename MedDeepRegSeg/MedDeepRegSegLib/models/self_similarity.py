"""Local self-similarity as the first layer of the encoder: how unlike the neighbors of a place are, whatever their contrast.

The twelve descriptors of MIND-SSC (M. Heinrich et al., "Towards realtime multimodal fusion for image-guided interventions
using self-similarities", MICCAI 2013) look alike in CT and MR by construction. A network that is given them need not
learn that from examples, and can spend its capacity on what they lack: context, and a way through noise. They are taken
at every second voxel, where the encoder's local features lie.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

CHANNELS = 12

_REACH = 2  # voxels
_LEAST = 1e-4  # of the mean squared difference, for volumes from -1 to 1: below it, places count as alike
_CENTER = 0.6  # about the mean, so that the next layer starts from values around 0

NEIGHBORS = tuple(
    tuple(sign * _REACH if axis == own else 0 for axis in range(3)) for own in range(3) for sign in (-1, 1)
)
"""Offsets of the six neighbors of a place, voxels."""
PAIRS = tuple((i, j) for i in range(6) for j in range(i + 1, 6) if i // 2 != j // 2)
"""The twelve pairs of neighbors that lie along different axes."""


def self_similarity(volume: Tensor) -> Tensor:
    """Return the descriptors at half the resolution; descriptor k lies at voxel 2 k + 0.5.

    Parameters
    ----------
    volume : Tensor, shape (B, 1, D, H, W)
        From -1 to 1; even sides of at least 4.

    Returns
    -------
    Tensor, shape (B, 12, D / 2, H / 2, W / 2)
        From -0.6 to 0.4; the largest where two neighbors are most alike.
    """
    depth, height, width = volume.shape[2:]
    padded = F.pad(volume, (_REACH,) * 6, mode="replicate")
    six = [
        padded[:, :, _REACH + z : _REACH + z + depth, _REACH + y : _REACH + y + height, _REACH + x : _REACH + x + width]
        for z, y, x in NEIGHBORS
    ]
    # A flat mean over 4^3 voxels: it approximates the mean of the patches (3^3) around the 2^3 voxels of a place, in which
    # voxels near the middle, where the patches overlap, would count more.
    unlike = torch.cat(
        [F.avg_pool3d(F.pad((six[i] - six[j]) ** 2, (1,) * 6, mode="replicate"), 4, stride=2) for i, j in PAIRS], dim=1
    )
    unlike = unlike - unlike.amin(dim=1, keepdim=True)
    usual = unlike.mean(dim=1, keepdim=True).clamp_min(_LEAST)
    return torch.exp(-unlike / usual) - _CENTER
