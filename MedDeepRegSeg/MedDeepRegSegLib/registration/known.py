"""Known transforms, to measure what a registration recovers. Each maps points of its space to points of the same."""

from typing import Literal

import numpy as np
import SimpleITK as sitk
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.registration.canonical import corners, grid_around
from MedDeepRegSegLib.registration.fields import smallest_determinant
from MedDeepRegSegLib.registration.transforms import field_transform, matrix_transform

_GRID_MM = 3.0
_SMALLEST_DETERMINANT = 0.15


def known_rigid(center: ArrayLike, *, seed: int, rotation_degrees: float, shift_mm: float) -> sitk.AffineTransform:
    """Return a rotation about a random axis and a shift in a random direction.

    Parameters
    ----------
    center : array_like, shape (3,)
        Center of the rotation, LPS mm.
    seed : int
    rotation_degrees : float
        Angle of the rotation.
    shift_mm : float
        Length of the shift.
    """
    generator = np.random.default_rng(seed)
    axis, way = (_unit(generator.normal(size=3)) for _ in range(2))
    turn = Rotation.from_rotvec(np.deg2rad(rotation_degrees) * axis).as_matrix()
    return matrix_transform(turn, shift_mm * way, np.asarray(center, dtype=float))


def known_smooth(
    reference_image: sitk.Image,
    *,
    seed: int,
    magnitude_mm: float,
    measure: Literal["max", "mean"] = "max",
    smoothness_mm: float = 25.0,
    where: sitk.Image | None = None,
) -> sitk.DisplacementFieldTransform:
    """Return a random smooth deformation without folds that fades to nothing at the border of the image.

    White noise on a 3 mm grid, smoothed by a Gaussian and scaled.

    Parameters
    ----------
    reference_image : SimpleITK.Image
        The deformation covers its field of view.
    seed : int
    magnitude_mm : float
        Length of the displacement, as ``measure`` tells: the largest or the mean.
    measure : {"max", "mean"}
    smoothness_mm : float
        Standard deviation of the Gaussian.
    where : SimpleITK.Image, optional
        Mask in which the magnitude is measured; by default the whole field of view.

    Raises
    ------
    InputError
        When a deformation so large and so little smooth would fold.
    """
    points = corners(reference_image)
    grid = grid_around(points.min(axis=0), points.max(axis=0), _GRID_MM)
    generator = np.random.default_rng(seed)
    noise = generator.normal(size=(3, *grid.shape))
    field = np.stack([ndimage.gaussian_filter(part, smoothness_mm / _GRID_MM, mode="constant") for part in noise])
    fade = np.ones(grid.shape)
    for axis, count in enumerate(grid.shape):
        place = np.minimum(np.arange(count), np.arange(count)[::-1]) * _GRID_MM / smoothness_mm
        weight = np.clip(place, 0, 1) ** 2 * (3 - 2 * np.clip(place, 0, 1))
        fade *= weight.reshape([-1 if other == axis else 1 for other in range(3)])
    field *= fade
    length = np.linalg.norm(field, axis=0)
    if where is not None:
        mask = sitk.Resample(where, grid.image(), sitk.Transform(), sitk.sitkNearestNeighbor, 0)
        length = length[sitk.GetArrayViewFromImage(mask) != 0]
        if not length.size:
            msg = "the mask of the known deformation is empty: give a mask that covers the body"
            raise InputError(msg)
    field *= magnitude_mm / float(length.max() if measure == "max" else length.mean())
    if smallest_determinant(field, _GRID_MM) < _SMALLEST_DETERMINANT:
        msg = (
            f"a deformation of {magnitude_mm:g} mm ({measure}) with smoothness {smoothness_mm:g} mm folds: "
            "ask for a smaller magnitude or more smoothness"
        )
        raise InputError(msg)
    return field_transform(field, grid.image())


def known_composite(
    reference_image: sitk.Image,
    center: ArrayLike,
    *,
    seed: int,
    rotation_degrees: float,
    shift_mm: float,
    magnitude_mm: float,
    measure: Literal["max", "mean"] = "max",
    smoothness_mm: float = 25.0,
    where: sitk.Image | None = None,
) -> sitk.CompositeTransform:
    """Return x -> smooth(rigid(x)): first :func:`known_rigid`, then :func:`known_smooth` over the image.

    An image resampled through it shows the deformed anatomy, turned and shifted. The deformation is laid over the
    body where the image shows it, whatever the rotation.
    """
    rigid = known_rigid(center, seed=seed, rotation_degrees=rotation_degrees, shift_mm=shift_mm)
    smooth = known_smooth(
        reference_image,
        seed=seed + 1,
        magnitude_mm=magnitude_mm,
        measure=measure,
        smoothness_mm=smoothness_mm,
        where=where,
    )
    composite = sitk.CompositeTransform(3)
    composite.AddTransform(smooth)
    composite.AddTransform(rigid)  # added last, applied first
    return composite


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the vector at length 1."""
    return vector / np.linalg.norm(vector)
