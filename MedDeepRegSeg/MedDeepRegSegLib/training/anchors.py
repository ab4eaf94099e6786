"""Points of the second view whose place in the first is known, where both views show tissue."""

from dataclasses import dataclass

import torch
from torch import Tensor

from MedDeepRegSegLib.synthesis.pairs import Pair
from MedDeepRegSegLib.synthesis.randomness import Randomness

_TRIES = 6
_OUTSIDE = 0.04  # fraction of points that may lie outside of the body
_EDGE_BONUS = 0.4
_FEWEST = 32


@dataclass(frozen=True)
class Anchors:
    """Points of one pair.

    Attributes
    ----------
    second : Tensor, shape (3, N)
        Voxels of the second view, whole numbers as float32.
    first : Tensor, shape (3, N)
        The same anatomy in voxels of the first view.
    labels : Tensor, shape (N,), int64
        Label in the second view.
    """

    second: Tensor
    first: Tensor
    labels: Tensor


def draw_anchors(pair: Pair, random: Randomness, count: int) -> Anchors | None:
    """Return up to ``count`` points, more of them at edges; None where the views share too little."""
    sides = torch.tensor(pair.second.shape, device=pair.second.device)
    voxels = (random.rand(3, _TRIES * count) * sides[:, None]).long()
    flat = (voxels[0] * sides[1] + voxels[1]) * sides[2] + voxels[2]
    first = pair.place.reshape(3, -1)[:, flat]
    index = first.round().long()
    last = torch.tensor(pair.first.shape, device=sides.device)[:, None] - 1
    inside = ((first >= 0) & (first <= last)).all(dim=0)
    index = index.clamp_min(0).minimum(last)
    labels = pair.second_labels.reshape(-1)[flat].long()
    seen = inside & pair.second_valid.reshape(-1)[flat] & pair.first_valid[index[0], index[1], index[2]]
    seen &= (labels > 0) | (random.rand(labels.numel()) < _OUTSIDE)
    score = random.rand(labels.numel()) + _EDGE_BONUS * _at_edge(pair.second_labels, voxels, labels)
    order = torch.where(seen, score, -1.0).topk(count).indices
    order = order[seen[order]]
    if order.numel() < _FEWEST:
        return None
    return Anchors(voxels[:, order].float(), first[:, order], labels[order])


def _at_edge(label_map: Tensor, voxels: Tensor, labels: Tensor) -> Tensor:
    """Return 1.0 where a voxel has another label within two voxels along an axis."""
    edge = torch.zeros_like(labels, dtype=torch.bool)
    for axis in range(3):
        for step in (-2, 2):
            moved = voxels.clone()
            moved[axis] = (moved[axis] + step).clamp(0, label_map.shape[axis] - 1)
            edge |= label_map[moved[0], moved[1], moved[2]] != labels
    return edge.float()
