"""Bring an image to another grid.

Transforms map points of the target grid to points of the image (ITK's resampling convention), LPS mm.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.volumes.geometry import index_to_world, size_text, value_range
from MedDeepRegSegLib.volumes.memory import check_memory

Interpolation = Literal["linear", "nearest", "bspline", "lanczos"]

_AIR_HU = -1000.0


def background_value(image: sitk.Image) -> float:
    """Return the value of nothing in an image: air for CT in Hounsfield units, else its lowest value.

    CT padding below air (-1024, -2000, -3024) is not used, because it would show as an edge.
    """
    lowest, _ = value_range(image)
    return _AIR_HU if lowest < -900 else lowest


def resample_to(
    image: sitk.Image,
    reference: sitk.Image,
    transform: sitk.Transform | None = None,
    *,
    interpolation: Interpolation = "linear",
    outside: float | None = None,
) -> sitk.Image:
    """Resample an image onto the grid of another one. The voxel type stays.

    Parameters
    ----------
    image:
        3-D scalar or vector image.
    reference:
        Image whose grid is wanted; its voxels are not used.
    transform:
        Maps points of ``reference`` to points of ``image``, LPS mm; identity if None.
    interpolation:
        ``"linear"``; ``"nearest"`` for label maps; ``"bspline"`` is cubic and ``"lanczos"`` a windowed sinc of five
        voxels, both sharper and slower; their overshoot is cut off at the range of the image.
    outside:
        Value where the image has no voxels; :func:`background_value` if None.

    Raises
    ------
    InputError
        For an unknown interpolation, or a grid too large for the memory.
    """
    codes = {
        "linear": sitk.sitkLinear,
        "nearest": sitk.sitkNearestNeighbor,
        "bspline": sitk.sitkBSpline3,
        "lanczos": sitk.sitkLanczosWindowedSinc,
    }
    if interpolation not in codes:
        msg = f"interpolation is {interpolation!r}, expected one of {', '.join(codes)}"
        raise InputError(msg)
    voxel_bytes = image.GetSizeOfPixelComponent() * image.GetNumberOfComponentsPerPixel()
    needed = reference.GetNumberOfPixels() * voxel_bytes
    overshoots = interpolation in ("bspline", "lanczos")
    if overshoots:  # both work in double precision
        needed += image.GetNumberOfPixels() * 8 * 2 + reference.GetNumberOfPixels() * 8
    check_memory(
        needed,
        f"resampling to {size_text(reference.GetSize())} voxels",
        "crop the volume or choose a larger spacing",
    )
    chosen: float
    if outside is not None:
        chosen = outside
    else:
        chosen = 0.0 if image.GetNumberOfComponentsPerPixel() > 1 else background_value(image)
    source = sitk.Cast(image, sitk.sitkFloat64) if overshoots else image
    resampled = sitk.Resample(
        source,
        reference.GetSize(),
        sitk.Transform(3, sitk.sitkIdentity) if transform is None else transform,
        codes[interpolation],
        reference.GetOrigin(),
        reference.GetSpacing(),
        reference.GetDirection(),
        chosen,
        source.GetPixelID(),
    )
    if overshoots:
        lowest, highest = value_range(image)
        resampled = sitk.Clamp(resampled, sitk.sitkFloat64, min(lowest, chosen), max(highest, chosen))
        if "integer" in image.GetPixelIDTypeAsString():
            resampled = sitk.Round(resampled)
        resampled = sitk.Cast(resampled, image.GetPixelID())
    return resampled


def isotropic_grid(image: sitk.Image, spacing_mm: float) -> sitk.Image:
    """Return :func:`grid_of_spacing` of cubic voxels."""
    return grid_of_spacing(image, (spacing_mm,) * 3)


def grid_of_spacing(image: sitk.Image, spacing_mm: Sequence[float]) -> sitk.Image:
    """Return an empty uint8 image: the grid of voxels of a size that covers the field of view of ``image``.

    The axes keep their directions and the center stays where it is; the last voxels may stand out by less than
    half a voxel on each side.

    Parameters
    ----------
    image:
        3-D.
    spacing_mm:
        Size of a voxel along i, j, k, mm.

    Raises
    ------
    InputError
        If the spacing is not positive, or the grid would be too large for the memory.
    """
    spacing = np.array(spacing_mm, float)
    if not (np.isfinite(spacing).all() and (spacing > 0).all()):
        msg = f"spacing is {size_text(spacing.tolist())} mm, expected finite positive numbers"
        raise InputError(msg)
    extent = np.array(image.GetSize()) * image.GetSpacing()
    # The subtraction keeps 100 mm / 0.1 mm at 1000 voxels in spite of rounding.
    size = np.maximum(np.ceil(extent / spacing - 1e-6), 1).astype(np.int64)
    check_memory(
        float(np.prod(size.astype(float))),
        f"a grid of {size_text(size)} voxels",
        "choose a larger spacing or crop the volume",
    )
    first = (np.array(image.GetSize()) - 1) / 2 - (size - 1) / 2 * spacing / np.array(image.GetSpacing())
    grid = sitk.Image(size.tolist(), sitk.sitkUInt8)
    grid.SetSpacing(spacing.tolist())
    grid.SetDirection(image.GetDirection())
    grid.SetOrigin((index_to_world(image)[:3] @ np.append(first, 1.0)).tolist())
    return grid


def resample_isotropic(
    image: sitk.Image, spacing_mm: float, *, interpolation: Interpolation = "linear", outside: float | None = None
) -> sitk.Image:
    """Resample an image to cubic voxels, see :func:`resample_spacing`."""
    return resample_spacing(image, (spacing_mm,) * 3, interpolation=interpolation, outside=outside)


def resample_spacing(
    image: sitk.Image,
    spacing_mm: Sequence[float],
    *,
    grid: sitk.Image | None = None,
    interpolation: Interpolation = "linear",
    outside: float | None = None,
) -> sitk.Image:
    """Resample an image to voxels of a size over the same field of view.

    Axes that get coarser are smoothed first, so that fine detail does not alias. The smoothing brings the
    point spread from the old spacing to the new one: sigma = sqrt(new^2 - old^2) / 2.355 (Cardoso et al., Scale
    factor point spread function matching, MICCAI 2015). Label maps (``interpolation="nearest"``) are not smoothed.

    Parameters
    ----------
    image:
        3-D scalar image.
    spacing_mm:
        Size of a voxel along i, j, k, mm.
    grid:
        Where the voxels lie, with this spacing and about these axes; :func:`grid_of_spacing` without.
    interpolation, outside:
        As in :func:`resample_to`.
    """
    grid = grid_of_spacing(image, spacing_mm) if grid is None else grid
    background = background_value(image) if outside is None else outside
    if interpolation == "nearest":
        return resample_to(image, grid, interpolation="nearest", outside=background)
    sigmas = np.sqrt(np.maximum(np.array(spacing_mm) ** 2 - np.array(image.GetSpacing()) ** 2, 0)) / 2.355
    smoothed = image
    if (sigmas > 0.05 * np.array(image.GetSpacing())).any():
        smoothed = sitk.Cast(image, sitk.sitkFloat32)
        smoothed = sitk.DiscreteGaussian(smoothed, np.maximum(sigmas**2, 1e-6).tolist(), 64, 0.001, True)
        if "integer" in image.GetPixelIDTypeAsString():
            smoothed = sitk.Round(smoothed)
        smoothed = sitk.Cast(smoothed, image.GetPixelID())
    return resample_to(smoothed, grid, interpolation=interpolation, outside=background)
