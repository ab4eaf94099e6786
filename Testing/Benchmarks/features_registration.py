"""Part a: what deformable registration recovers with each kind of features, by one optimizer with one setting."""

import time
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import torch
from features_pairs import SPACING_MM, STRIDE, Encode, Pair, Warped, warp
from features_sets import MIND, MIND_FINE, FeatureSets
from torch import Tensor

from MedDeepRegSegLib.registration.coupled_convex import MatchSettings, match
from MedDeepRegSegLib.registration.feature_grids import sample, voxels
from MedDeepRegSegLib.registration.fields import smallest_determinant

SHARES = (0.3, 0.6)
_HELD_OUT_SEED = 100


def evaluate_registration(
    encode: Encode | None,
    pairs: Iterable[Pair],
    seeds: Iterable[int] = (1, 2),
    weights: Iterable[float] = SHARES,
    *,
    fine: bool = False,
    with_raw: bool = True,
    unwarped: bool = False,
    settings: MatchSettings | None = None,
) -> list[dict]:
    """Register every pair under known deformations with every kind of features.

    Parameters
    ----------
    encode : callable, optional
        Local features (16, ceil(Z / 2), ...) of an array (Z, Y, X) of any units; None for the controls alone.
    pairs : iterable of Pair
    seeds : iterable of int
        One deformation each, 9 mm on average in the body.
    weights : iterable of float
        Shares, 0 to 1, of the learned features beside MIND-SSC (both scaled to one spread).
    fine : bool
        Whether to encode images of 1 mm beside those of 2 mm.
    with_raw : bool
        Whether to run raw intensities too.
    unwarped : bool
        Whether to register the undeformed pair too. The averages of a template pair do not share every fold, so what
        is best there is some millimeters from the identity: "consistency_mm" is the distance from that instead.
    settings : MatchSettings, optional

    Returns
    -------
    list of dict
        pair, role, features, before / mean / median / p95 error in mm in the body, ratio of the mean to that of
        MIND-SSC alone (of its better grid), smallest Jacobian determinant, CPU seconds; means over the seeds.
    """
    shares, drawn = tuple(weights), tuple(seeds)
    rows = []
    for pair in pairs:
        found: dict[str, list[dict[str, float]]] = {}
        still = _undeformed(pair, encode, shares, fine=fine, with_raw=with_raw, settings=settings) if unwarped else {}
        # Held-out pairs share images with the others: at least their deformations are their own.
        for seed in drawn if pair.role == "development" else [_HELD_OUT_SEED + seed for seed in drawn]:
            warped = warp(pair, seed)
            sets = FeatureSets(warped, encode, fine=fine, with_raw=with_raw)
            for name, features in sets.all(shares):
                found.setdefault(name, []).append(_measure(warped, sets, features, settings, still.get(name)))
        # By the better of both, so that a finer grid alone is no gain.
        alone = min(
            float(np.mean([one["mean_mm"] for one in found[kind]])) for kind in (MIND, MIND_FINE) if kind in found
        )
        for name, runs in found.items():
            row: dict = {"pair": pair.name, "role": pair.role, "features": name, "seeds": len(runs)}
            row |= {key: float(np.mean([run[key] for run in runs])) for key in runs[0]}
            rows.append(row | {"ratio_to_mind": row["mean_mm"] / alone})
    return rows


def _undeformed(
    pair: Pair,
    encode: Encode | None,
    shares: tuple[float, ...],
    *,
    fine: bool,
    with_raw: bool,
    settings: MatchSettings | None,
) -> dict[str, Tensor]:
    """Return what every kind of features finds between the undeformed images."""
    sets = FeatureSets(warp(pair, None), encode, fine=fine, with_raw=with_raw)
    return {
        name: match(*features, settings, fixed_mask=sets.body, moving_mask=sets.seen)
        for name, features in sets.all(shares)
    }


def _measure(
    warped: Warped,
    sets: FeatureSets,
    features: tuple[Tensor, Tensor],
    settings: MatchSettings | None,
    still: Tensor | None,
) -> dict[str, float]:
    """Match and return what is reported."""
    start = time.process_time()
    field = match(*features, settings, fixed_mask=sets.body, moving_mask=sets.seen)
    seconds = time.process_time() - start
    before = errors(warped, torch.zeros_like(field))
    after = errors(warped, field)
    result = {
        "before_mm": float(before.mean()),
        "mean_mm": float(after.mean()),
        "median_mm": float(after.median()),
        "p95_mm": float(after.quantile(0.95)),
        "smallest_determinant": smallest_determinant(field.flip(0).numpy(), 1.0),
        "cpu_s": seconds,
    }
    if still is not None:
        unmoved = errors(replace(warped, truth=0 * warped.truth), still)
        result |= {"undeformed_mm": float(unmoved.mean())}
        result |= {"consistency_mm": float(errors(warped, field, still).mean())}
    return result


def errors(warped: Warped, field: Tensor, still: Tensor | None = None) -> Tensor:
    """Return the distances (N,), mm, of body voxels from where they belong, for a field on the features' grid.

    They belong to themselves, or to where ``still`` takes them in the undeformed moving image.
    """
    home = voxels(warped.fixed.shape)
    places = home + _raised(field, home)
    back = places + sample(torch.from_numpy(warped.truth)[None], places)
    goal = home if still is None else home + _raised(still, home)
    body = torch.from_numpy(warped.body)
    return (back - goal).square().sum(1).sqrt()[0][body] * SPACING_MM


def _raised(field: Tensor, home: Tensor) -> Tensor:
    """Return a field at the voxels of the images: voxel k of the features lies at voxel 2 k + .5 of the images."""
    return sample(field[None] * STRIDE, (home - (STRIDE - 1) / 2) / STRIDE)


def summary(rows: list[dict]) -> list[dict]:
    """Return one row for each kind of features and role: the mean error and the mean ratio over pairs."""
    result = []
    for role in dict.fromkeys(row["role"] for row in rows):
        own = [row for row in rows if row["role"] == role]
        for name in dict.fromkeys(row["features"] for row in own):
            same = [row for row in own if row["features"] == name]
            mean = {
                key: float(np.mean([row[key] for row in same])) for key in ("before_mm", "mean_mm", "ratio_to_mind")
            }
            result.append({"role": role, "features": name, "pairs": len(same), **mean})
    return result
