"""How well a predicted structure agrees with the true one: overlap, distances of surfaces in mm, and volumes.

Where a structure is missing, some of these have no value, and that is said by None, never by 0 or infinity:

====================  ==================  =============================  ===========================
                      both empty          truth empty, prediction not    prediction empty, truth not
====================  ==================  =============================  ===========================
Dice, surface Dice    None                0                              0
distances             None                None                           None
volume error, ml      0                   above 0                        below 0
volume error, %       None                None                           -100
====================  ==================  =============================  ===========================
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy import ndimage
from scipy.spatial import cKDTree

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress
from MedDeepRegSegLib.volumes.geometry import check_label_map, check_same_geometry

TOLERANCE_MM = 2.0
"""How far surfaces may be apart and count as the same; what two readers differ by depends on the structure."""

_PERCENTILE = 95.0


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How well a prediction agrees with the truth; see the head of this module for empty ones.

    Attributes
    ----------
    dice : float or None
        Twice the common volume over the sum of both, 0 to 1.
    hd95_mm : float or None
        95th percentile of the distances from one surface to the other, the larger of both directions, mm.
    mean_distance_mm : float or None
        Mean of the distances of both directions, mm (average symmetric surface distance).
    surface_dice : float or None
        Part of both surfaces that is within the tolerance of the other one, 0 to 1.
    volume_truth_ml, volume_ml : float
        Of the truth and of the prediction.
    """

    dice: float | None
    hd95_mm: float | None
    mean_distance_mm: float | None
    surface_dice: float | None
    volume_truth_ml: float
    volume_ml: float

    @property
    def volume_error_ml(self) -> float:
        """Predicted less true volume."""
        return self.volume_ml - self.volume_truth_ml

    @property
    def volume_error_percent(self) -> float | None:
        """The same in percent of the true volume; None where that is 0."""
        return 100 * self.volume_error_ml / self.volume_truth_ml if self.volume_truth_ml > 0 else None


def dice(truth: np.ndarray, prediction: np.ndarray) -> float | None:
    """Return the Dice coefficient of two masks of one shape, 0 to 1; None where both are empty.

    Examples
    --------
    >>> dice(np.array([1, 1, 0], bool), np.array([0, 1, 1], bool))
    0.5
    """
    sizes = int(np.count_nonzero(truth)) + int(np.count_nonzero(prediction))
    return 2 * int(np.count_nonzero(truth & prediction)) / sizes if sizes else None


def agreement(
    truth: np.ndarray,
    prediction: np.ndarray,
    spacing_mm: Sequence[float],
    *,
    tolerance_mm: float = TOLERANCE_MM,
    cancel: CancelToken | None = None,
) -> Agreement:
    """Return how well two masks agree.

    Distances are those between voxels at the border of one mask and the nearest ones of the other, as in MONAI. The
    surface Dice is that of S. Nikolov et al. (J Med Internet Res 23:e26151, 2021): surfaces are made of elements between
    the voxels, each of which counts by its area. The area is that of the coarea formula, the length of the mean slope of
    the mask over the 8 voxels around an element, which is exact for planes along the axes.

    Parameters
    ----------
    truth, prediction : numpy.ndarray, shape (z, y, x), bool
    spacing_mm : sequence of float
        Of the voxels along z, y, x, mm.
    tolerance_mm : float
        Of the surface Dice; 0 or more.
    cancel
        As everywhere.

    Raises
    ------
    InputError
        If the arrays are no 3-D masks of one shape, or spacing or tolerance cannot be.
    Canceled
        If ``cancel`` was set.
    """
    cancel = CancelToken() if cancel is None else cancel
    _check(truth, prediction, spacing_mm, tolerance_mm)
    step = np.array(spacing_mm, float)
    voxel_ml = float(step.prod()) / 1000
    volumes = [float(np.count_nonzero(mask)) * voxel_ml for mask in (truth, prediction)]
    overlap = dice(truth, prediction)
    if min(volumes) == 0:
        return Agreement(
            dice=overlap,
            hd95_mm=None,
            mean_distance_mm=None,
            surface_dice=overlap,  # 0, or None as well
            volume_truth_ml=volumes[0],
            volume_ml=volumes[1],
        )
    first, second = _cropped(truth, prediction)
    cancel.raise_if_canceled()
    there, back = _both_ways(np.argwhere(_border(first)) * step, np.argwhere(_border(second)) * step)
    cancel.raise_if_canceled()
    near = _surface_dice(first, second, step, tolerance_mm)
    return Agreement(
        dice=overlap,
        hd95_mm=float(max(np.percentile(there, _PERCENTILE), np.percentile(back, _PERCENTILE))),
        mean_distance_mm=float((there.sum() + back.sum()) / (there.size + back.size)),
        surface_dice=near,
        volume_truth_ml=volumes[0],
        volume_ml=volumes[1],
    )


def class_agreements(
    truth: sitk.Image,
    prediction: sitk.Image,
    values: Sequence[int],
    *,
    tolerance_mm: float = TOLERANCE_MM,
    ignored_value: int | None = None,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> tuple[Agreement, ...]:
    """Return how well two label maps agree on each of some values.

    Parameters
    ----------
    truth, prediction : SimpleITK.Image
        Label maps on one grid.
    values : sequence of int
        Those to compare.
    tolerance_mm : float
        Of the surface Dice.
    ignored_value : int, optional
        Where the truth has it, nothing is known, and neither label map counts.
    progress, cancel
        As everywhere.

    Raises
    ------
    InputError
        If the label maps are none, or lie on different grids.
    Canceled
        If ``cancel`` was set.
    """
    check_label_map(truth, "true label map")
    check_label_map(prediction, "predicted label map")
    check_same_geometry(truth, prediction, "true label map", "predicted label map")
    spacing = truth.GetSpacing()[::-1]
    true, predicted = sitk.GetArrayViewFromImage(truth), sitk.GetArrayViewFromImage(prediction)
    known = None if ignored_value is None else true != ignored_value
    results = []
    for number, value in enumerate(values):
        progress(number / max(len(values), 1), "Comparing with the truth")
        own = predicted == value
        own = own if known is None else own & known
        results.append(agreement(true == value, own, spacing, tolerance_mm=tolerance_mm, cancel=cancel))
    return tuple(results)


def _check(truth: np.ndarray, prediction: np.ndarray, spacing_mm: Sequence[float], tolerance_mm: float) -> None:
    if truth.ndim != 3 or truth.shape != prediction.shape or truth.dtype != bool or prediction.dtype != bool:
        msg = (
            f"masks to compare are {truth.dtype} {truth.shape} and {prediction.dtype} {prediction.shape}, expected bool "
            "arrays of one shape (z, y, x): compare two label maps value by value"
        )
        raise InputError(msg)
    if len(spacing_mm) != 3 or not all(np.isfinite(one) and one > 0 for one in spacing_mm):
        msg = f"spacing is {tuple(spacing_mm)} mm, expected three numbers above 0"
        raise InputError(msg)
    if not (np.isfinite(tolerance_mm) and tolerance_mm >= 0):
        msg = f"tolerance is {tolerance_mm:g} mm, expected 0 or more: 2 suits organs, 1 suits small structures"
        raise InputError(msg)


def _cropped(truth: np.ndarray, prediction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both masks as far as one of them is, with a margin of one empty voxel."""
    box = ndimage.find_objects((truth | prediction).astype(np.uint8))[0]
    return np.pad(truth[box], 1), np.pad(prediction[box], 1)


def _border(mask: np.ndarray) -> np.ndarray:
    """Return the voxels of a mask that have a neighbor (of 6) outside."""
    return mask & ~ndimage.binary_erosion(mask)


def _both_ways(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distance of each point (N, 3) to the nearest of the others, for both sets of points."""
    return cKDTree(second).query(first)[0], cKDTree(first).query(second)[0]


def _surface_dice(truth: np.ndarray, prediction: np.ndarray, step: np.ndarray, tolerance_mm: float) -> float:
    """Return the part of both surfaces that is within the tolerance of the other one."""
    points, areas = zip(*(_surface(mask, step) for mask in (truth, prediction)), strict=True)
    # Rounding must not decide where surfaces are as far apart as the tolerance.
    near = [
        area[distance <= tolerance_mm + 1e-6].sum() for area, distance in zip(areas, _both_ways(*points), strict=True)
    ]
    return float(sum(near) / (areas[0].sum() + areas[1].sum()))


def _surface(mask: np.ndarray, step: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the elements of the surface of a mask with an empty margin: their places (N, 3) mm, and their areas (N,) mm2."""
    corners = mask.astype(np.int8)
    shape = tuple(side - 1 for side in mask.shape)
    count = np.zeros(shape, np.int8)
    slopes = np.zeros((3, *shape), np.int8)
    for place in np.ndindex(2, 2, 2):
        part = corners[tuple(slice(k, k + side) for k, side in zip(place, shape, strict=True))]
        count += part
        for axis in range(3):
            slopes[axis] += part if place[axis] else -part
    at = np.nonzero((count > 0) & (count < 8))
    slope = slopes[:, at[0], at[1], at[2]] / (4 * step[:, None])
    return np.stack(at, axis=1) * step, np.linalg.norm(slope, axis=0) * step.prod()
