"""The grid that foreground masks are made on: axes along left-posterior-superior, and not finer than needed."""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.segmentation.morphology import Spacing, dilate, erode

WORK_SPACING_MM = 2.0
"""Finer grids are averaged down to at most this for morphology; borders are then found again on the own grid."""


@dataclass(frozen=True)
class WorkGrid:
    """An image on the grid for morphology, and the way back."""

    original: sitk.Image
    """The image as given."""
    oriented: sitk.Image
    """The same voxels with axes nearest to left, posterior, superior."""
    coarse: sitk.Image
    """``oriented`` averaged over blocks, float32."""
    values: np.ndarray
    """Voxels of ``coarse``, (k, j, i): slices are axial, rows run to posterior, columns to the left."""
    spacing: Spacing
    """Spacing of ``values`` along (k, j, i), mm."""

    @property
    def averaged(self) -> bool:
        """Whether the grid is coarser than the image."""
        return self.coarse.GetSize() != self.oriented.GetSize()

    def native_values(self) -> np.ndarray:
        """Return the voxels of ``oriented``, (k, j, i), float32."""
        return sitk.GetArrayFromImage(self.oriented).astype(np.float32, copy=False)

    def native_spacing(self) -> Spacing:
        """Return the spacing of ``oriented`` along (k, j, i), mm."""
        i, j, k = self.oriented.GetSpacing()
        return k, j, i

    def to_native(self, coarse: np.ndarray) -> np.ndarray:
        """Return a label array of the grid on the voxels of ``oriented`` (nearest voxel)."""
        if not self.averaged:
            return coarse
        image = sitk.GetImageFromArray(coarse.astype(np.uint8))
        image.CopyInformation(self.coarse)
        # Blocks that do not divide the image leave a rim without coarse voxels: the edge value goes on there.
        resampled = sitk.Resample(
            image, self.oriented, sitk.Transform(), sitk.sitkNearestNeighbor, 0, image.GetPixelID(), True
        )
        return sitk.GetArrayFromImage(resampled).astype(coarse.dtype)

    def refined(self, coarse: np.ndarray, solid: np.ndarray) -> np.ndarray:
        """Return the mask with its surface moved to that of ``solid`` (native voxels), within 1.5 coarse voxels."""
        reach = 1.5 * max(self.spacing)
        inner = self.to_native(erode(coarse, self.spacing, reach))
        outer = self.to_native(dilate(coarse, self.spacing, reach))
        return inner | (outer & solid)

    def mask_image(self, native: np.ndarray) -> sitk.Image:
        """Return an array on ``oriented`` as a uint8 image on the grid of the original."""
        image = sitk.GetImageFromArray(native.astype(np.uint8))
        image.CopyInformation(self.oriented)
        code = sitk.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(self.original.GetDirection())
        image = sitk.DICOMOrient(image, code)
        image.CopyInformation(self.original)
        return image


def work_grid(image: sitk.Image, spacing_mm: float = WORK_SPACING_MM) -> WorkGrid:
    """Return the work grid of a 3-D scalar image, with spacings of about ``spacing_mm`` where the image is finer."""
    oriented = sitk.DICOMOrient(image, "LPS")
    factors = [
        max(1, min(int(spacing_mm / step + 0.05), size // 4))
        for step, size in zip(oriented.GetSpacing(), oriented.GetSize(), strict=True)
    ]
    floating = sitk.Cast(oriented, sitk.sitkFloat32)
    coarse = sitk.BinShrink(floating, factors) if max(factors) > 1 else floating
    i, j, k = coarse.GetSpacing()
    return WorkGrid(image, oriented, coarse, sitk.GetArrayFromImage(coarse), (k, j, i))
