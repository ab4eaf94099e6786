"""Starts of a linear registration from the encoder: features of both images are matched wherever they lie.

The moving image is resampled through what was found and encoded and matched again, since features know directions.
Bodies are brought together by their centers first, so that images may lie anywhere in the world.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.features.windows import encode_array
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress
from MedDeepRegSegLib.models.networks import load_encoder
from MedDeepRegSegLib.registration.canonical import CanonicalImage, Grid, grid_around
from MedDeepRegSegLib.registration.correspondences import mutual_matches, rigid_consensus
from MedDeepRegSegLib.registration.feature_grids import sample
from MedDeepRegSegLib.registration.linear import Linear, distance

Encode = Callable[[NDArray[np.float32]], Tensor]
"""Local features (C, ceil(Z / 2), ceil(Y / 2), ceil(X / 2)) of an array (Z, Y, X) with the voxel size of the grid."""

_ROUNDS = 6
_STILL_MM = 2.0  # a round that moves the body by less is the last
_SPACING_MM, _COARSEST_MM = 2.0, 4.0
_VOXELS = 3_000_000  # of the larger image; a larger one is worked on with larger voxels
_MARGIN_MM, _REACH_MM = 16.0, 80.0
_FIXED_POINTS, _MOVING_POINTS = 2000, 6000
_STRIDE = 4  # voxels of the working grid that one feature stands for
_TISSUE = 0.1  # canonical values below are air


@dataclass(frozen=True)
class EncoderStart:
    """A start and which part (0 to 1) of the matches agrees with it."""

    linear: Linear
    agreement: float


def encoder_starts(
    fixed: CanonicalImage,
    moving: CanonicalImage,
    *,
    scaled: bool,
    seed: int = 0,
    encode: Encode | None = None,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> list[EncoderStart]:
    """Return the maps that matches of features agree on, the best first; none where nothing matches.

    Parameters
    ----------
    fixed, moving : CanonicalImage
    scaled : bool
        Whether one body may be larger than the other: maps are similarities, else rigid.
    seed : int
        Of the choice of places.
    encode : callable, optional
        By default the encoder that ships.
    progress, cancel
        As everywhere.

    Raises
    ------
    MissingPackageError
        When PyTorch is not installed.
    Canceled
    """
    encode = encode or shipped_encoder(cancel)
    spacing = _spacing(fixed, moving)
    level = fixed.at(spacing, margin_mm=_MARGIN_MM)
    counts = level.foreground & (level.valid > 0.5)
    points = _some(np.flatnonzero(counts), _FIXED_POINTS, level.grid, seed)
    target = _read(encode(level.values), level.grid, points)
    body = _selected_points(moving)
    linear = Linear(np.eye(3), moving.center - fixed.center, fixed.center)
    found: list[EncoderStart] = []
    for number in range(_ROUNDS):
        if cancel is not None:
            cancel.raise_if_canceled()
        progress((number + 1) / (_ROUNDS + 1), "Matching features")
        grid = _grid_of_moved(body, linear, fixed, spacing, near=number > 0)
        values, valid = moving.through(linear.matrix, linear.offset, grid)
        tissue = (values > _TISSUE) & (valid > 0.5)
        candidates = _some(np.flatnonzero(tissue), _MOVING_POINTS, grid, seed + 1)
        if len(candidates) < 2 or len(points) < 2:
            break
        matches = mutual_matches(
            target,
            _read(encode(values), grid, candidates),
            torch.from_numpy(points).float(),
            torch.from_numpy(candidates).float(),
            tolerance=1.5 * _STRIDE * spacing,
        )
        try:
            step = rigid_consensus(matches, tolerance=_STRIDE * spacing, seed=seed, scaled=scaled)
        except InputError:  # hardly anything matches
            break
        before = linear
        linear = _after(linear, step.scale * step.rotation.double().numpy(), step.shift.double().numpy())
        found.append(EncoderStart(linear, step.agreement))
        if distance(before, linear, fixed.radius) < _STILL_MM:
            break
    progress(1.0, "Features matched")
    return found[-1:]


def shipped_encoder(cancel: CancelToken | None = None) -> Encode:
    """Return the encoder that ships as a function of an array."""
    encoder = load_encoder()
    backend = "torch-bf16" if _fast_bfloat16() else "torch"

    def encode(values: NDArray[np.float32]) -> Tensor:
        local, _ = encode_array(values, encoder, backend=backend, cancel=cancel)
        return torch.from_numpy(local.astype(np.float32, copy=False))

    return encode


def _fast_bfloat16() -> bool:
    """Return whether this processor multiplies bfloat16 faster than float32."""
    checks = [getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")]
    return any(bool(check()) for check in checks if check is not None)


def _spacing(fixed: CanonicalImage, moving: CanonicalImage) -> float:
    """Return the voxel size at which neither image is too large."""
    volume = max(float(np.prod(image.high - image.low + 2 * _MARGIN_MM)) for image in (fixed, moving))
    return float(np.clip(np.cbrt(volume / _VOXELS), _SPACING_MM, _COARSEST_MM))


def _selected_points(image: CanonicalImage) -> NDArray[np.float64]:
    """Return places (N, 3), LPS mm, spread over what counts in an image."""
    index = np.flatnonzero(image.selected)
    return image.grid.points(index[:: max(1, index.size // 20_000)])


def _grid_of_moved(
    body: NDArray[np.float64], linear: Linear, fixed: CanonicalImage, spacing: float, *, near: bool
) -> Grid:
    """Return the grid that holds the moving body, brought to fixed space, whole; with ``near``, around the fixed body."""
    home = np.linalg.solve(linear.matrix, (body - linear.offset).T).T
    low, high = home.min(axis=0), home.max(axis=0)
    if near:
        low = np.clip(low, fixed.low - _REACH_MM, fixed.high)
        high = np.clip(high, np.maximum(low + 16 * spacing, fixed.low), fixed.high + _REACH_MM)
    return grid_around(low, high, spacing, _MARGIN_MM)


def _some(index: NDArray[np.int64], count: int, grid: Grid, seed: int) -> NDArray[np.float64]:
    """Return at most ``count`` places (N, 3), LPS mm, of voxels drawn at random."""
    if index.size > count:
        index = np.random.default_rng(seed).choice(index, count, replace=False)
    return grid.points(index)


def _read(features: Tensor, grid: Grid, points: NDArray[np.float64]) -> Tensor:
    """Return centered features (C, N) of length 1 at places: only differences between places tell them apart."""
    coarse = F.avg_pool3d(features[None], 2, ceil_mode=True, count_include_pad=False)
    voxel = torch.from_numpy(np.ascontiguousarray(((points - grid.origin) / grid.spacing)[:, ::-1])).float()
    index = ((voxel - (_STRIDE - 1) / 2) / _STRIDE).T[None, :, None, None]
    values = sample(coarse, index)[0, :, 0, 0]
    return F.normalize(values - values.mean(dim=1, keepdim=True), dim=0)


def _after(linear: Linear, matrix: NDArray[np.float64], offset: NDArray[np.float64]) -> Linear:
    """Return ``linear`` after x -> matrix x + offset, about the same center."""
    whole = linear.matrix @ matrix
    away = linear.matrix @ offset + linear.offset
    return Linear(whole, away + whole @ linear.center - linear.center, linear.center)
