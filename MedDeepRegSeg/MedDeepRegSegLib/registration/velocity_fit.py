"""The deformable stage of MedDeep: a discrete search, then a diffeomorphism that fits in both directions.

Domain: fixed space (LPS mm). Codomain: fixed space again; the linear map that follows takes it to the moving space.

Both images are described by local self-similarity (MIND-SSC) on the fixed image's grid. A coupled convex search
(:mod:`~MedDeepRegSegLib.registration.coupled_convex`) in both directions finds what moves far; its antisymmetric part
starts a stationary velocity field on control points, which is descended on descriptors of two resolutions. What is
minimized: the difference of the descriptors, seen from the fixed and from the moving image, at points that are drawn anew
in every iteration; the squared slopes of the velocity; and a barrier against folds. The field exp(v) has the inverse
exp(-v) by construction, and v fades to nothing around the body, so that outside of it the whole is the linear map.

Drawing points makes an iteration cost the same for a hand and for a trunk. Averaging the last iterates takes out what
noise that leaves.

Sources: those of the modules named; B. Avants et al., "Symmetric diffeomorphic image registration with
cross-correlation", Medical Image Analysis 12 (2008), for the difference seen from both images; S. Klein et al., "Adaptive
stochastic gradient descent optimisation for image registration", IJCV 81 (2009), for points drawn anew.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, part_of
from MedDeepRegSegLib.models.self_similarity import self_similarity
from MedDeepRegSegLib.registration.canonical import AIR_VALUE, CanonicalImage, Grid, grid_around
from MedDeepRegSegLib.registration.control_grid import FADE_MM, ControlGrid
from MedDeepRegSegLib.registration.coupled_convex import MatchSettings, search
from MedDeepRegSegLib.registration.deformation import Deformation, Level
from MedDeepRegSegLib.registration.feature_grids import sample, scaled, voxels
from MedDeepRegSegLib.registration.fields import smallest_determinant
from MedDeepRegSegLib.registration.linear import Linear
from MedDeepRegSegLib.registration.settings import RegistrationSettings
from MedDeepRegSegLib.registration.stationary_velocity import determinants, exponential, squared_slopes

_RIM_MM = 8.0
_FINEST_MM = 1.0
_VOXELS = 7e6  # of the working grid; a larger body gets larger voxels

_SEARCH = MatchSettings()
_POINTS = 10_000
_RATES = (0.25, 0.08)  # voxels of the velocity's grid; the fine descriptors only settle what is nearly right
_SMOOTHNESS = (0.32, 0.3)  # of the coarse and of the fine descriptors, against the mean slope in the body
_STIFF_OUTSIDE = 0.1
_CELL = 0.65  # voxel size of the velocity in the descent, against the distance of control points
_BARRIER, _LEAST_DETERMINANT = 20.0, 0.25
_SQUARINGS, _FINAL_SQUARINGS = 4, 7
_WINDOW, _FLAT = 8, 0.01  # the descent ends when the mean cost of a window falls by less than this part of the cost
_SETTLING = 20  # iterations with smaller and smaller steps; their mean is the result
_SMALLEST_DETERMINANT = 0.01
_OUTPUT = 3  # voxels of the working grid between those of the field


class _VelocitySpace:
    """Velocities on control points around a box of the fixed space, on a grid of their own."""

    def __init__(self, low: NDArray[np.float64], high: NDArray[np.float64], control_mm: float, spacing: float) -> None:
        self.grid = grid_around(low, high, spacing, FADE_MM)
        self.control = ControlGrid(self.grid, control_mm, low - FADE_MM, high + FADE_MM)
        self._splines = tuple(torch.from_numpy(weights) for weights in self.control.weights)
        # Slopes count less where the velocity fades, which the body must not feel.
        self._stiff = torch.ones(self.grid.shape)
        for axis, (first, last) in enumerate(zip(low, high, strict=True)):
            place = self.grid.origin[axis] + np.arange(self.grid.size[axis]) * spacing
            outside = torch.from_numpy((place < first) | (place > last))
            self._stiff.movedim(2 - axis, -1)[..., outside] = _STIFF_OUTSIDE

    def velocity(self, coefficients: Tensor) -> Tensor:
        """Return the velocity (1, 3, Z, Y, X) of coefficients (1, 3, z, y, x), both in one unit."""
        z, y, x = self._splines
        slab = torch.matmul(y, torch.matmul(coefficients, x.T))
        return torch.matmul(z, slab.flatten(3)).unflatten(3, slab.shape[3:])

    def unevenness(self, velocity: Tensor) -> Tensor:
        """Return the weighted sum of the squared slopes of a velocity in voxels."""
        return squared_slopes(velocity, self._stiff)


@dataclass(frozen=True)
class _Side:
    """One image at a resolution: features, voxels and weight of what is to be matched, and where it shows something."""

    features: Tensor
    places: Tensor
    weight: Tensor
    shown: Tensor


@dataclass(frozen=True)
class _Resolution:
    """Both sides at one resolution: feature k lies at voxel ``stride`` k + (``stride`` - 1) / 2 of the working grid."""

    fixed: _Side
    moving: _Side
    stride: int


def fit_velocity(
    fixed: CanonicalImage,
    moving: CanonicalImage,
    linear: Linear,
    settings: RegistrationSettings,
    *,
    progress: Progress,
    cancel: CancelToken | None,
) -> Deformation:
    """Bend the fixed space so that ``linear`` after it matches the images; nothing folds."""
    progress(0.0, "Describing both images")
    grid, coarse, fine = _resolutions(fixed, moving, linear)
    if cancel is not None:
        cancel.raise_if_canceled()
    progress(0.15, "Searching for what moves far")
    control_mm = settings.control_spacing_mm[-1]
    box = fixed.low - _RIM_MM, fixed.high + _RIM_MM
    space = _VelocitySpace(*box, control_mm, max(_CELL * control_mm, 4 * grid.spacing))
    start = _searched(coarse, grid, space.grid, cancel)
    descent = _Descent(grid, space, fixed.volume_mm3, settings)
    coefficients = torch.from_numpy(space.control.nearest(start)).float()[None]
    levels = []
    spans = (part_of(progress, 0.3, 0.6), part_of(progress, 0.6, 0.97))
    for number, resolution in enumerate((coarse, fine)):
        coefficients, curve = descent(
            resolution,
            coefficients,
            _SMOOTHNESS[number] * settings.stiffness,
            rate=_RATES[number],
            seed=settings.seed + number,
            progress=spans[number],
            cancel=cancel,
        )
        levels.append(Level(control_mm, resolution.stride * grid.spacing, curve))
    finer = _VelocitySpace(*box, control_mm, _OUTPUT * grid.spacing)
    field, notes = _displaced(finer, finer.velocity(coefficients * space.grid.spacing))
    progress(1.0, "Deformation found")
    return Deformation(finer.grid, field, tuple(levels), notes)


def _resolutions(
    fixed: CanonicalImage, moving: CanonicalImage, linear: Linear
) -> tuple[Grid, _Resolution, _Resolution]:
    """Return the working grid, and both images described at a quarter and at half of its resolution."""
    volume = float(np.prod(fixed.high - fixed.low + 2 * _RIM_MM))
    spacing = max(_FINEST_MM, float(np.cbrt(volume / _VOXELS)))
    own = fixed.at(spacing, margin_mm=_RIM_MM, extended=True)
    values, valid = moving.through(linear.matrix, linear.offset, own.grid, extended=True)
    own_valid, other_valid = (_even(torch.from_numpy(array)) for array in (own.valid, valid))
    body = _even(torch.from_numpy(own.foreground.astype(np.float32))) * own_valid
    tissue = (_even(torch.from_numpy(values)) > AIR_VALUE).float() * other_valid
    first, second = (self_similarity(2 * _even(torch.from_numpy(array)) - 1) for array in (own.values, values))
    places = [torch.nonzero(_not_empty(mask)[0, 0] > 0.5).float() for mask in (body, tissue)]
    found = []
    for stride in (4, 2):
        one, two = (first, second) if stride == 2 else (_halved(first), _halved(second))
        shown = [_reduced(mask, stride) for mask in (own_valid, other_valid)]
        weights = [_not_empty(_reduced(mask, stride)) for mask in (body, tissue)]
        # All channels of a voxel side by side in memory: drawn points are read in a third of the time, to the same bit.
        one, two = (
            array.contiguous(memory_format=torch.channels_last_3d)
            for array in scaled(one, two, weights[0][0, 0], weights[1][0, 0])
        )
        first_side, second_side = (_Side(*parts) for parts in zip((one, two), places, weights, shown, strict=True))
        found.append(_Resolution(first_side, second_side, stride))
    return own.grid, found[0], found[1]


def _searched(resolution: _Resolution, grid: Grid, field_grid: Grid, cancel: CancelToken | None) -> NDArray[np.float32]:
    """Return the antisymmetric part of what is found in both directions (3, Z, Y, X), voxels of the velocity's grid."""
    one, two = resolution.fixed, resolution.moving
    with torch.no_grad():
        forth, back = (_one_way(own, other, cancel) for own, other in ((one, two), (two, one)))
        place = _in_voxels(field_grid, grid, voxels(field_grid.shape))
        velocity = sample((forth - back) / 2, _of_features(place, resolution.stride))
    return (velocity[0] * (resolution.stride * grid.spacing / field_grid.spacing)).numpy()


def _one_way(own: _Side, other: _Side, cancel: CancelToken | None) -> Tensor:
    """Return the displacement (1, 3, D, H, W), in features, from one image to the other."""
    return search(
        own.features,
        other.features,
        spacing=_SEARCH.spacing,
        radius=_SEARCH.radius,
        couplings=_SEARCH.couplings,
        consistency=_SEARCH.consistency,
        fixed_mask=own.weight,
        moving_mask=other.shown,
        cancel=cancel,
    )


class _Descent:
    """Descends a velocity on control points, for one resolution after the other."""

    def __init__(self, grid: Grid, space: _VelocitySpace, volume_mm3: float, settings: RegistrationSettings) -> None:
        self._grid, self._space, self._settings = grid, space, settings
        self._body = max(volume_mm3 / space.grid.spacing**3, 1.0)  # in voxels of the velocity

    def __call__(
        self,
        resolution: _Resolution,
        start: Tensor,
        smoothness: float,
        *,
        rate: float,
        seed: int,
        progress: Progress,
        cancel: CancelToken | None,
    ) -> tuple[Tensor, tuple[float, ...]]:
        """Return the coefficients, and the cost after each iteration."""
        generator = torch.Generator().manual_seed(seed)
        parameter = start.clone().requires_grad_(True)
        optimizer = torch.optim.Adam([parameter], lr=rate, betas=(0.9, 0.99))
        most = max(self._settings.iterations, _SETTLING + 1)
        curve: list[float] = []
        settled = torch.zeros_like(start)
        left: int | None = None
        for number in range(most):
            if cancel is not None:
                cancel.raise_if_canceled()
            if left is None and (number == most - _SETTLING or flat(curve)):
                left = _SETTLING
            if left is not None:
                optimizer.param_groups[0]["lr"] = rate * left / _SETTLING
            optimizer.zero_grad()
            cost = self._cost(resolution, parameter, smoothness, generator)
            cost.backward()
            optimizer.step()
            curve.append(float(cost.detach()))
            if left is not None:
                settled += parameter.detach() / _SETTLING
                left -= 1
            progress(
                (number + 1) / most,
                f"Bending, {resolution.stride * self._grid.spacing:.3g} mm: cost {curve[-1]:.3f}",
            )
            if left == 0:
                break
        return settled, tuple(curve)

    def _cost(
        self, resolution: _Resolution, coefficients: Tensor, smoothness: float, generator: torch.Generator
    ) -> Tensor:
        velocity = self._space.velocity(coefficients)
        sides = ((resolution.fixed, resolution.moving), (resolution.moving, resolution.fixed))
        cost = smoothness * self._space.unevenness(velocity) / self._body
        corner = tuple(torch.randint(2, (3,), generator=generator).tolist())
        for sign, (own, other) in zip((1, -1), sides, strict=True):
            displacement = exponential(sign * velocity, steps=_SQUARINGS)
            cost = cost + self._difference(displacement, own, other, resolution.stride, generator) / 2
            short = (_LEAST_DETERMINANT - determinants(displacement, corner)).clamp_min(0)
            cost = cost + _BARRIER * short.square().sum() / self._body
        return cost

    def _difference(
        self, displacement: Tensor, own: _Side, other: _Side, stride: int, generator: torch.Generator
    ) -> Tensor:
        """Return the mean squared difference of the descriptors at points drawn in one image."""
        if not len(own.places):
            return displacement.new_zeros(())
        drawn = torch.randint(len(own.places), (_POINTS,), generator=generator)
        home = own.places[drawn] + torch.rand((_POINTS, 3), generator=generator) - 0.5
        home = home.T[None, :, None, None]
        moved = sample(displacement, _in_voxels(self._grid, self._space.grid, home))
        place = home + moved * (self._space.grid.spacing / self._grid.spacing)
        with torch.no_grad():
            wanted = sample(own.features, _of_features(home, stride))
            # Not part of the gradient: nothing is pulled out of the other image to be rid of its difference.
            there = sample(other.shown, _of_features(place, stride), outside="zeros")[:, 0]
        found = sample(other.features, _of_features(place, stride))
        return ((found - wanted).square().sum(dim=1) * there).mean()


def flat(curve: list[float]) -> bool:
    """Return whether the mean cost of the last iterations hardly differs from that of those before."""
    if len(curve) < 2 * _WINDOW:
        return False
    before, after = (float(np.mean(part)) for part in (curve[-2 * _WINDOW : -_WINDOW], curve[-_WINDOW:]))
    return before - after < _FLAT * abs(before)


def _displaced(space: _VelocitySpace, velocity: Tensor) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Return the displacement (3, Z, Y, X), mm along l, p, s, of a velocity in mm, and what to say about it."""
    if not bool(torch.isfinite(velocity).all()):
        msg = "the deformation did not stay finite: register with kind affine, and report this"
        raise ArithmeticError(msg)
    share = 1.0
    while True:
        field = exponential(velocity * (share / space.grid.spacing), steps=_FINAL_SQUARINGS)[0].flip(0)
        displacement = (field * space.grid.spacing).numpy()
        if smallest_determinant(displacement, space.grid.spacing) > _SMALLEST_DETERMINANT:
            break
        # The barrier leaves little to do here: a cell between the voxels of the descent.
        share *= 0.9
    notes = () if share == 1 else (f"the deformation was about to fold; {share:.0%} of its velocity was kept",)
    return displacement, notes


def _in_voxels(one: Grid, other: Grid, places: Tensor) -> Tensor:
    """Return places z, y, x (1, 3, ...) in voxels of ``one`` as places in voxels of ``other``."""
    offset = torch.from_numpy(((one.origin - other.origin) / other.spacing)[::-1].copy()).float()
    return places * (one.spacing / other.spacing) + offset.view(1, 3, *[1] * (places.ndim - 2))


def _of_features(places: Tensor, stride: int) -> Tensor:
    """Return places in voxels of the working grid as places in features."""
    return (places - (stride - 1) / 2) / stride


def _even(array: Tensor) -> Tensor:
    """Return an array (Z, Y, X) as (1, 1, Z, Y, X) with sides that are multiples of 4, continued at the ends."""
    missing = [part for size in reversed(array.shape) for part in (0, -size % 4)]
    return torch.nn.functional.pad(array[None, None].float(), missing, mode="replicate")


def _halved(features: Tensor) -> Tensor:
    return torch.nn.functional.avg_pool3d(features, 2)


def _reduced(mask: Tensor, stride: int) -> Tensor:
    return torch.nn.functional.avg_pool3d(mask, stride)


def _not_empty(weight: Tensor) -> Tensor:
    """Return a weight that is above .5 somewhere: what is thinner than a voxel still counts."""
    return weight if bool((weight > 0.5).any()) else weight / weight.max().clamp_min(1e-6)
