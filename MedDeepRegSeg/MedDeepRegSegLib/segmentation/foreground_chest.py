"""Lungs, left and right apart, and the thoracic cavity, in CT.

The lungs are the air inside the body that is not pure: parenchyma is -900 to -600 HU, gas in airways and bowel
-1000 HU. (After Hu, Hoffman and Reinhardt, IEEE TMI 2001, with a test for bowel gas added.)
"""

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull, Delaunay, QhullError

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.segmentation import foreground_surface
from MedDeepRegSegLib.segmentation.foreground_grid import WorkGrid
from MedDeepRegSegLib.segmentation.morphology import (
    Mask,
    Spacing,
    closed,
    components,
    connected_to,
    depth_in,
    dilate,
    distance_to,
    erode,
    filled_in_slices,
    opened,
)

RIGHT, LEFT = 1, 2
_LUNG_HU = -400.0
_PURE_AIR_HU = -930.0
_GAS_HU = -950.0
_SMALLEST_LUNG_ML = 20.0
_WHOLE_LUNG_ML = 300.0
_BONE_HU = 250.0


def ct_lungs(grid: WorkGrid, body: Mask) -> np.ndarray:
    """Return the lungs on the native grid: 1 right, 2 left, uint8.

    Vessels and nodules up to about 10 mm that touch the wall are included, large airways are not.

    Parameters
    ----------
    grid:
        The CT, Hounsfield units.
    body:
        The body on the grid's ``values``, with its inner air.

    Raises
    ------
    InputError
        If the field of view shows no lung.
    """
    values, spacing = grid.values, grid.spacing
    air = erode(body, spacing, 4.0) & (values < _LUNG_HU)  # skin voxels are half air
    smooth = ndimage.gaussian_filter(values, [2.0 / step for step in spacing])
    airways = _airways(air, smooth, spacing)
    parenchyma = _parenchyma(air & ~airways, values, spacing)
    too_small = parenchyma.sum() * np.prod(spacing) < _SMALLEST_LUNG_ML * 1000
    if too_small or _is_head(parenchyma, values, body):
        msg = "no lung was found in the field of view, expected a CT (in HU) that shows the chest: pick the chest CT or another structure"
        raise InputError(msg)
    sides = _sides(parenchyma, body, spacing)
    result = np.zeros(values.shape, np.uint8)
    for side in (RIGHT, LEFT):
        lung = sides == side
        if lung.any():
            whole = closed(lung, spacing, 5.0) & body & ~airways & ((values < 0) | closed(lung, spacing, 3.0))
            whole = filled_in_slices(whole)
            result[whole & (result == 0)] = side
    return _at_native(grid, result, airways)


def _at_native(grid: WorkGrid, coarse: np.ndarray, airways: Mask) -> np.ndarray:
    aerated = foreground_surface.aerated(grid.native_values(), grid.native_spacing(), grid.to_native(coarse > 0))
    aerated &= ~grid.to_native(airways)
    result = np.zeros(aerated.shape, np.uint8)
    for side in (RIGHT, LEFT):
        refined = grid.refined(coarse == side, aerated)
        result[refined & (result == 0)] = side
    return result


def _airways(air: Mask, smooth: np.ndarray, spacing: Spacing) -> Mask:
    """Return the trachea and main bronchi: pure air in a tube of the size of a trachea, near the top of the lungs."""
    pure = air & (smooth < _PURE_AIR_HU)
    inner = _eroded_once(pure, spacing)
    labels, sizes = components(inner)
    voxel_ml = np.prod(spacing) / 1000
    chosen = np.zeros_like(air)
    boxes = ndimage.find_objects(labels)
    for label in range(1, min(sizes.size, 20)):
        if sizes[label] * voxel_ml < 2.0:
            break
        box = boxes[label - 1]
        height, depth, width = ((part.stop - part.start) * step for part, step in zip(box, spacing, strict=True))
        tube = labels[box] == label
        area = tube.sum(axis=(1, 2)) * spacing[1] * spacing[2]
        # Taller than wide, and no slice larger than two main bronchi together.
        if height > 25 and height > 0.6 * max(depth, width) and np.percentile(area, 90) < 900:
            chosen |= labels == label
    return air & dilate(chosen, spacing, 1.5 * max(spacing)) if chosen.any() else chosen


def _eroded_once(mask: Mask, spacing: Spacing) -> Mask:
    return erode(mask, spacing, 0.99 * min(spacing))


def _parenchyma(air: Mask, values: np.ndarray, spacing: Spacing) -> Mask:
    """Return the components of ``air`` that are lung and not gas of stomach and bowel.

    Lung goes on to the top of the field of view unless all of it is in view, and then it is large. Gas is
    purer than lung, and than all but the worst emphysema.
    """
    core = opened(air, spacing, 2.0)
    labels, sizes = components(core)
    keep = np.zeros(sizes.size, bool)
    voxel_ml = np.prod(spacing) / 1000
    top = np.unique(labels[-2:])
    for label in range(1, sizes.size):
        volume = sizes[label] * voxel_ml
        if volume < 1.0:
            break
        large = volume > _WHOLE_LUNG_ML
        sample = values[labels == label]
        gas = float(np.mean(sample < _GAS_HU))
        keep[label] = (large or label in top) and gas < (0.6 if large else 0.15)
    kept = keep[labels]
    return connected_to(air & dilate(kept, spacing, 3.0), kept) if kept.any() else kept


def _is_head(parenchyma: Mask, values: np.ndarray, body: Mask) -> bool:
    """Return whether the air lies in slices with as much bone as a head has: then it is in the sinuses."""
    slices = parenchyma.any(axis=(1, 2))
    return float((values[slices] > _BONE_HU).sum()) > 0.15 * float(body[slices].sum())


def _sides(lungs: Mask, body: Mask, spacing: Spacing) -> np.ndarray:
    """Return the lungs split into 1 right and 2 left."""
    middle = _body_middle(body)
    seeds = _split(lungs, spacing, middle)
    labels, sizes = components(seeds)
    columns = np.broadcast_to(np.arange(lungs.shape[2]), lungs.shape)
    centers = np.bincount(labels.ravel(), columns.ravel(), sizes.size) / np.maximum(sizes, 1)
    result = np.where(centers > middle, LEFT, RIGHT).astype(np.uint8)[labels]
    result[labels == 0] = 0
    if not seeds[lungs].all():
        nearest = ndimage.distance_transform_edt(
            result == 0, sampling=spacing, return_distances=False, return_indices=True
        )
        result = np.where(lungs, result[tuple(nearest)], 0).astype(np.uint8)
    return result


def _split(lungs: Mask, spacing: Spacing, middle: float) -> Mask:
    """Return the lungs without what joins the left to the right: eroded as far as that needs, else cut in the middle."""
    offset = np.arange(lungs.shape[2]) - middle
    reach = 0.25 * float(np.abs(offset[lungs.any(axis=(0, 1))]).max())
    depth = depth_in(lungs, spacing)
    for radius in (0.0, 2.0, 4.0, 6.0, 9.0):
        seeds = lungs if radius == 0 else depth > radius
        labels, sizes = components(seeds)
        if sizes.size < 2:
            break
        part = labels == 1
        if (
            not ((offset < -reach) & part.any(axis=(0, 1))).any()
            or not ((offset > reach) & part.any(axis=(0, 1))).any()
        ):
            return seeds
    return lungs & (np.abs(offset) > reach)


def _body_middle(body: Mask) -> float:
    columns = np.argwhere(body.any(axis=0))[:, 1]
    return float((columns.min() + columns.max()) / 2)


def ct_thorax(grid: WorkGrid, body: Mask, lungs: np.ndarray) -> Mask:
    """Return the thoracic cavity on the native grid: lungs, and what lies between them above the diaphragm.

    In each axial slice the cavity is the convex hull of both lungs. Below the lungs' bases it ends at a smooth
    surface through the bases: a quadratic in the plane, fitted by asymmetric least squares, because the lung lies
    on the heart in places, which is no diaphragm.

    Parameters
    ----------
    grid, body:
        As in :func:`ct_lungs`.
    lungs:
        What :func:`ct_lungs` returned.
    """
    image = grid.values
    small = lungs if not grid.averaged else _to_coarse(grid, lungs)
    both = small > 0
    hull = np.zeros_like(both)
    for index in range(both.shape[0]):
        hull[index] = _convex_hull(both[index])
    base = _diaphragm(both, hull)
    heights = np.arange(image.shape[0])[:, None, None]
    cavity = both | (hull & body & (heights >= base[None]))
    cavity = closed(cavity, grid.spacing, 4.0) & body
    return grid.to_native(cavity) | (lungs > 0)


def _to_coarse(grid: WorkGrid, native: np.ndarray) -> np.ndarray:
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(native)
    image.CopyInformation(grid.oriented)
    return sitk.GetArrayFromImage(
        sitk.Resample(image, grid.coarse, sitk.Transform(), sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)
    )


def _convex_hull(mask: np.ndarray) -> np.ndarray:
    points = np.argwhere(mask & ~ndimage.binary_erosion(mask))
    if len(points) < 4:
        return mask
    try:
        hull = points[ConvexHull(points).vertices]
    except QhullError:  # all in one line
        return mask
    every = np.argwhere(np.ones_like(mask))
    return np.reshape(Delaunay(hull).find_simplex(every) >= 0, mask.shape)


def _diaphragm(lungs: Mask, hull: Mask) -> np.ndarray:
    """Return the slice index (j, i) of the diaphragm; -1 where the lungs reach the lowest slice everywhere."""
    covered = np.asarray(lungs.any(axis=0))
    lowest = lungs.argmax(axis=0)
    rows, columns = np.nonzero(covered & (distance_to(~covered[None], (1.0, 1.0, 1.0))[0] > 2))
    if rows.size < 50 or np.mean(lowest[rows, columns] == 0) > 0.5:
        return np.full(covered.shape, -1.0)

    def design(j: np.ndarray, i: np.ndarray) -> np.ndarray:
        y, x = j / covered.shape[0] - 0.5, i / covered.shape[1] - 0.5
        return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)

    terms, heights = design(rows, columns), lowest[rows, columns].astype(float)
    coefficients = np.zeros(terms.shape[1])
    weights = np.ones(rows.size)
    for _ in range(20):  # expectile regression (Newey and Powell, Econometrica 1987)
        root = np.sqrt(weights)
        coefficients, *_ = np.linalg.lstsq(terms * root[:, None], heights * root, rcond=None)
        weights = np.where(heights > terms @ coefficients, 0.15, 0.85)
    every = np.indices(covered.shape).reshape(2, -1)
    return (design(*every) @ coefficients).reshape(covered.shape)
