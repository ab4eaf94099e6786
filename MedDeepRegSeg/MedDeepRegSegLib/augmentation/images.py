"""Samples of images in their own units and on their own axes, for files and the scene."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.augmentation.crop import Size
from MedDeepRegSegLib.augmentation.draws import Seed
from MedDeepRegSegLib.augmentation.geometry import SampleGeometry
from MedDeepRegSegLib.augmentation.pipeline import Augmenter
from MedDeepRegSegLib.augmentation.preset import AugmentationPreset
from MedDeepRegSegLib.augmentation.settings import AugmentationSettings, SampleDraws
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.segmentation.segments import Segment
from MedDeepRegSegLib.volumes.geometry import (
    check_label_map,
    check_volume,
    index_to_world,
    same_geometry,
    world_to_index,
)
from MedDeepRegSegLib.volumes.memory import check_memory

_BYTES_PER_VOXEL = 90  # places, field and values in single precision, labels and their indices


@dataclass(frozen=True, eq=False)
class ImageSample:
    """One sample of an image.

    Attributes
    ----------
    image : SimpleITK.Image
        Of the type and axes of the image; where it was cropped its own origin and size.
    labels : SimpleITK.Image, optional
        On the same grid.
    draws : SampleDraws
        What happened, on the axes of the patient.
    """

    image: sitk.Image
    labels: sitk.Image | None
    draws: SampleDraws
    _geometry: SampleGeometry
    _grid: sitk.Image

    def points_in_sample(self, points: np.ndarray) -> np.ndarray:
        """Return where the sample shows what lies at LPS points (N, 3) of the image, mm."""
        index = world_to_index(self._grid, np.asarray(points, float))[:, ::-1]
        return self._world(self._geometry.in_sample(index) + self._start())

    def points_in_image(self, points: np.ndarray) -> np.ndarray:
        """Return what the sample shows at LPS points (N, 3): points of the image, mm; the inverse."""
        index = world_to_index(self._grid, np.asarray(points, float))[:, ::-1]
        return self._world(self._geometry.in_volume(index - self._start()))

    def _start(self) -> np.ndarray:
        return _start(self.draws)

    def _world(self, places: np.ndarray) -> np.ndarray:
        matrix = index_to_world(self._grid)
        return places[:, ::-1] @ matrix[:3, :3].T + matrix[:3, 3]


class ImageAugmenter:
    """Makes random samples of an image, and of a segmentation of it.

    Parameters
    ----------
    image : SimpleITK.Image
        3-D, scalar, finite, in any units and orientation; transforms work along its axes that are closest to those of the patient.
    labels : SimpleITK.Image, optional
        Label map of the same patient space; brought to the grid of the image.
    preset : AugmentationPreset or AugmentationSettings
    segments : sequence of Segment
        Names of the labels.

    Raises
    ------
    InputError
        If the image or labels cannot be used, or samples would not fit into the memory.
    """

    def __init__(
        self,
        image: sitk.Image,
        labels: sitk.Image | None,
        preset: AugmentationPreset | AugmentationSettings,
        *,
        segments: Sequence[Segment] = (),
    ) -> None:
        check_volume(image)
        check_memory(
            _BYTES_PER_VOXEL * image.GetNumberOfPixels(), "augmenting the image", "crop it or choose a larger spacing"
        )
        filter_ = sitk.DICOMOrientImageFilter()
        self._orientation = filter_.GetOrientationFromDirectionCosines(image.GetDirection())
        self._type = image.GetPixelID()
        self._grid = sitk.DICOMOrient(image, "LPS")
        self._values = sitk.GetArrayFromImage(sitk.Cast(self._grid, sitk.sitkFloat32))[None]
        self._lowest = 0.0 if float(self._values.min()) >= 0 else -np.inf
        self._labels = None if labels is None else sitk.GetArrayFromImage(_on_grid(labels, self._grid))
        x, y, z = self._grid.GetSpacing()
        known = None if labels is not None and not segments else segments
        self._augmenter = Augmenter(preset, spacing_mm=(x, y, z), segments=known)

    @property
    def size(self) -> Size:
        """Voxels of the image along z (feet to head), y and x."""
        _, z, y, x = self._values.shape
        return z, y, x

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Size of a voxel along x, y and z, mm."""
        x, y, z = self._grid.GetSpacing()
        return x, y, z

    def sample(self, seed: Seed) -> ImageSample:
        """Return the sample of a seed."""
        return self.apply(self.draw(seed))

    def draw(self, seed: Seed) -> SampleDraws:
        """Return what shall happen to the sample of a seed."""
        return self._augmenter.draw(self.size, channels=1, seed=seed, labeled=self._labels is not None)

    def apply(self, draws: SampleDraws) -> ImageSample:
        """Return the sample that was drawn."""
        made = self._augmenter.apply(self._values, self._labels, draws)
        image = self._image(made.values[0], draws)
        image = (
            sitk.Cast(image, self._type) if "float" in sitk.GetPixelIDValueAsString(self._type) else self._whole(image)
        )
        labels = None if made.labels is None else self._image(made.labels, draws)
        return ImageSample(image, labels, draws, made.geometry, self._grid)

    def _image(self, array: np.ndarray, draws: SampleDraws) -> sitk.Image:
        """Return an array as image where its window lies, on the axes of the user's image."""
        if array.dtype == np.float32:
            array = np.maximum(array, np.float32(self._lowest))  # magnitudes stay so
        image = sitk.GetImageFromArray(array)
        image.SetSpacing(self._grid.GetSpacing())
        image.SetDirection(self._grid.GetDirection())
        z, y, x = _start(draws)
        image.SetOrigin(self._grid.TransformContinuousIndexToPhysicalPoint((x, y, z)))
        return sitk.DICOMOrient(image, self._orientation)

    def _whole(self, image: sitk.Image) -> sitk.Image:
        """Return an image rounded to the whole numbers of the user's image."""
        like = sitk.Image([1, 1, 1], self._type)
        limits = np.iinfo(sitk.GetArrayViewFromImage(like).dtype)
        array = np.rint(sitk.GetArrayViewFromImage(image).astype(np.float64)).clip(limits.min, limits.max)
        whole = sitk.GetImageFromArray(array.astype(limits.dtype))
        whole.CopyInformation(image)
        return whole


def _start(draws: SampleDraws) -> np.ndarray:
    """Return the index z, y, x in the volume of the first voxel of the window."""
    return np.array(draws.crop.center) - (np.array(draws.crop.size) - 1) / 2


def _on_grid(labels: sitk.Image, grid: sitk.Image) -> sitk.Image:
    check_label_map(labels, "segmentation")
    oriented = sitk.DICOMOrient(labels, "LPS")
    if not same_geometry(oriented, grid):
        wide = sitk.Cast(oriented, sitk.sitkUInt16)
        resampled = sitk.Resample(wide, grid, sitk.Transform(), sitk.sitkLabelLinear, 0, sitk.sitkUInt16)
        had, has = (sitk.GetArrayViewFromImage(part).any() for part in (oriented, resampled))
        if had and not has:
            msg = "the segmentation has no voxels inside the image, expected one of the same patient space: choose another"
            raise InputError(msg)
        oriented = resampled
    array = sitk.GetArrayViewFromImage(oriented)
    return sitk.Cast(oriented, sitk.sitkUInt8 if array.max(initial=0) <= 255 else sitk.sitkUInt16)
