"""Between the voxels of the image and the coarser grid on which regions are compared."""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from MedDeepRegSegLib.segmentation.classic_growing_model import (
    arrival_time,
    difference_from,
    edge_strength,
    more_like,
    noise_of,
)
from MedDeepRegSegLib.segmentation.classic_growing_region import Growth, Problem
from MedDeepRegSegLib.segmentation.growing_seeds import unique_rows
from MedDeepRegSegLib.segmentation.morphology import (
    Mask,
    Spacing,
    bounding_box,
    closed,
    connected_to,
    depth_in,
    dilate,
    erode,
    filled,
    opened,
)

Region = tuple[slice, slice, slice]


@dataclass(frozen=True)
class Crop:
    """The part of an image in which something grows, and its grid for comparing regions."""

    image: sitk.Image
    """The whole image."""
    region: Region
    """The part, (k, j, i)."""
    factors: tuple[int, int, int]
    """How many voxels of the image are averaged for one of the coarse grid, (k, j, i)."""
    allowed: Mask | None
    """Where the region may go, on the image; everywhere if None."""
    limits: Region | None
    """The box around the structure, (k, j, i) on the image."""
    smoothness_mm: float
    """Scale of the smoothing, mm."""

    @property
    def size(self) -> tuple[int, int, int]:
        """Number of voxels of the part, (k, j, i)."""
        k, j, i = (part.stop - part.start for part in self.region)
        return k, j, i

    @property
    def spacing(self) -> Spacing:
        """mm along (k, j, i)."""
        i, j, k = self.image.GetSpacing()
        return k, j, i

    @property
    def part(self) -> sitk.Image:
        """The voxels of the part."""
        return self.image[self.region[2], self.region[1], self.region[0]]

    def fence(self) -> Mask | None:
        """Return the box within the part, or None without a box."""
        if self.limits is None:
            return None
        fence = np.zeros(self.size, bool)
        fence[
            tuple(
                slice(max(limit.start - part.start, 0), max(limit.stop - part.start, 0))
                for limit, part in zip(self.limits, self.region, strict=True)
            )
        ] = True
        return fence


def coarse_problem(crop: Crop, inside: np.ndarray, outside: np.ndarray) -> Problem:
    """Return the problem on the coarse grid of a crop, for seeds given as voxels (k, j, i) of the image."""
    factors = crop.factors
    coarse = sitk.BinShrink(sitk.Cast(crop.part, sitk.sitkFloat32), factors[::-1])
    spacing = coarse.GetSpacing()[::-1]
    # Averaging has smoothed already.
    values = sitk.GetArrayFromImage(smoothed(coarse, crop.smoothness_mm * (1.0 if max(factors) == 1 else 0.5)))
    shape = values.shape
    start = np.array([part.start for part in crop.region])

    def on_grid(points: np.ndarray) -> np.ndarray:
        local = (points - start) // factors
        local = local[((points >= start) & (local < shape)).all(axis=1)] if len(points) else local
        return unique_rows(np.minimum(local, np.array(shape) - 1))

    positive = unique_rows(np.minimum((inside - start) // factors, np.array(shape) - 1))
    negative = on_grid(outside)
    taken = set(map(tuple, positive.tolist()))
    negative = np.array([point for point in negative.tolist() if tuple(point) not in taken], int).reshape(-1, 3)
    permitted = np.ones(shape, bool)
    box = None
    if crop.allowed is not None:
        permitted &= _majority(crop.allowed[crop.region], factors, shape)
    fence = crop.fence()
    if fence is not None:
        box = _majority(fence, factors, shape)
        permitted &= box
    permitted[tuple(positive.T)] = True
    permitted[tuple(negative.T)] = False
    return Problem(values, spacing, positive, negative, permitted, _open_border(crop, shape), box)


def _majority(mask: Mask, factors: tuple[int, int, int], shape: tuple[int, ...]) -> Mask:
    image = sitk.GetImageFromArray(mask.astype(np.float32))
    share = sitk.GetArrayFromImage(sitk.BinShrink(image, factors[::-1]))
    return share[: shape[0], : shape[1], : shape[2]] >= 0.5


def _open_border(crop: Crop, shape: tuple[int, ...]) -> Mask:
    border = np.zeros(shape, bool)
    for axis, size in enumerate(crop.image.GetSize()[::-1]):
        place: list[slice | int] = [slice(None)] * 3
        if crop.region[axis].start > 0:
            place[axis] = 0
            border[tuple(place)] = True
        if crop.region[axis].stop < size:
            place[axis] = -1
            border[tuple(place)] = True
    return border


def smoothed(image: sitk.Image, smoothness_mm: float) -> sitk.Image:
    """Return a float32 image smoothed along its edges but not across, up to a scale in mm.

    Curvature flow (Sethian, Level Set Methods, 1999): ``n`` steps of ``t`` have the scale ``sqrt(2 n t)`` voxels.
    """
    floating = sitk.Cast(image, sitk.sitkFloat32)
    step = 0.0625
    finest = min(image.GetSpacing())
    count = round((min(smoothness_mm / finest, 3.0)) ** 2 / (2 * step))
    if count == 0 or min(image.GetSize()) < 3:
        return floating
    unit = sitk.Image(floating)
    # In units of the finest voxel, so that the time step stays stable for any spacing.
    unit.SetSpacing([part / finest for part in image.GetSpacing()])
    flowed = sitk.CurvatureFlow(unit, step, min(count, 40))
    flowed.SetSpacing(image.GetSpacing())
    return flowed


def refined_mask(crop: Crop, problem: Problem, growth: Growth) -> Mask:
    """Return the region that was found on the coarse grid, with its border on the voxels of the image.

    Returns
    -------
    numpy.ndarray
        Boolean (k, j, i) of the size of the crop.
    """
    mask = growth.mask if max(crop.factors) == 1 else _on_fine_voxels(crop, problem, growth)
    if crop.allowed is not None:
        mask = mask & crop.allowed[crop.region]
    fence = crop.fence()
    if fence is not None:
        mask = mask & fence
    return _finished(crop, mask, growth)


def _on_fine_voxels(crop: Crop, problem: Problem, growth: Growth) -> Mask:
    """Find the border again on the voxels of the image, within one and a fifth coarse voxels."""
    reach = 1.2 * max(problem.spacing)
    core = _enlarged(erode(growth.mask, problem.spacing, reach), crop)
    around = _enlarged(dilate(growth.mask, problem.spacing, reach), crop)
    if growth.ahead is not None:
        around &= _enlarged(growth.ahead > 0, crop) | core
    box = bounding_box(around)
    result = core.copy()
    if box is None:
        return result
    values = sitk.GetArrayFromImage(smoothed(crop.part[box[2], box[1], box[0]], crop.smoothness_mm))
    like = difference_from(values, growth.bands, growth.side)
    inside = (like <= growth.width) & ~more_like(values, like, growth.bands, growth.against)
    result[box] |= inside & around[box]
    return result


def _enlarged(mask: Mask, crop: Crop) -> Mask:
    """Return a mask of the coarse grid on the voxels of the crop."""
    fine = mask
    for axis, factor in enumerate(crop.factors):
        fine = np.repeat(fine, factor, axis=axis)
    padding = [(0, wanted - have) for wanted, have in zip(crop.size, fine.shape, strict=True)]
    return np.pad(fine, padding, mode="edge")


def _finished(crop: Crop, mask: Mask, growth: Growth) -> Mask:
    """Fill holes, smooth the border, and keep what is connected to the region that was found."""
    mask = filled(mask)
    radius = crop.smoothness_mm
    if radius >= 0.9 * min(crop.spacing):
        mask = filled(closed(mask, crop.spacing, radius))
        smooth = opened(mask, crop.spacing, radius)
        # Thin structures (vessels) would vanish: keep them as they are.
        mask = smooth if smooth.sum() > 0.8 * mask.sum() else mask
    return connected_to(mask, _enlarged(growth.mask, crop) & mask)


def cut_previous(image: sitk.Image, mask: Mask, inside: np.ndarray, outside: np.ndarray) -> Mask:
    """Return ``mask`` without what is nearer to the negative seeds than to the rest of it, by paths that avoid edges.

    Parameters
    ----------
    image:
        The image.
    mask:
        Boolean (k, j, i) on the image.
    inside, outside:
        Voxels (k, j, i) of the seeds. Without a positive seed in the mask, its innermost voxel far from the negative
        seeds stands for it.
    """
    box = bounding_box(mask, margin=[2, 2, 2])
    if box is None:
        return mask
    spacing = image.GetSpacing()[::-1]
    part = mask[box]
    start = np.array([side.start for side in box])
    values = sitk.GetArrayFromImage(smoothed(image[box[2], box[1], box[0]], 1.0))
    speed = 1.0 / (0.1 + 5.0 * edge_strength(values, noise_of(values)))
    speed[~part] = 1e-3
    against = np.zeros_like(part)
    local = outside - start
    local = local[((local >= 0) & (local < part.shape)).all(axis=1)]
    against[tuple(local.T)] = True
    against &= part
    if not against.any():
        return mask
    keep = np.zeros_like(part)
    local = inside - start
    local = local[((local >= 0) & (local < part.shape)).all(axis=1)] if len(local) else local
    keep[tuple(local.T)] = True
    keep &= part & ~against
    away = ndimage.distance_transform_edt(~against, sampling=spacing)
    depth = depth_in(part, spacing)
    if not keep.any():
        keep[np.unravel_index(np.argmax(np.minimum(depth, away)), part.shape)] = True
    ahead = arrival_time(speed, against, spacing) - arrival_time(speed, keep, spacing)
    left = connected_to(part & (ahead > 0), keep)
    result = mask.copy()
    result[box] = left
    return result
