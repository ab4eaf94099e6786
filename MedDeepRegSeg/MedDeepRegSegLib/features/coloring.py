"""Features made visible: their first three principal components as red, green and blue.

The components are those of the local features inside the body, so that air does not dominate them. Alike colors are alike
features: the same tissue at the same depth in a structure.
"""

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.features.encode import EncodedVolume
from MedDeepRegSegLib.features.working_volume import working_volume
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of
from MedDeepRegSegLib.segmentation.foreground import foreground_mask
from MedDeepRegSegLib.segmentation.overlay import montage, slice_picture
from MedDeepRegSegLib.segmentation.overlay_draw import finish
from MedDeepRegSegLib.segmentation.overlay_plane import Axis, SlicePlane, plane_through
from MedDeepRegSegLib.segmentation.segments import Segment
from MedDeepRegSegLib.volumes.geometry import index_to_world

_AXES: tuple[Axis, ...] = ("axial", "coronal", "sagittal")
_RANGE = (2.0, 98.0)  # percentiles of a component that become dark and bright
_DARKEST = 40  # of 255, so that the body stands out from the black around it
_LEAST_CELLS = 8


def colored_features(
    image: sitk.Image,
    encoded: EncodedVolume,
    *,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> sitk.Image:
    """Return the local features of an image as colors, on its grid.

    Parameters
    ----------
    image : SimpleITK.Image
        That was encoded.
    encoded : EncodedVolume
    progress, cancel
        As everywhere.

    Returns
    -------
    SimpleITK.Image
        Three uint8 components; 0 outside the body. Where no body is found, all of the image is colored.

    Raises
    ------
    Canceled
        If ``cancel`` was set.
    """
    cancel = CancelToken() if cancel is None else cancel
    progress(0.0, "Finding the body")
    body = _body(image, encoded.spacing_mm, part_of(progress, 0.0, 0.5), cancel)
    progress(0.5, "Coloring")
    on_cells = sitk.Resample(body, encoded.local_grid, sitk.Transform(), sitk.sitkLinear, 0.0, sitk.sitkFloat32, True)
    inside = sitk.GetArrayViewFromImage(on_cells) > 0.5
    if inside.sum() < _LEAST_CELLS:
        inside = np.ones(inside.shape, bool)
    colors = sitk.GetImageFromArray(component_colors(encoded.local, inside), isVector=True)
    colors.CopyInformation(encoded.local_grid)
    cancel.raise_if_canceled()
    fine = sitk.Resample(colors, image, sitk.Transform(), sitk.sitkLinear, 0.0, sitk.sitkVectorUInt8, True)
    progress(0.8, "Coloring")
    cancel.raise_if_canceled()
    # Smoothed, so that its outline has no steps on finer voxels.
    smooth = sitk.DiscreteGaussian(body * 255, [encoded.spacing_mm**2] * 3)
    cover = sitk.Resample(smooth, image, sitk.Transform(), sitk.sitkLinear, 0.0, sitk.sitkUInt8, True)
    result = sitk.Mask(fine, cover > 127)
    progress(1.0, "Colored")
    return result


def component_colors(features: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return colors of features.

    Parameters
    ----------
    features : numpy.ndarray, shape (z, y, x, C)
    inside : numpy.ndarray of bool, shape (z, y, x)
        What the components and their ranges are computed from.

    Returns
    -------
    numpy.ndarray, shape (z, y, x, 3)
        uint8. The component of the largest variance is red. Each is turned so that its largest loading is positive, which
        makes the colors repeatable.
    """
    sample = features[inside].astype(np.float64)
    mean = sample.mean(axis=0)
    variances, vectors = np.linalg.eigh(np.cov(sample - mean, rowvar=False, bias=True))
    axes = vectors[:, np.argsort(-variances, kind="stable")[:3]]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), range(axes.shape[1])])
    low, high = np.percentile((sample - mean) @ axes, _RANGE, axis=0)
    scale = (255 - _DARKEST) / np.maximum(high - low, 1e-6)
    colors = np.zeros((*features.shape[:3], 3), np.uint8)
    for k in range(features.shape[0]):  # slice by slice: the features of large volumes are not copied as a whole
        components = (features[k].astype(np.float64) - mean) @ axes
        shades = _DARKEST + (components - low) * scale
        colors[k, ..., : axes.shape[1]] = np.round(np.clip(shades, _DARKEST, 255))
    return colors


def feature_picture(
    image: sitk.Image,
    colored: sitk.Image,
    *,
    labels: sitk.Image | None = None,
    segments: Sequence[Segment] | None = None,
    title: str = "",
    size: int = 400,
) -> np.ndarray:
    """Return a sheet of three rows, axial, coronal and sagittal: the image, and beside it its colored features.

    Parameters
    ----------
    image : SimpleITK.Image
    colored : SimpleITK.Image
        From :func:`colored_features`.
    labels, segments : optional
        Segments to outline on the image. The slices go through them, else through the middle of what is colored.
    title : str
        Above all.
    size : int
        Pixels along the longer side of a picture.

    Returns
    -------
    numpy.ndarray, shape (H, W, 3)
        uint8.
    """
    pictures, captions = [], []
    middle = None if labels is not None else _middle(colored)
    for axis in _AXES:
        plane = plane_through(image, axis, position=middle, labels=labels, size=size)
        gray = slice_picture(image, axis, position=plane.origin, labels=labels, segments=segments, size=size, fill=0.0)
        pictures += [gray, finish(_cut(colored, plane), plane, caption="", letters=True, scale_bar=False)]
        captions += [f"{axis.capitalize()}, {plane.place}", "Features"]
    return montage(pictures, columns=2, captions=captions, title=title)


def _cut(colored: sitk.Image, plane: SlicePlane) -> np.ndarray:
    cut = sitk.Resample(colored, plane.reference(), sitk.Transform(), sitk.sitkLinear, 0.0, sitk.sitkVectorUInt8)
    return sitk.GetArrayFromImage(cut)[0]


def _body(image: sitk.Image, spacing_mm: float, progress: Progress, cancel: CancelToken) -> sitk.Image:
    """Return the body, 0 and 1, at the working voxel size; everything where none is found."""
    coarse = working_volume(image, spacing_mm, limit_ct=False)
    try:
        return foreground_mask(coarse, "body", progress=progress, cancel=cancel)
    except InputError:  # a crop inside the body, or a phantom: no body that stands out from air
        return sitk.Cast(coarse * 0 + 1, sitk.sitkUInt8)


def _middle(colored: sitk.Image) -> list[float]:
    """Return the LPS center of what is colored."""
    seen = sitk.GetArrayViewFromImage(colored)[..., 0] > 0
    center = []
    for axis in (2, 1, 0):
        counts = seen.sum(axis=tuple(other for other in range(3) if other != axis))
        total = counts.sum()
        center.append(float(counts @ np.arange(counts.size) / total) if total else (counts.size - 1) / 2)
    return (index_to_world(colored)[:3] @ np.append(center, 1.0)).tolist()
