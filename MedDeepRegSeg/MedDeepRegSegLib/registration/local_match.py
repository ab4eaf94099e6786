"""Whether a deformation made the local match better: structure against structure, place by place.

An engine drives its own measure up whatever it does, so this looks at another one: the squared correlation of both
images in a window around each place, which knows no sign (bone is bright in CT and dark in MR) and no units. It is
computed twice, with the linear map alone and with the deformation. Source of the measure: P. Cachier et al., "Iconic
feature based nonrigid registration: the PASHA algorithm", Computer Vision and Image Understanding 89 (2003).
"""

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.registration.quality import LocalMatch
from MedDeepRegSegLib.registration.transforms import linear_and_field
from MedDeepRegSegLib.volumes.modality import display_window
from MedDeepRegSegLib.volumes.resampling import isotropic_grid, resample_isotropic, resample_to

_GRID_MM = 4.0
_WINDOW_MM = 28.0
_NOISE = 1e-4  # of the squared display window: flat places correlate with nothing


def local_match(
    fixed: sitk.Image,
    moving: sitk.Image,
    transform: sitk.Transform,
    mask: sitk.Image,
    *,
    cancel: CancelToken | None = None,
) -> LocalMatch | None:
    """Compare the linear map alone with the whole transform.

    Parameters
    ----------
    fixed, moving : SimpleITK.Image
    transform : SimpleITK.Transform
        Fixed to moving points: one displacement field, then linear parts.
    mask : SimpleITK.Image
        The body in the fixed image, not 0.
    cancel : CancelToken, optional

    Returns
    -------
    LocalMatch or None
        None where nothing bends, or both images share no part of the body.
    """
    linear, field = linear_and_field(transform)
    if field is None:
        return None
    grid = isotropic_grid(fixed, _GRID_MM)
    inside = sitk.GetArrayFromImage(resample_to(sitk.Cast(mask != 0, sitk.sitkUInt8), grid, interpolation="nearest"))
    body = inside != 0
    still = _shades(fixed, grid, None)
    seen = sitk.Cast(sitk.Image(moving.GetSize(), sitk.sitkUInt8) + 1, sitk.sitkUInt8)
    seen.CopyInformation(moving)
    coarse = resample_isotropic(sitk.Cast(moving, sitk.sitkFloat32), _GRID_MM)
    found = []
    for way in (linear, transform):
        if cancel is not None:
            cancel.raise_if_canceled()
        body &= sitk.GetArrayFromImage(resample_to(seen, grid, way, interpolation="nearest", outside=0)) != 0
        found.append(_correlation(still, _shades(moving, grid, way, coarse)))
    if not body.any():
        return None
    bend = sitk.GetArrayFromImage(
        sitk.TransformToDisplacementField(
            field, sitk.sitkVectorFloat32, grid.GetSize(), grid.GetOrigin(), grid.GetSpacing(), grid.GetDirection()
        )
    )
    before, after = (values[body] for values in found)
    return LocalMatch(
        linear=float(before.mean()),
        deformed=float(after.mean()),
        worse_fraction=float((after < before).mean()),
        bend_mm=float(np.linalg.norm(bend[body], axis=-1).mean()),
    )


def _shades(
    image: sitk.Image, grid: sitk.Image, transform: sitk.Transform | None, coarse: sitk.Image | None = None
) -> NDArray[np.float32]:
    """Return the image on the grid as shades of its display window, 0 to 1."""
    window, level = display_window(image)
    if coarse is None:
        coarse = resample_isotropic(sitk.Cast(image, sitk.sitkFloat32), grid.GetSpacing()[0])
    values = sitk.GetArrayFromImage(resample_to(coarse, grid, transform))
    return np.clip((values - (level - window / 2)) / window, 0, 1).astype(np.float32)


def _correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the squared correlation of both in the window around each voxel, 0 to 1."""
    width = round(_WINDOW_MM / _GRID_MM)

    def mean(values: NDArray) -> NDArray[np.float64]:
        return ndimage.uniform_filter(values.astype(np.float64), width, mode="nearest")

    mean_a, mean_b = mean(a), mean(b)
    variance_a = np.maximum(mean(a * a) - mean_a**2, 0)
    variance_b = np.maximum(mean(b * b) - mean_b**2, 0)
    shared = mean(a * b) - mean_a * mean_b
    return (shared**2 / ((variance_a + _NOISE) * (variance_b + _NOISE))).astype(np.float32)
