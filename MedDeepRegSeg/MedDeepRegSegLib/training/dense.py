"""What the encoder is asked at many voxels of one view: the structure, where boundaries run, and the position in the head.

Contrastive losses alone take long to find that boundaries matter. These answers are known for every voxel of a label map:
the class of the structure; whether the labels of two neighbors of the voxel differ, for the twelve pairs of neighbors that
modality independent descriptors compare (M. Heinrich et al., MICCAI 2013), here on labels instead of intensities, so that
noise and contrast have no part in it; and the position relative to the brain (registration by regression: K. Gopinath et
al., 2024). The heads that answer are not kept.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from MedDeepRegSegLib.models import self_similarity
from MedDeepRegSegLib.models.encoder import CONTEXT_STRIDE, STRIDE, EncoderSettings
from MedDeepRegSegLib.models.self_similarity import NEIGHBORS, PAIRS
from MedDeepRegSegLib.synthesis.randomness import Randomness

_CORNERS = [(z, y, x) for z in range(STRIDE) for y in range(STRIDE) for x in range(STRIDE)]
_BACKGROUND = 0.1  # share of asked voxels that may lie outside of the body


@dataclass(frozen=True)
class View:
    """One view and what is known of it.

    Attributes
    ----------
    labels : Tensor, shape (D, H, W)
    valid : Tensor, shape (D, H, W), bool
    position : Tensor, shape (3, D, H, W), or None
    classes : Tensor, shape (count,), or None
        Class of each label, -1 for none.
    trunk, local, context : Tensor, shape (C, d, h, w)
        Maps of the encoder.
    """

    labels: Tensor
    valid: Tensor
    position: Tensor | None
    classes: Tensor | None
    trunk: Tensor
    local: Tensor
    context: Tensor


class DenseHeads(nn.Module):
    """Answers from the maps of the encoder.

    Parameters
    ----------
    settings : EncoderSettings
    class_count : int
    temperature : float
        Of the classes: differences of cosines of this size count.
    """

    def __init__(self, settings: EncoderSettings, class_count: int, temperature: float) -> None:
        super().__init__()
        self.directions = nn.Parameter(torch.randn(class_count, settings.local_features))
        trunk = settings.channels[0] + self_similarity.CHANNELS
        self.boundary, self.position = nn.Linear(trunk, len(PAIRS)), nn.Linear(trunk, 3)
        self.context_position = nn.Linear(settings.context_features, 3)
        self.temperature = temperature

    def forward(self, view: View, random: Randomness, count: int) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Return the losses of boundaries, classes and position (scalars); None for what is not known."""
        cells, corners = _asked(view, random, count)
        if cells.numel() < 2:
            zero = view.trunk.sum() * 0
            return zero, None, None
        trunk = view.trunk.flatten(1)[:, cells].T.float()
        boundary = F.binary_cross_entropy_with_logits(self.boundary(trunk), _boundaries(view.labels, corners))
        classes = None if view.classes is None else self._classes(view, view.classes, cells, corners)
        position = None if view.position is None else self._position(view, view.position, trunk, corners)
        return boundary, classes, position

    def _classes(self, view: View, classes: Tensor, cells: Tensor, corners: Tensor) -> Tensor | None:
        """Return the cross-entropy with the share of each class in a cell; large classes do not drown small ones."""
        known = classes[_at(view.labels, corners).long()]  # (8, N)
        keep = (known >= 0).all(dim=0)
        if not bool(keep.any()):
            return None
        known = known[:, keep]
        features = view.local.flatten(1)[:, cells[keep]].T
        logits = features @ F.normalize(self.directions, dim=1).T / self.temperature
        each = torch.logsumexp(logits, dim=1) - logits.gather(1, known.T).mean(dim=1)
        weight = torch.bincount(known[0], minlength=len(self.directions)).float().clamp_min(1).rsqrt()[known[0]]
        return (each * weight).sum() / weight.sum()

    def _position(self, view: View, position: Tensor, trunk: Tensor, corners: Tensor) -> Tensor:
        """Return the mean error of the position in the head, of local maps and of context."""
        middle = corners.float().mean(dim=1).round().long()
        inside = _at(view.labels, corners[:, 0]) > 0
        target = position[:, middle[0], middle[1], middle[2]].T
        own = (self.position(trunk) - target).abs().mean(dim=1)
        coarse = F.avg_pool3d(position[None], CONTEXT_STRIDE)[0].flatten(1).T
        body = F.avg_pool3d((view.labels > 0).float()[None, None], CONTEXT_STRIDE).flatten() > 0.5
        around = (self.context_position(view.context.flatten(1).T) - coarse).abs().mean(dim=1)
        return (own * inside).sum() / inside.sum().clamp_min(1) + (around * body).sum() / body.sum().clamp_min(1)


def _asked(view: View, random: Randomness, count: int) -> tuple[Tensor, Tensor]:
    """Return the flat index of random cells of the local map (N,), and their voxels (3, 8, N)."""
    depth, height, width = view.local.shape[1:]
    cells = random.integers(0, depth * height * width - 1, count)
    index = torch.stack([cells // (height * width), cells // width % height, cells % width])
    offsets = torch.tensor(_CORNERS, device=cells.device).T
    corners = STRIDE * index[:, None, :] + offsets[:, :, None]
    keep = _at(view.valid, corners).all(dim=0)
    keep &= (_at(view.labels, corners) > 0).any(dim=0) | (random.rand(count) < _BACKGROUND)
    return cells[keep], corners[:, :, keep]


def _at(volume: Tensor, index: Tensor) -> Tensor:
    """Return the values of a volume at voxels (3, ...)."""
    return volume[index[0], index[1], index[2]]


def _boundaries(labels: Tensor, corners: Tensor) -> Tensor:
    """Return in which part of a cell's voxels each pair of neighbors differs, (N, 12)."""
    last = torch.tensor(labels.shape, device=labels.device).view(3, 1, 1) - 1
    neighbors = []
    for offset in NEIGHBORS:
        moved = corners + torch.tensor(offset, device=labels.device).view(3, 1, 1)
        neighbors.append(_at(labels, moved.clamp_min(0).minimum(last)))
    return torch.stack([(neighbors[i] != neighbors[j]).float().mean(dim=0) for i, j in PAIRS], dim=1)
