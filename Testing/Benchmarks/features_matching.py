"""Part b: how far from the true place the most similar feature of the other image lies (contrast invariance)."""

from collections.abc import Iterable

import numpy as np
import torch
from features_pairs import SPACING_MM, STRIDE, Encode, Pair, Warped, warp
from features_sets import FeatureSets
from torch import Tensor

from MedDeepRegSegLib.registration.feature_grids import sample, voxels

POINTS = 800
NEAR_MM = 20.0


def evaluate_matching(
    encode: Encode | None, pairs: Iterable[Pair], seeds: Iterable[int | None] = (None, 1), *, fine: bool = False
) -> list[dict]:
    """Match points of the body by their nearest neighbor, near by and in the whole image.

    Parameters
    ----------
    encode, pairs, fine
        As in part a.
    seeds : iterable of int or None
        Known deformations; None for the pair as it is.

    Returns
    -------
    list of dict
        Mean and median distance, mm, from the true place. "any place" is what a random match would have.
        "stayed_median_mm" is the distance of the match anywhere from the same place of the grid: under a deformation,
        features that know where they are in the image rather than in the body have a small one.
    """
    rows = []
    for pair in pairs:
        for seed in tuple(seeds):
            warped = warp(pair, seed)
            sets = FeatureSets(warped, encode, fine=fine)
            points, truth, places = _points(sets, warped)
            for name, (fixed, moving) in sets.all((0.3,)):
                best = _nearest(_at(fixed, points), _at(moving, places), points, places)
                rows.append(_row(pair, seed, name, best, (truth, points)))
            generator = torch.Generator().manual_seed(0)
            best = _nearest(
                *(torch.rand(len(where), 8, generator=generator) for where in (points, places)), points, places
            )
            rows.append(_row(pair, seed, "any place", best, (truth, points)))
    return rows


def _points(sets: FeatureSets, warped: Warped) -> tuple[Tensor, Tensor, Tensor]:
    """Return points of the body (N, 3), their true places (N, 3) and all candidates (M, 3), in voxels of the features."""
    home = voxels(warped.fixed.shape)
    # The known deformation leads from the moving image to the fixed one: invert it by fixed-point iteration.
    known = torch.from_numpy(warped.truth)[None]
    forth = torch.zeros_like(home)
    for _ in range(20):
        forth = -sample(known, home + forth)
    inside = torch.nonzero(sets.body > 0.99)
    own = sample(forth, voxels(sets.body.shape) * STRIDE + (STRIDE - 1) / 2) / STRIDE
    goal = inside + own[0][:, inside[:, 0], inside[:, 1], inside[:, 2]].T
    near = goal.round().long()
    kept = ((near >= 0) & (near < torch.tensor(sets.seen.shape))).all(1)
    inside, goal, near = inside[kept], goal[kept], near[kept]
    kept = sets.seen[near[:, 0], near[:, 1], near[:, 2]] > 0.5
    inside, goal = inside[kept], goal[kept]
    chosen = torch.randperm(len(inside), generator=torch.Generator().manual_seed(0))[:POINTS]
    return inside[chosen], goal[chosen], torch.nonzero(sets.seen > 0.5)


def _at(features: Tensor, places: Tensor) -> Tensor:
    return features[0][:, places[:, 0], places[:, 1], places[:, 2]].T.contiguous()


def _nearest(fixed: Tensor, moving: Tensor, points: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """Return the most similar places (N, 3) near each point, and anywhere; a few points at a time to save memory."""
    near, anywhere = [], []
    for some, own in zip(points.split(50), fixed.split(50), strict=True):
        cost = torch.cdist(own, moving)
        anywhere.append(places[cost.argmin(1)])
        far = ((some[:, None] - places[None]).abs() * (SPACING_MM * STRIDE) > NEAR_MM).any(-1)
        near.append(places[cost.masked_fill(far, float("inf")).argmin(1)])
    return torch.cat(near), torch.cat(anywhere)


def _row(pair: Pair, seed: int | None, name: str, best: tuple[Tensor, Tensor], where: tuple[Tensor, Tensor]) -> dict:
    truth, points = where
    result = {"pair": pair.name, "role": pair.role, "warped": seed is not None, "features": name}
    for key, places in zip(("near", "anywhere"), best, strict=True):
        distance = (places - truth).norm(dim=1).numpy() * (SPACING_MM * STRIDE)
        result |= {f"{key}_mean_mm": float(np.mean(distance)), f"{key}_median_mm": float(np.median(distance))}
    stayed = (best[1] - points).float().norm(dim=1).numpy() * (SPACING_MM * STRIDE)
    return result | {"stayed_median_mm": float(np.median(stayed))}
