"""Random known movements of the registration benchmark: a turn, a shift, scale and shear, and a smooth deformation."""

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.registration.canonical import grid_around
from MedDeepRegSegLib.registration.known import known_rigid, known_smooth
from MedDeepRegSegLib.registration.transforms import matrix_transform, parts, transform_points
from MedDeepRegSegLib.volumes.geometry import volume_center, volume_corners
from MedDeepRegSegLib.volumes.resampling import isotropic_grid

ROTATION_DEGREES, SHIFT_MM, SCALE, DEFORMATION_MM = (8.0, 12.0), (10.0, 20.0), 0.05, (6.0, 9.0)
SMOOTHNESS_MM, MARGIN_MM = 36.0, 60.0


def movement(reference: sitk.Image, body: sitk.Image, seed: int, *, smooth: bool) -> sitk.CompositeTransform:
    """Return a random known map from points of the moved image to those of the unmoved one: linear first, then smooth.

    Parameters
    ----------
    reference : SimpleITK.Image
        Its field of view is bent.
    body : SimpleITK.Image
        Mask, in which the mean length of the deformation is 6 to 9 mm.
    seed : int
    smooth : bool
        Whether to bend too.
    """
    draw = np.random.default_rng([seed, 7])
    center = volume_center(reference)
    rigid = rigid_movement(center, seed)
    stretch = draw.uniform(-SCALE, SCALE, (3, 3))
    known = sitk.CompositeTransform(3)
    if smooth:
        # Laid over a wider grid, it does not fade inside of the field of view; fading that fast, it would fold.
        grid = isotropic_grid(reference, 3.0)
        margin = [round(MARGIN_MM / 3.0)] * 3
        wide = sitk.ConstantPad(grid, margin, margin)
        known.AddTransform(_smooth(wide, body, seed + 1, draw.uniform(*DEFORMATION_MM)))
    known.AddTransform(matrix_transform(np.eye(3) + (stretch + stretch.T) / 2, np.zeros(3), center))
    known.AddTransform(rigid)  # added last, applied first
    return known


def rigid_movement(center: NDArray[np.float64], seed: int) -> sitk.AffineTransform:
    """Return a turn of 8 to 12 degrees about ``center`` and a shift of 10 to 20 mm."""
    draw = np.random.default_rng([seed, 8])
    degrees, shift = draw.uniform(*ROTATION_DEGREES), draw.uniform(*SHIFT_MM)
    return known_rigid(center, seed=seed, rotation_degrees=degrees, shift_mm=shift)


def _smooth(wide: sitk.Image, body: sitk.Image, seed: int, magnitude_mm: float) -> sitk.Transform:
    """Return a deformation without folds, smaller than asked for if it must be."""
    while True:
        try:
            return known_smooth(
                wide, seed=seed, magnitude_mm=magnitude_mm, measure="mean", smoothness_mm=SMOOTHNESS_MM, where=body
            )
        except InputError:
            magnitude_mm *= 0.9


def moved_grid(image: sitk.Image, known: sitk.CompositeTransform, spacing_mm: float) -> sitk.Image:
    """Return an empty grid that shows all of ``image`` when it is seen through ``known``."""
    corners = moved_points(known, volume_corners(image))
    return grid_around(corners.min(axis=0), corners.max(axis=0), spacing_mm, 10.0).image()


def moved_points(known: sitk.CompositeTransform, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the points (N, 3) that ``known``, linear first and smooth last, maps to ``points``."""
    bends = [part.GetName() == "DisplacementFieldTransform" for part in parts(known)]
    smooth = next((part for part, bend in zip(parts(known), bends, strict=True) if bend), sitk.TranslationTransform(3))
    # What acted last is undone first: a composite applies the transform that was added last first.
    backward = sitk.CompositeTransform(
        [part.GetInverse() for part, bend in zip(parts(known), bends, strict=True) if not bend]
    )
    bent = points.copy()
    for _ in range(500):
        left = points - transform_points(smooth, bent)
        if np.abs(left).max() < 1e-4:
            return transform_points(backward, bent)
        bent = bent + 0.6 * left
    msg = f"a known movement could not be inverted: {np.abs(left).max():.3g} mm are left"
    raise RuntimeError(msg)


def known_linear(transform: sitk.Transform) -> sitk.AffineTransform:
    """Return a linear transform of a class that SimpleITK does not know as one that it knows."""
    zero = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    columns = [np.array(transform.TransformPoint(axis)) - zero for axis in np.eye(3).tolist()]
    return matrix_transform(np.stack(columns, axis=1), zero)
