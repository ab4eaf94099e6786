"""Whether a deformation made structures match better.

An engine drives its own measure up whatever it does, so this looks at another one: whether edges of both images lie at
the same places and point the same way or opposite ways (bone is bright in CT and dark in MR). It is computed twice, with
the linear map alone and with the deformation. Where the gain is small, a deformation may be right or follow noise, and
nothing in the images tells which. Source of the measure: E. Haber and
J. Modersitzki, "Intensity gradient based registration and fusion of multi-modal images", MICCAI 2006.
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

_GRID_MM = 3.0
_EDGE_MM = 2.0  # scale of the edges
_SMOOTH_MM = 10.0  # places are compared by their neighborhoods of this scale


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
    inside = resample_to(sitk.Cast(mask != 0, sitk.sitkUInt8), grid, interpolation="nearest", outside=0)
    grid = sitk.RegionOfInterest(grid, *_box_of(inside))
    body = sitk.GetArrayFromImage(sitk.Resample(inside, grid, sitk.Transform(), sitk.sitkNearestNeighbor)) != 0
    coarse = resample_isotropic(sitk.Cast(moving, sitk.sitkFloat32), _GRID_MM)
    seen = sitk.Image(coarse.GetSize(), sitk.sitkUInt8) + 1
    seen.CopyInformation(coarse)
    still = _edges(_shades(fixed, resample_isotropic(sitk.Cast(fixed, sitk.sitkFloat32), _GRID_MM), grid, None))
    found = []
    for way in (linear, transform):
        if cancel is not None:
            cancel.raise_if_canceled()
        body &= sitk.GetArrayFromImage(resample_to(seen, grid, way, interpolation="nearest", outside=0)) != 0
        moved = _edges(_shades(moving, coarse, grid, way))
        found.append(np.square(np.einsum("c...,c...->...", still, moved)))
    if not body.any():
        return None
    before, after = found
    weight = np.maximum(_smooth(body.astype(np.float32)), 1e-3)
    worse = (_smooth((after - before) * body) / weight)[body] < 0
    shift = sitk.TransformToDisplacementField(
        field, sitk.sitkVectorFloat32, grid.GetSize(), grid.GetOrigin(), grid.GetSpacing(), grid.GetDirection()
    )
    return LocalMatch(
        linear=float(before[body].mean()),
        deformed=float(after[body].mean()),
        worse_fraction=float(worse.mean()),
        bend_mm=float(np.linalg.norm(sitk.GetArrayFromImage(shift)[body], axis=-1).mean()),
    )


def _box_of(mask: sitk.Image) -> tuple[list[int], list[int]]:
    """Return size and start of the box around a mask (the whole image for an empty one)."""
    index = np.argwhere(sitk.GetArrayViewFromImage(mask))[:, ::-1]
    if not len(index):
        return list(mask.GetSize()), [0, 0, 0]
    low, high = index.min(axis=0), index.max(axis=0) + 1
    return (high - low).tolist(), low.tolist()


def _shades(
    image: sitk.Image, coarse: sitk.Image, grid: sitk.Image, transform: sitk.Transform | None
) -> NDArray[np.float32]:
    """Return ``coarse``, a smoothed copy of the image, on the grid as shades of the display window, 0 to 1."""
    window, level = display_window(image)
    values = sitk.GetArrayFromImage(resample_to(coarse, grid, transform))
    return np.clip((values - (level - window / 2)) / window, 0, 1).astype(np.float32)


def _edges(shades: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return gradients (3, Z, Y, X) of length near 1 at edges and near 0 where the image is as flat as usual."""
    smooth = ndimage.gaussian_filter(shades, _EDGE_MM / _GRID_MM)
    gradient = np.stack(np.gradient(smooth))
    usual = float(np.abs(gradient).mean())
    return gradient / np.sqrt(np.einsum("c...,c...->...", gradient, gradient) + usual**2 + 1e-12)


def _smooth(values: NDArray) -> NDArray[np.float32]:
    return ndimage.uniform_filter(values.astype(np.float32), 2 * round(_SMOOTH_MM / _GRID_MM) + 1, mode="constant")
