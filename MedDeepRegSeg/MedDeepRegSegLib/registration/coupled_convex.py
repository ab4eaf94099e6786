"""Deformable matching of any dense features: a discrete coupled convex search, then gradient descent.

Domain and codomain: features on one grid of both images, (1, C, D, H, W); displacements (3, D, H, W) in voxels of that
grid along z, y, x, which map a voxel of the fixed grid to its place in the moving grid. Position p is the center of
voxel p, whatever the size of the grid.

Sources: M. Heinrich et al., "Non-parametric discrete registration with convex optimisation", WBIR 2014; H. Siebert et
al., "Fast 3D registration with accurate optimisation and little learning for Learn2Reg 2021", 2021.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of
from MedDeepRegSegLib.registration.feature_grids import consistent, pooled, sample, smoothed, voxels

_LEAST_WEIGHT = 1e-3  # of voxels that do not count, so that their displacement follows that of their neighbors


@dataclass(frozen=True)
class MatchSettings:
    """How features are matched. Tuned for MIND-SSC alone, features scaled by :func:`.dense.scaled`, on a 4 mm grid.

    Attributes
    ----------
    spacing : int
        Voxels of the feature grid between the points of the discrete search.
    radius : int
        Reach of the search, in steps of ``spacing``.
    couplings : tuple of float
        Weights of the squared distance (in units of the reach) from the smooth field, from loose to stiff.
    consistency : int
        Iterations that make both directions inverse to each other; 0 searches in one direction only.
    iterations : int
        Steps of the descent; 0 leaves it out.
    rate : float
        Step size of the descent, voxels.
    smoothness : float
        Weight of the squared slopes of the field against the difference of the features.
    passes : int
        How often the descent averages the field over 3^3 voxels.
    """

    spacing: int = 3
    radius: int = 3
    couplings: tuple[float, ...] = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
    consistency: int = 15
    iterations: int = 40
    rate: float = 0.5
    smoothness: float = 1.0
    passes: int = 3

    def __post_init__(self) -> None:
        if min(self.spacing, self.radius) < 1 or min(self.consistency, self.iterations) < 0 or not self.couplings:
            msg = (
                f"spacing {self.spacing}, radius {self.radius}, {len(self.couplings)} couplings, consistency "
                f"{self.consistency} and iterations {self.iterations}: expected at least 1, 1, 1, 0 and 0"
            )
            raise InputError(msg)


def match(
    fixed: Tensor,
    moving: Tensor,
    settings: MatchSettings | None = None,
    *,
    fixed_mask: Tensor | None = None,
    moving_mask: Tensor | None = None,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> Tensor:
    """Return the displacement (3, D, H, W), in voxels, from the fixed to the moving image.

    Parameters
    ----------
    fixed, moving : Tensor, shape (1, C, D, H, W)
        Features of the two images on one grid; their squared difference tells how unlike two places are.
    settings : MatchSettings, optional
    fixed_mask : Tensor, shape (D, H, W), optional
        Weight, 0 to 1, of the voxels whose match counts; by default all do.
    moving_mask : Tensor, shape (D, H, W), optional
        1 where the moving image shows something. Places outside, and beyond the grid, are no match.
    progress, cancel : optional
        As everywhere.

    Raises
    ------
    InputError
        When shapes differ, or the grid has fewer than 2 points of the search along an axis.
    """
    chosen = settings or MatchSettings()
    _check(fixed, moving, fixed_mask, moving_mask, chosen)
    own = _mask(fixed_mask, fixed)
    other = _mask(moving_mask, moving)
    with torch.no_grad():
        field = search(
            fixed,
            moving,
            spacing=chosen.spacing,
            radius=chosen.radius,
            couplings=chosen.couplings,
            consistency=chosen.consistency,
            fixed_mask=own,
            moving_mask=other,
            cancel=cancel,
        )
    progress(0.3, "Searched coarsely")
    if chosen.iterations:
        field = refine(
            fixed,
            moving,
            field,
            iterations=chosen.iterations,
            rate=chosen.rate,
            smoothness=chosen.smoothness,
            passes=chosen.passes,
            fixed_mask=own,
            moving_mask=other,
            progress=part_of(progress, 0.3, 1.0),
            cancel=cancel,
        )
    progress(1.0, "Matched")
    return field[0]


def search(
    fixed: Tensor,
    moving: Tensor,
    *,
    spacing: int,
    radius: int,
    couplings: tuple[float, ...],
    consistency: int,
    fixed_mask: Tensor,
    moving_mask: Tensor,
    cancel: CancelToken | None = None,
) -> Tensor:
    """Return the displacement (1, 3, D, H, W) of the discrete search; see :class:`MatchSettings` and :func:`match`.

    The masks have shape (1, 1, D, H, W).
    """
    one, one_weight = pooled(fixed, fixed_mask, spacing)
    two, two_weight = pooled(moving, moving_mask, spacing)
    cost = _cost((one, one_weight), (two, two_weight), radius, cancel)
    field = _coupled(cost, one_weight, radius, couplings, cancel)
    if consistency:
        # Seen from the moving image, only places that count in the fixed image are a match.
        cost = _cost((two, two_weight), (one, one_weight), radius, cancel)
        back = _coupled(cost, two_weight, radius, couplings, cancel)
        field, _ = consistent(field, back, consistency)
    positions = (voxels(fixed.shape[2:], fixed.device) - (spacing - 1) / 2) / spacing
    return sample(field * spacing, positions)


def refine(
    fixed: Tensor,
    moving: Tensor,
    displacement: Tensor,
    *,
    iterations: int,
    rate: float,
    smoothness: float,
    fixed_mask: Tensor,
    moving_mask: Tensor,
    passes: int,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> Tensor:
    """Return the displacement (1, 3, D, H, W) that is smooth and where the features differ least, by Adam.

    Parameters
    ----------
    fixed, moving : Tensor, shape (1, C, D, H, W)
    displacement : Tensor, shape (1, 3, D, H, W)
        Where to start, voxels.
    iterations, rate, smoothness, passes :
        See :class:`MatchSettings`.
    fixed_mask, moving_mask : Tensor, shape (1, 1, D, H, W)
    progress, cancel : optional
    """
    counted = (fixed_mask > 0)[0, 0]
    weight = fixed_mask[0, 0][counted]
    weight = weight / weight.sum().clamp_min(1e-6)
    target = fixed[0][:, counted]
    home = voxels(fixed.shape[2:], fixed.device)[0][:, counted]
    parameter = displacement.detach().clone().requires_grad_(True)
    optimizer = torch.optim.Adam([parameter], lr=rate)
    for step in range(iterations):
        if cancel is not None:
            cancel.raise_if_canceled()
        optimizer.zero_grad()
        field = smoothed(parameter, passes)
        places = (home + field[0][:, counted])[None, :, None, None]
        with torch.no_grad():
            # Not part of the gradient: nothing is pulled out of the moving image to be rid of its difference.
            there = sample(moving_mask, places, outside="zeros")[0, 0, 0, 0]
        difference = (sample(moving, places)[0, :, 0, 0] - target).square().sum(0)
        loss = (difference * weight * there).sum() + smoothness * _slopes(field)
        loss.backward()
        optimizer.step()
        progress((step + 1) / iterations, "Refining the deformation")
    with torch.no_grad():
        return smoothed(parameter, passes).detach()


def _cost(own: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor], radius: int, cancel: CancelToken | None) -> Tensor:
    """Return the smoothed difference for every displacement, (K, d, h, w).

    A displacement to where the moving image shows nothing costs as much as a place's average displacement does: it is
    neither a match nor excluded.
    """
    (fixed, fixed_weight), (moving, moving_weight) = own, other
    depth, height, width = fixed.shape[2:]
    reach = range(2 * radius + 1)
    around = F.pad(moving[0], (radius,) * 6)
    seen = F.pad((moving_weight[0, 0] > 0.5).float(), (radius,) * 6)
    cost = fixed.new_empty(len(reach) ** 3, depth, height, width)
    total, count = fixed.new_zeros(depth, height, width), fixed.new_zeros(depth, height, width)
    shown = torch.empty_like(cost, dtype=torch.bool)
    index = 0
    for z in reach:
        if cancel is not None:
            cancel.raise_if_canceled()
        for y in reach:
            for x in reach:
                part = (..., slice(z, z + depth), slice(y, y + height), slice(x, x + width))
                difference = (fixed[0] - around[part]).square().sum(0)
                valid = seen[part]
                cost[index], shown[index] = difference, valid > 0
                total += difference * valid
                count += valid
                index += 1
    usual = total / count.clamp_min(1)
    cost = torch.where(shown, cost, usual).mul_(fixed_weight[0, 0])
    return smoothed(cost[None], 2)[0]


def _coupled(
    cost: Tensor, weight: Tensor, radius: int, couplings: tuple[float, ...], cancel: CancelToken | None
) -> Tensor:
    """Return the smooth field (1, 3, d, h, w), in steps, that the cheapest displacements agree on."""
    shape = cost.shape[1:]
    steps = (voxels((2 * radius + 1,) * 3, cost.device) - radius).reshape(3, -1)
    length = steps.square().sum(0)[:, None]
    flat = cost.reshape(cost.shape[0], -1)
    confidence = smoothed(weight, 2) + _LEAST_WEIGHT
    normal = smoothed(confidence, 1)

    def agreed(penalized: Tensor) -> Tensor:
        best = steps[:, penalized.argmin(0)].view(1, 3, *shape)
        return smoothed(best * confidence, 1) / normal

    # Where nothing counts, all displacements cost nothing: prefer the shortest.
    field = agreed(flat + 0.01 * couplings[0] / radius**2 * length)
    for coupling in couplings:
        if cancel is not None:
            cancel.raise_if_canceled()
        # |step - field|^2 but for what is the same for all steps.
        distance = torch.addmm(length, steps.T, field.reshape(3, -1), alpha=-2.0)
        field = agreed(flat + coupling / radius**2 * distance)
    return field


def _slopes(field: Tensor) -> Tensor:
    """Return the mean squared difference of neighbors, summed over the axes."""
    return sum((field.diff(dim=axis).square().sum(1).mean() for axis in (2, 3, 4)), field.new_zeros(()))


def _mask(mask: Tensor | None, features: Tensor) -> Tensor:
    """Return a mask as (1, 1, D, H, W) float32, ones where there is none."""
    if mask is None:
        return torch.ones_like(features[:, :1])
    return mask.to(features.device, torch.float32)[None, None]


def _check(
    fixed: Tensor, moving: Tensor, fixed_mask: Tensor | None, moving_mask: Tensor | None, settings: MatchSettings
) -> None:
    """Raise when features and masks do not fit together."""
    if fixed.ndim != 5 or fixed.shape != moving.shape or fixed.shape[0] != 1:
        msg = (
            f"features have shapes {tuple(fixed.shape)} and {tuple(moving.shape)}, expected one shape (1, C, D, H, W): "
            "resample both images to one grid before their features are computed"
        )
        raise InputError(msg)
    for name, mask in (("fixed", fixed_mask), ("moving", moving_mask)):
        if mask is not None and mask.shape != fixed.shape[2:]:
            msg = f"{name} mask has shape {tuple(mask.shape)}, expected {tuple(fixed.shape[2:])}: put it on the features' grid"
            raise InputError(msg)
    if min(fixed.shape[2:]) < 2 * settings.spacing:
        msg = (
            f"features have {tuple(fixed.shape[2:])} voxels, expected at least {2 * settings.spacing} along each axis: "
            "use a finer grid or a smaller spacing of the search"
        )
        raise InputError(msg)
