"""Part f: a rigid start found from nothing, by matching features wherever they lie, with each kind of features.

The moving image is turned by what was found and matched again, since features know directions.
"""

from collections.abc import Callable, Iterable

import numpy as np
import SimpleITK as sitk
import torch
import torch.nn.functional as F
from features_capture import RECOVERED_MM, Both, _error
from features_pairs import SPACING_MM, Pair
from features_sets import halved, mind
from numpy.typing import NDArray
from torch import Tensor

from MedDeepRegSegLib.registration.correspondences import mutual_matches, rigid_consensus
from MedDeepRegSegLib.registration.feature_grids import sample, voxels
from MedDeepRegSegLib.registration.known import known_rigid
from MedDeepRegSegLib.volumes.geometry import volume_center
from MedDeepRegSegLib.volumes.resampling import isotropic_grid, resample_to

ANGLES, SHIFT_MM, ROUNDS = (15.0, 30.0, 45.0, 60.0), 40.0, 6
_MARGIN, _FIXED_POINTS, _MOVING_POINTS = 16, 2500, 9000
_STRIDE = 4  # voxels of the 2 mm grid: features are averaged to 8 mm
_AIR = 0.08  # of the range of intensities: darker places of the moving image are no candidates

Describe = Callable[[NDArray[np.float32]], Tensor]


def evaluate_global(
    both: Both, pairs: Iterable[Pair], angles: Iterable[float] = ANGLES, *, directions: int = 1
) -> list[dict]:
    """Turn the moving image about random axes, shift it by 40 mm, and find the movement with each kind of features.

    Returns
    -------
    list of dict
        pair, features, degrees, part recovered (mean error in the body below 5 mm) and mean error in mm.
    """
    kinds: dict[str, Describe] = {
        "MIND-SSC": lambda values: F.avg_pool3d(mind(values), 2),
        "local": lambda values: halved(both(values)[0][None].float()),
    }
    chosen, rows = tuple(angles), []
    for pair in pairs:
        grid = sitk.ConstantPad(isotropic_grid(pair.fixed, SPACING_MM), [_MARGIN] * 3, [_MARGIN] * 3)
        fixed = sitk.GetArrayFromImage(resample_to(pair.fixed, grid))
        body = sitk.GetArrayFromImage(resample_to(pair.body, grid, interpolation="nearest", outside=0)) > 0
        for degrees in chosen:
            for name, describe in kinds.items():
                found = []
                for seed in range(directions):
                    known = known_rigid(
                        volume_center(pair.fixed), seed=seed, rotation_degrees=degrees, shift_mm=SHIFT_MM
                    )
                    moved = sitk.GetArrayFromImage(resample_to(pair.moving, grid, known))
                    found.append(_error(grid, body, known, find_start(fixed, moved, body, describe)))
                row = {"pair": pair.name, "role": pair.role, "features": name, "degrees": degrees}
                row |= {"recovered": float(np.mean([error < RECOVERED_MM for error in found]))}
                rows.append(row | {"mean_mm": float(np.mean(found))})
    return rows


def find_start(
    fixed: NDArray[np.float32], moving: NDArray[np.float32], body: NDArray[np.bool_], describe: Describe
) -> Tensor:
    """Return the rigid map (3, 4) of voxels z, y, x, fixed to moving."""
    points = _some(torch.from_numpy(np.argwhere(body)).float(), _FIXED_POINTS, 0)
    target = _read(describe(fixed), points)
    image = torch.from_numpy(moving)[None, None]
    home = voxels(fixed.shape)
    rotation, shift = torch.eye(3), torch.zeros(3)
    for _ in range(ROUNDS):
        places = torch.einsum("ij,bjdhw->bidhw", rotation, home) + shift.view(1, 3, 1, 1, 1)
        current = sample(image, places)[0, 0].numpy()
        tissue = current > current.min() + _AIR * (current.max() - current.min())
        candidates = _some(torch.from_numpy(np.argwhere(tissue)).float(), _MOVING_POINTS, 1)
        matches = mutual_matches(
            target, _read(describe(current), candidates), points, candidates, tolerance=1.5 * _STRIDE
        )
        step = rigid_consensus(matches, tolerance=_STRIDE)
        shift = rotation @ step.shift + shift
        rotation = rotation @ step.rotation
    return torch.cat([rotation, shift[:, None]], dim=1)


def _some(places: Tensor, count: int, seed: int) -> Tensor:
    return places[torch.randperm(len(places), generator=torch.Generator().manual_seed(seed))[:count]]


def _read(features: Tensor, places: Tensor) -> Tensor:
    """Return centered features of length 1, (C, N): only differences between places tell them apart."""
    index = ((places - (_STRIDE - 1) / 2) / _STRIDE).T[None, :, None, None]
    values = sample(features, index)[0, :, 0, 0]
    return F.normalize(values - values.mean(dim=1, keepdim=True), dim=0)
