"""The last layer learns from the user's corrections while an object is grown.

Each voxel's logit is a sum over the channels of the last features; here every channel gets a factor of its own, fitted so
that the voxels around the clicks come out as the user said, while voxels elsewhere stay as they are unless the clicks
speak against them. Few numbers, a ridge, and Newton's method: a fraction of the time of a click.

Source: backpropagating refinement of few parameters, K. Sofiiuk et al., "f-BRS", CVPR 2020, here in closed form.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor, nn

_CLICK_WEIGHT = 2.0
_KEPT = 400
_RIDGE = 4.0
_STEPS = 6
_REACH = 1
"""Voxels around a click that are taken to be like it."""


def adapted_logits(
    head: "nn.Conv3d",
    features: "Tensor",
    logits: "Tensor",
    places: Sequence[tuple[int, int, int]],
    signs: Sequence[int],
) -> "Tensor":
    """Return logits (D, H, W) of a last layer that has learned from clicks.

    Parameters
    ----------
    head : Conv3d
        From features to the eight voxels of each cell.
    features : Tensor, shape (1, C, d, h, w)
        Of cells of 2 x 2 x 2 voxels, with padding beyond the logits.
    logits : Tensor, shape (D, H, W)
        Before.
    places : sequence of tuple
        Clicked voxels.
    signs : sequence of int
        1 inside, -1 outside.
    """
    import torch

    from MedDeepRegSegLib.models.growing_network import cells_to_voxels

    rows, targets, weights = _examples(head, features, logits, places, signs)
    factors = _fitted(rows, targets, weights)
    with torch.inference_mode():
        scaled = features.float() * torch.from_numpy(1.0 + factors[:-1]).to(features).float().view(1, -1, 1, 1, 1)
        result = cells_to_voxels(head(scaled))[0, 0] + float(factors[-1])
    depth, height, width = logits.shape
    return result[:depth, :height, :width].cpu()


def _examples(
    head: "nn.Conv3d",
    features: "Tensor",
    logits: "Tensor",
    places: Sequence[tuple[int, int, int]],
    signs: Sequence[int],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return what each channel adds to the logit of some voxels (N, C + 1), what they should be, and their weights."""
    import torch
    import torch.nn.functional as F

    shape = np.array(logits.shape)
    voxels: list[NDArray[np.int64]] = []
    targets: list[float] = []
    weights: list[float] = []
    around = np.argwhere(np.ones((2 * _REACH + 1,) * 3)) - _REACH
    for place, sign in zip(places, signs, strict=True):
        near = np.array(place) + around
        near = near[((near >= 0) & (near < shape)).all(axis=1)]
        voxels += list(near)
        targets += [float(sign > 0)] * len(near)
        weights += [_CLICK_WEIGHT / len(near)] * len(near)
    kept = np.random.default_rng(0).integers(0, logits.numel(), _KEPT)
    voxels += list(np.stack(np.unravel_index(kept, tuple(shape)), axis=1))
    targets += torch.sigmoid(logits.reshape(-1)[torch.from_numpy(kept)]).tolist()
    weights += [8.0 / _KEPT] * _KEPT
    at = np.array(voxels)
    cell = torch.from_numpy(at // 2)
    corner = torch.from_numpy((at % 2) @ np.array([4, 2, 1]))
    padded = F.pad(features[0].float().cpu(), (1, 1, 1, 1, 1, 1))
    parts = torch.stack(
        [
            padded[:, cell[:, 0] + z, cell[:, 1] + y, cell[:, 2] + x]
            for z in range(3)
            for y in range(3)
            for x in range(3)
        ],
        dim=-1,
    )  # (C, N, 27)
    kernel = head.weight.detach().float().cpu().reshape(8, -1, 27)[corner]  # (N, C, 27)
    added = (parts.permute(1, 0, 2) * kernel).sum(dim=2)
    constant = head.bias.detach().float().cpu()[corner] if head.bias is not None else torch.zeros(len(at))
    rows = torch.cat([added, constant[:, None]], dim=1).double().numpy()
    return rows, np.array(targets), np.array(weights)


def _fitted(
    rows: NDArray[np.float64], targets: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return changes of the factors (C,) and a constant, by Newton's method on the ridged cross-entropy."""
    parts, constant = rows[:, :-1], rows[:, -1]
    design = np.concatenate([parts, np.ones((len(parts), 1))], axis=1)
    base = parts.sum(axis=1) + constant
    change = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(base + design @ change, -30, 30)))
        gradient = design.T @ (weights * (chance - targets)) + _RIDGE * change
        curvature = (design * (weights * chance * (1 - chance))[:, None]).T @ design + _RIDGE * np.eye(len(change))
        change -= np.linalg.solve(curvature, gradient)
    return change
