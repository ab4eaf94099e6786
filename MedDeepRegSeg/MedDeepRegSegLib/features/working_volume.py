"""A volume as the encoder expects it: axes along the patient, cubic voxels, CT limited to the tissue window."""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.models.description import WorkingSpacing
from MedDeepRegSegLib.volumes.geometry import index_to_world, size_text
from MedDeepRegSegLib.volumes.memory import check_memory
from MedDeepRegSegLib.volumes.modality import Modality, guess_modality
from MedDeepRegSegLib.volumes.resampling import isotropic_grid

CT_RANGE_HU = (-250.0, 450.0)
"""CT is limited to this before its contrast is standardized: bone and air would leave tissue little of it."""

VOXEL_BUDGET = 12_000_000
"""Voxels up to which the working voxel size is chosen freely: 96 liters at 2 mm, more than the trunk of an adult."""

_WANTED_VOXELS = 64  # along the mean side of a field of view, so that context has cells to look at
_LEAST_VOXELS = 4
_BYTES_PER_VOXEL = 56  # standardizing holds up to 10 float32 copies, the features take 9 bytes and are copied once
_BYTES_PER_PASS = 1.2e9


@dataclass(frozen=True)
class ChosenSpacing:
    """A working voxel size.

    Attributes
    ----------
    spacing_mm : float
        Edge of a cubic voxel, mm.
    note : str
        Why it is not the recommended one, for a person; empty where it is.
    """

    spacing_mm: float
    note: str = ""


def choose_spacing(image: sitk.Image, working: WorkingSpacing, asked_mm: float | None = None) -> ChosenSpacing:
    """Choose the working voxel size for the field of view of an image.

    Parameters
    ----------
    image : SimpleITK.Image
        3-D.
    working : WorkingSpacing
        What the model works with.
    asked_mm : float, optional
        Use this one. None: the recommended one; finer for a small field of view, though not finer than the image;
        coarser where a large one would have more than :data:`VOXEL_BUDGET` voxels.

    Raises
    ------
    InputError
        If the size that is asked for is not one of the model, or the field of view is too thin or too large.
    """
    extent = np.array(image.GetSize()) * image.GetSpacing()
    volume = float(np.prod(extent))
    if asked_mm is not None:
        if not working.smallest <= asked_mm <= working.largest:
            msg = (
                f"working voxel size is {asked_mm:g} mm, expected {working.smallest:g} to {working.largest:g} mm, "
                "which the model was trained for: choose one of these or leave it out"
            )
            raise InputError(msg)
        chosen = ChosenSpacing(float(asked_mm))
    else:
        wanted = max(volume ** (1 / 3) / _WANTED_VOXELS, min(image.GetSpacing()), working.smallest)
        spacing = min(_rounded(wanted), working.recommended)
        smallest_affordable = (volume / VOXEL_BUDGET) ** (1 / 3)
        if smallest_affordable > spacing:
            spacing = min(_rounded(smallest_affordable), working.largest)
        side = "small" if spacing < working.recommended else "large"
        note = f"features are computed at {spacing:g} mm instead of {working.recommended:g} mm: the field of view is {side}"
        chosen = ChosenSpacing(float(spacing), "" if spacing == working.recommended else note)
    thinnest = float(extent.min())
    if thinnest < (_LEAST_VOXELS - 0.5) * chosen.spacing_mm:
        msg = (
            f"image is {thinnest:.3g} mm thick, expected at least {_LEAST_VOXELS} voxels of {chosen.spacing_mm:g} mm: "
            "pick a volume of more slices"
        )
        raise InputError(msg)
    check_memory(
        volume / chosen.spacing_mm**3 * _BYTES_PER_VOXEL + _BYTES_PER_PASS,
        f"encoding {size_text(extent)} mm at {chosen.spacing_mm:g} mm",
        "crop the volume or choose a larger working voxel size",
    )
    return chosen


def working_volume(image: sitk.Image, spacing_mm: float, *, limit_ct: bool = True) -> sitk.Image:
    """Return an image on cubic voxels with axes nearest to left, posterior, superior; float32.

    Axes that get coarser are averaged over whole voxels first and then smoothed to the new voxel size, so that fine
    detail does not alias; the averaging keeps the memory for a volume of 512 x 512 x 600 below 2 GB.

    Parameters
    ----------
    image : SimpleITK.Image
        3-D, scalar, finite.
    spacing_mm : float
        Edge of a voxel, mm.
    limit_ct : bool
        Limit CT in Hounsfield units to :data:`CT_RANGE_HU`.
    """
    is_ct = limit_ct and guess_modality(image) is Modality.CT
    # The orientation comes first: then images that differ only in the order of their voxels give the same result.
    volume = sitk.DICOMOrient(image, "LPS")
    grid = isotropic_grid(volume, spacing_mm)
    steps, size = np.array(volume.GetSpacing()), np.array(volume.GetSize())
    factors = np.clip((spacing_mm / steps + 0.05).astype(int), 1, size)
    if factors.max() > 1:
        volume = sitk.ZeroFluxNeumannPad(volume, [0, 0, 0], (-size % factors).tolist())
    volume = sitk.Cast(volume, sitk.sitkFloat32)
    if is_ct:
        volume = sitk.Clamp(volume, sitk.sitkFloat32, *CT_RANGE_HU)
    if factors.max() > 1:
        volume = sitk.BinShrink(volume, factors.tolist())
    # Point spread of the new voxel size, see volumes.resampling.resample_isotropic.
    steps = np.array(volume.GetSpacing())
    sigmas = np.sqrt(np.maximum(spacing_mm**2 - steps**2, 0)) / 2.355
    if (sigmas > 0.05 * steps).any():
        volume = sitk.DiscreteGaussian(volume, np.maximum(sigmas**2, 1e-6).tolist(), 64, 0.001, True)
    return sitk.Resample(volume, grid, sitk.Transform(), sitk.sitkLinear, 0.0, sitk.sitkFloat32, True)


def feature_grid(working: sitk.Image, stride: int, size: tuple[int, ...]) -> sitk.Image:
    """Return the empty grid of features that lie at voxel ``stride k + (stride - 1) / 2`` of a working volume.

    Parameters
    ----------
    working : SimpleITK.Image
        What was encoded.
    stride : int
        Voxels for one feature.
    size : tuple of int
        Cells along x, y, z.
    """
    grid = sitk.Image(list(size), sitk.sitkUInt8)
    grid.SetSpacing([stride * step for step in working.GetSpacing()])
    grid.SetDirection(working.GetDirection())
    first = np.array([(stride - 1) / 2] * 3 + [1.0])
    grid.SetOrigin((index_to_world(working)[:3] @ first).tolist())
    return grid


def _rounded(spacing_mm: float) -> float:
    """Round up to a twentieth of a millimeter: sizes that a person can repeat."""
    return float(np.ceil(round(spacing_mm * 20, 6))) / 20
