"""Contrastive losses on the features of corresponding points.

A point's feature must be more like that of the same anatomy in the other view than like others: those near it (exact
place), those anywhere else in the body (region and context), and those of other structures (identity). Sources: A. van den
Oord et al., "Representation learning with contrastive predictive coding", 2018; P. Khosla et al., "Supervised
contrastive learning", NeurIPS 2020. Comparing with near places is the search of a discrete registration, made a loss.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.synthesis.smooth import sample

_NEAREST, _FARTHEST = 1.5, 12.0  # voxels


def features_at(features: Tensor, place: Tensor, stride: int) -> Tensor:
    """Return features (C, d, h, w) at voxels (3, ...) of the input, (C, ...), at length 1."""
    return F.normalize(sample(features, (place - (stride - 1) / 2) / stride), dim=0)


def place_loss(
    own: Tensor, features: Tensor, place: Tensor, random: Randomness, *, stride: int, count: int, temperature: float
) -> tuple[Tensor, Tensor]:
    """Tell the right place from wrong ones 1.5 to 12 voxels away.

    Parameters
    ----------
    own : Tensor, shape (C, N)
        Features of the points in one view.
    features : Tensor, shape (C, d, h, w)
        Features of the other view.
    place : Tensor, shape (3, N)
        Where the points lie there, voxels of the input.
    random : Randomness
    stride : int
        Voxels of the input for one feature.
    count : int
        Wrong places for each point.
    temperature : float

    Returns
    -------
    loss, accuracy : Tensor
        Scalars; accuracy is the fraction of points whose right place was preferred.
    """
    points = place.shape[1]
    way = F.normalize(random.normal(3, points, count), dim=0)
    distance = _NEAREST * (_FARTHEST / _NEAREST) ** random.rand(points, count)
    wrong = place[:, :, None] + distance * way
    last = torch.tensor(features.shape[1:], device=place.device)[:, None, None] * stride - 1
    outside = ((wrong < 0) | (wrong > last)).any(dim=0)
    candidates = features_at(features, torch.cat([place[:, :, None], wrong], dim=2), stride)
    logits = torch.einsum("cn,cnk->nk", own, candidates) / temperature
    logits = logits.masked_fill(F.pad(outside, (1, 0), value=False), -1e4)
    target = torch.zeros(points, dtype=torch.long, device=place.device)
    return F.cross_entropy(logits, target), (logits.argmax(dim=1) == 0).float().mean()


def global_loss(
    second: Tensor, first: Tensor, place: Tensor, *, nearest: float, temperature: float
) -> tuple[Tensor, Tensor]:
    """Tell each point from all others of the pair that are at least ``nearest`` voxels away, both ways.

    Parameters
    ----------
    second, first : Tensor, shape (C, N)
        Features of the points in both views, at length 1.
    place : Tensor, shape (3, N)
        The points, voxels.
    nearest : float
        Points nearer than this are no wrong answers.
    temperature : float

    Returns
    -------
    loss, accuracy : Tensor
    """
    logits = second.T @ first / temperature
    # The distance by matrix products is too coarse in reduced precision.
    apart = torch.cdist(place.T, place.T, compute_mode="donot_use_mm_for_euclid_dist")
    own = torch.eye(logits.shape[0], dtype=torch.bool, device=logits.device)
    logits = logits.masked_fill((apart < nearest) & ~own, -1e4)
    target = torch.arange(logits.shape[0], device=logits.device)
    loss = 0.5 * (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target))
    return loss, (logits.argmax(dim=1) == target).float().mean()


def region_loss(second: Tensor, first: Tensor, labels: Tensor, *, temperature: float) -> Tensor:
    """Make the features of one region alike in both views, and unlike those of other regions (scalar)."""
    logits = second.T @ first / temperature
    same = (labels[:, None] == labels[None, :]).float()
    likeness = logits - torch.logsumexp(logits, dim=1, keepdim=True)
    each = -(likeness * same).sum(dim=1) / same.sum(dim=1)
    weight = same.sum(dim=1).rsqrt()  # large regions do not drown small ones
    return (each * weight).sum() / weight.sum()
