"""A rigid map from points whose features are most alike, wherever they lie: a start that does not depend on a start.

Domain: places of the fixed grid, z, y, x in voxels. Codomain: places of the moving grid.

Sources: random sample consensus, M. Fischler and R. Bolles, Communications of the ACM 24 (1981); rigid least squares, W.
Kabsch, Acta Crystallographica A 32 (1976).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from MedDeepRegSegLib.errors import InputError

_FEWEST = 10
_SAMPLES = 1000
_SETTLING = 8  # reweighted least squares after the best sample
_SCALES = (0.7, 1.4)  # of one body to another


@dataclass(frozen=True)
class Matches:
    """Places (N, 3) of both grids whose features are each other's most alike."""

    fixed: Tensor
    moving: Tensor


@dataclass(frozen=True)
class RigidMatch:
    """A map, place -> scale * rotation @ place + shift, and which part (0 to 1) of the matches agrees with it."""

    rotation: Tensor
    shift: Tensor
    agreement: float
    scale: float = 1.0


def mutual_matches(
    fixed: Tensor, moving: Tensor, fixed_places: Tensor, moving_places: Tensor, *, tolerance: float
) -> Matches:
    """Match every fixed place to the moving place of the most alike feature, and keep what is matched back.

    Parameters
    ----------
    fixed, moving : Tensor, shape (C, N) and (C, M)
        Features of length 1.
    fixed_places, moving_places : Tensor, shape (N, 3) and (M, 3)
    tolerance : float
        Voxels from a place to where its match is matched back.
    """
    alike = fixed.T @ moving
    best = alike.argmax(dim=1)
    back = alike.argmax(dim=0)[best]
    keep = (fixed_places[back] - fixed_places).norm(dim=1) <= tolerance
    return Matches(fixed_places[keep], moving_places[best[keep]])


def rigid_consensus(matches: Matches, *, tolerance: float, seed: int = 0, scaled: bool = False) -> RigidMatch:
    """Return the rigid map that most of the matches agree with.

    Parameters
    ----------
    matches : Matches
    tolerance : float
        In the unit of the places; a match that is off by more hardly counts.
    seed : int
        Of the random samples of three matches.
    scaled : bool
        Whether one body may be larger than the other.

    Raises
    ------
    InputError
        When there are fewer than 10 matches.
    """
    count = len(matches.fixed)
    if count < _FEWEST:
        msg = (
            f"{count} places of both images match, expected at least {_FEWEST}: give an initial transform or landmarks"
        )
        raise InputError(msg)
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(0, count, (_SAMPLES, 3), generator=generator).to(matches.fixed.device)
    fixed, moving = matches.fixed[drawn], matches.moving[drawn]
    rotation, shift = rigid_fit(fixed, moving, torch.ones_like(fixed[..., 0]))
    off = torch.einsum("nij,kj->nki", rotation, matches.fixed) + shift[:, None] - matches.moving
    agreement = torch.exp(-off.square().sum(dim=2) / (2 * tolerance**2)).mean(dim=1)
    best = int(agreement.argmax())
    own, away, scale = rotation[best], shift[best], 1.0
    for _ in range(_SETTLING):
        weight = _agreement(matches, scale * own, away, tolerance) + 1e-9
        if scaled:
            scale = _size_ratio(matches, weight)
        turns, shifts = rigid_fit(scale * matches.fixed[None], matches.moving[None], weight[None])
        own, away = turns[0], shifts[0]
    return RigidMatch(own, away, float(_agreement(matches, scale * own, away, tolerance).mean()), scale)


def rigid_fit(fixed: Tensor, moving: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return rotations (B, 3, 3) and shifts (B, 3) that bring fixed to moving places (B, N, 3), least squares.

    Parameters
    ----------
    fixed, moving : Tensor, shape (B, N, 3)
    weight : Tensor, shape (B, N)
    """
    share = (weight / weight.sum(dim=1, keepdim=True))[..., None]
    middle, other = (share * fixed).sum(dim=1, keepdim=True), (share * moving).sum(dim=1, keepdim=True)
    left, _, right = torch.linalg.svd((share * (moving - other)).transpose(1, 2) @ (fixed - middle))
    mirror = torch.eye(3, dtype=fixed.dtype, device=fixed.device).repeat(len(fixed), 1, 1)
    mirror[:, 2, 2] = torch.det(left @ right)  # a rotation, never a reflection
    rotation = left @ mirror @ right
    return rotation, other[:, 0] - torch.einsum("bij,bj->bi", rotation, middle[:, 0])


def _size_ratio(matches: Matches, weight: Tensor) -> float:
    """Return how much wider the moving places are spread: the ratio whose inverse holds for the reversed matches."""
    share = (weight / weight.sum())[:, None]
    spread = [
        float((share * (places - (share * places).sum(dim=0)).square()).sum())
        for places in (matches.fixed, matches.moving)
    ]
    return float(min(max((spread[1] / max(spread[0], 1e-12)) ** 0.5, _SCALES[0]), _SCALES[1]))


def _agreement(matches: Matches, matrix: Tensor, shift: Tensor, tolerance: float) -> Tensor:
    off = matches.fixed @ matrix.T + shift - matches.moving
    return torch.exp(-off.square().sum(dim=1) / (2 * tolerance**2))
