"""Part c: from how far a rigid registration with each kind of features finds home, by one descent from one start."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
import torch
import torch.nn.functional as F
from features_pairs import SPACING_MM, Pair
from features_sets import mind
from numpy.typing import NDArray
from torch import Tensor

from MedDeepRegSegLib.registration.feature_grids import sample, scaled
from MedDeepRegSegLib.registration.known import known_rigid
from MedDeepRegSegLib.volumes.geometry import volume_center
from MedDeepRegSegLib.volumes.resampling import isotropic_grid, resample_to

ANGLES, SHIFTS_MM = (10.0, 30.0, 50.0, 70.0, 90.0), (10.0, 20.0, 40.0, 60.0)
RECOVERED_MM = 5.0
_MARGIN, _POINTS, _STEPS = 16, 1500, 60

Both = Callable[[NDArray[np.float32]], tuple[Tensor, Tensor]]
"""Local (16, z, y, x) and context (32, z', y', x') features of an array (Z, Y, X)."""


@dataclass(frozen=True)
class Level:
    """Scaled features of both images; voxel k lies at voxel ``stride`` k + (stride - 1) / 2 of the 2 mm grid."""

    stride: int
    fixed: Tensor
    moving: Tensor


def evaluate_capture(
    both: Both, pairs: Iterable[Pair], starts: Iterable[tuple[float, float]] | None = None, *, directions: int = 2
) -> list[dict]:
    """Run every start of every pair with every kind of features.

    Parameters
    ----------
    both : callable
    pairs : iterable of Pair
    starts : iterable of (degrees, mm), optional
        By default :data:`ANGLES` without a shift, and :data:`SHIFTS_MM` without a rotation.
    directions : int
        Random axes and directions of each.

    Returns
    -------
    list of dict
        pair, features, rotation, shift, fraction recovered (mean error in the body below 5 mm), mean error in mm.
    """
    chosen = tuple(starts or [(angle, 0.0) for angle in ANGLES] + [(0.0, shift) for shift in SHIFTS_MM])
    rows = []
    for pair in pairs:
        # A wider grid, so that the moved head stays in view.
        grid = sitk.ConstantPad(isotropic_grid(pair.fixed, SPACING_MM), [_MARGIN] * 3, [_MARGIN] * 3)
        fixed = sitk.GetArrayFromImage(resample_to(pair.fixed, grid))
        body = sitk.GetArrayFromImage(resample_to(pair.body, grid, interpolation="nearest", outside=0)) > 0
        base = _features(fixed, both)
        for degrees, shift in chosen:
            errors: dict[str, list[float]] = {}
            for seed in range(directions):
                known = known_rigid(volume_center(pair.fixed), seed=seed, rotation_degrees=degrees, shift_mm=shift)
                moved = sitk.GetArrayFromImage(resample_to(pair.moving, grid, known))
                other = _features(moved, both)
                for name, levels in base.items():
                    pyramid = [
                        _level(stride, a, b, body) for (stride, a), (_, b) in zip(levels, other[name], strict=True)
                    ]
                    errors.setdefault(name, []).append(_error(grid, body, known, descend(pyramid, body)))
            for name, found in errors.items():
                rows.append(
                    {
                        "pair": pair.name,
                        "role": pair.role,
                        "features": name,
                        "degrees": degrees,
                        "shift_mm": shift,
                        "recovered": float(np.mean([error < RECOVERED_MM for error in found])),
                        "mean_mm": float(np.mean(found)),
                    }
                )
    return rows


def _features(values: NDArray[np.float32], both: Both) -> dict[str, list[tuple[int, Tensor]]]:
    """Return, for every kind, strides and features from coarse to fine."""
    local, context = both(values)
    own, patches = local[None].float(), mind(values)
    return {
        "MIND-SSC": [(8, F.avg_pool3d(patches, 4)), (4, F.avg_pool3d(patches, 2))],
        "local": [(8, F.avg_pool3d(own, 4)), (4, F.avg_pool3d(own, 2))],
        "context": [(8, context[None].float())],
        "context, then local": [(8, context[None].float()), (4, F.avg_pool3d(own, 2))],
    }


def _level(stride: int, fixed: Tensor, moving: Tensor, body: NDArray[np.bool_]) -> Level:
    everywhere = torch.ones(moving.shape[2:])
    inside = F.adaptive_avg_pool3d(torch.from_numpy(body.astype(np.float32))[None], fixed.shape[2:])[0]
    return Level(stride, *scaled(fixed, moving, inside, everywhere))


def descend(levels: list[Level], body: NDArray[np.bool_]) -> Tensor:
    """Return the rigid map (3, 4) of voxels z, y, x of the 2 mm grid, fixed to moving, found from the identity."""
    inside = torch.from_numpy(np.argwhere(body)).float()
    points = inside[torch.randperm(len(inside), generator=torch.Generator().manual_seed(0))[:_POINTS]]
    center = inside.mean(0)
    reach = float((inside - center).norm(dim=1).mean())
    turn = torch.zeros(3, requires_grad=True)  # times reach: rotation and shift are both in voxels
    shift = torch.zeros(3, requires_grad=True)
    for level in levels:
        middle = (level.stride - 1) / 2
        target = _read(level.fixed, (points - middle) / level.stride)
        optimizer = torch.optim.Adam([turn, shift], lr=level.stride / 4)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, _STEPS, level.stride / 40)
        for _ in range(_STEPS):
            optimizer.zero_grad()
            places = (points - center) @ _rotation(turn / reach).T + center + shift
            difference = _read(level.moving, (places - middle) / level.stride) - target
            difference.square().sum(0).mean().backward()
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        matrix = _rotation(turn / reach)
        return torch.cat([matrix, (center + shift - matrix @ center)[:, None]], dim=1)


def _read(features: Tensor, places: Tensor) -> Tensor:
    return sample(features, places.T[None, :, None, None])[0, :, 0, 0]


def _rotation(vector: Tensor) -> Tensor:
    zero = vector.new_zeros(())
    z, y, x = vector
    return torch.matrix_exp(torch.stack([zero, -x, y, x, zero, -z, -y, z, zero]).view(3, 3))


def _error(grid: sitk.Image, body: NDArray[np.bool_], known: sitk.Transform, found: Tensor) -> float:
    """Return the mean distance, mm, of body voxels from where they belong."""
    index = np.argwhere(body)[:: max(1, int(body.sum()) // 2000)]
    places = index @ found[:, :3].numpy().T + found[:, 3].numpy()
    world = [grid.TransformContinuousIndexToPhysicalPoint([float(v) for v in place[::-1]]) for place in places]
    home = [grid.TransformIndexToPhysicalPoint([int(v) for v in place[::-1]]) for place in index]
    back = np.array([known.TransformPoint(point) for point in world])
    return float(np.linalg.norm(back - np.array(home), axis=1).mean())
