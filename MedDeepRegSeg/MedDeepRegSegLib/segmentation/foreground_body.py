"""The body, or the head, apart from air, table and head rest."""

import numpy as np
from scipy import ndimage

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.segmentation.foreground_grid import WorkGrid
from MedDeepRegSegLib.segmentation.morphology import (
    Mask,
    Spacing,
    closed,
    components,
    connected_to,
    depth_in,
    dilate,
    erode,
    filled_in_slices,
    opened,
)

TISSUE_HU = -300.0
"""Between fat (-120 HU) and lung (-850 HU) or foam (-900 HU)."""
_SKIN_HU = -500.0  # half way from air to skin and fat: the place of the surface
_AIR_HU = -600.0
_OUTSIDE_AIR_HU = -950.0
_SHEET_MM = 4.0  # half the thickness of the table shells, clothes and wires that are cut off
_LIMB_MM = 12.0  # a second part is a limb, not a piece of the table, if it holds a ball of this radius
_PASSAGE_MM = 5.0  # nostrils are narrower: the airways do not count as outside
_SMALLEST_BODY_ML = 5.0
_CROP_MM = 130.0  # heads are wider


def ct_body(grid: WorkGrid) -> Mask:
    """Return the body in a CT in Hounsfield units, on the native grid: all tissue with the air inside of it.

    Tissue is what is denser than -300 HU. Table shells are thinner than 8 mm and fall to an opening; what
    remains apart is kept where it is thick (limbs). Air is inside unless it is connected to the sides of the
    field of view through passages wider than 10 mm.
    """
    values, spacing = grid.values, grid.spacing
    tissue = values > TISSUE_HU
    core = _body_parts(opened(tissue, spacing, _SHEET_MM), spacing)
    body = connected_to(core | (tissue & dilate(core, spacing, 1.5 * _SHEET_MM)), core)
    _check_size(body, spacing)
    body = _with_inner_air(body, values, spacing)
    return grid.refined(body, grid.native_values() > _SKIN_HU)


def _body_parts(core: Mask, spacing: Spacing) -> Mask:
    """Return the largest component and the other thick ones."""
    labels, sizes = components(core)
    if sizes.size < 2:
        return core
    keep = np.zeros(sizes.size, bool)
    keep[1] = True
    large = np.flatnonzero(sizes > 0.01 * sizes[1])
    if large.size > 1:
        thickest = ndimage.maximum(depth_in(core, spacing), labels, large)
        keep[large] |= np.asarray(thickest) >= _LIMB_MM
    return keep[labels]


def _check_size(body: Mask, spacing: Spacing) -> None:
    if body.sum() * np.prod(spacing) < _SMALLEST_BODY_ML * 1000:
        msg = "image shows no body: nothing denser than air forms a part of more than 5 ml, expected a CT or MR of a patient"
        raise InputError(msg)


def _with_inner_air(body: Mask, values: np.ndarray, spacing: Spacing) -> Mask:
    """Return the body with the air that it encloses."""
    free = ~body
    sides = _sides(body.shape)
    # A body wider than the field of view: lung cut by the side is not outside air, which is purer.
    labels, _ = ndimage.label(free)
    touching = np.unique(labels[sides & free])
    if touching.size:
        means = np.asarray(ndimage.median(values, labels, touching))
        outside = np.isin(labels, touching[means < _OUTSIDE_AIR_HU if values.min() < _AIR_HU else means > -np.inf])
    else:
        outside = np.zeros_like(body)
    wide = connected_to(erode(outside, spacing, _PASSAGE_MM), sides)
    reached = outside & dilate(wide, spacing, _PASSAGE_MM + 1.5 * max(spacing))
    # Slice by slice, so that lungs open to the top or bottom of the field of view are closed too.
    return filled_in_slices(body) & ~reached | body | (free & ~outside)


def mr_body(grid: WorkGrid, *, head: bool) -> Mask:
    """Return the body or head in an MR or another image without a fixed scale, on the native grid.

    The background is separated in the logarithm of the smoothed image, where a bias field of a factor of
    three moves tissue little against the distance to noise. Dark bone and air within are filled in.
    """
    values, spacing = grid.values, grid.spacing
    threshold = background_threshold(values, spacing)
    if threshold is None:
        return np.ones(grid.native_values().shape, bool)
    smooth = ndimage.gaussian_filter(values, [0.8 * 2.0 / step for step in spacing])
    signal = smooth > threshold
    core = _body_parts(opened(signal, spacing, 2.0), spacing)
    body = connected_to(core | (signal & dilate(core, spacing, 4.0)), core)
    _check_size(body, spacing)
    body = closed(body, spacing, 6.0 if head else 4.0)
    for axis in (0, 1, 2) if head else (0,):
        body = filled_in_slices(body, axis)
    return _at_half_maximum(grid, body, threshold)


def _at_half_maximum(grid: WorkGrid, body: Mask, threshold: float) -> Mask:
    """Return the body with its surface where the signal falls to half of the skin's, which blur does not move."""
    native, spacing = grid.native_values(), grid.native_spacing()
    size = [2 * int(np.ceil(4.0 / step)) + 1 for step in spacing]
    lowest = float(native.min())
    edge = lowest + 0.5 * (ndimage.maximum_filter(native, size) - lowest)
    solid = native > np.maximum(threshold, np.minimum(edge, np.percentile(native[grid.to_native(body)], 50)))
    # A dark skull or dark muscle below bright fat is no surface.
    refined = grid.refined(body, solid)
    for axis in range(3):
        refined = filled_in_slices(refined, axis)
    return refined


def background_threshold(values: np.ndarray, spacing: Spacing) -> float | None:
    """Return the value that separates the background (dark, outside) from signal, or None if all is signal.

    Parameters
    ----------
    values:
        Intensities (k, j, i) of any offset and scale, background darkest.
    spacing:
        mm along (k, j, i).

    Notes
    -----
    Otsu's threshold (IEEE Trans. SMC 1979) of the logarithm of the smoothed intensities. Where a background of one
    exact value was set around the tissue (brain extraction, defacing), what differs from it is signal unless
    much of it is noise, which forms thick dark parts at the outside.
    """
    lowest = float(values.min())
    bright = float(np.percentile(values, 99))
    if bright <= lowest:
        bright = float(values.max())
    faces = np.concatenate([values[:, [0, -1]].ravel(), values[:, :, [0, -1]].ravel()])
    common, counts = np.unique(faces, return_counts=True)
    blank = float(common[counts.argmax()])
    blank_share = counts.max() / faces.size
    smooth = ndimage.gaussian_filter(values, [0.8 * 2.0 / step for step in spacing])
    scale = 0.002 * (bright - lowest)
    logarithm = np.log(np.clip(smooth - lowest, 0, None) + scale)
    has_blank = blank_share > 0.2 and blank <= lowest + 0.02 * (bright - lowest)
    considered = np.abs(values - blank) > scale if has_blank else np.ones(values.shape, bool)
    if considered.mean() < 0.001:
        return lowest + 0.05 * (bright - lowest)
    split = np.exp(_otsu(logarithm[considered])) - scale + lowest
    # Otsu may cut between tissues where the background is small; background is far below the bright ones.
    split = min(split, lowest + 0.3 * (bright - lowest))
    dark = considered & (smooth < split)
    outside = connected_to(opened(dark | ~considered, spacing, 4.0), _sides(values.shape))
    # Where the sides are blank nearly everywhere, the dark parts are rather fat or scalp of a dark contrast.
    noisy = (outside & considered).sum() > (0.4 if blank_share > 0.8 else 0.05) * considered.sum()
    if has_blank and not noisy:
        return blank + 0.03 * (bright - lowest)
    if not outside.any() or _is_crop(outside, spacing):
        return None
    return float(split)


def _is_crop(outside: Mask, spacing: Spacing) -> bool:
    """Return whether a small field of view lies within the body, so that the dark parts at its sides are muscle or bone.

    A limb as small as that is surrounded by air; a crop of the trunk or neck has bright tissue at its sides too.
    """
    extent = [outside.shape[axis] * spacing[axis] for axis in (1, 2)]
    sides = _sides(outside.shape)
    return max(extent) < _CROP_MM and float(outside[sides].mean()) < 0.6


def _sides(shape: tuple[int, ...]) -> Mask:
    sides = np.zeros(shape, bool)
    sides[:, [0, -1], :] = True
    sides[:, :, [0, -1]] = True
    return sides


def _otsu(values: np.ndarray) -> float:
    counts, edges = np.histogram(values, 256)
    centers = (edges[1:] + edges[:-1]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * centers)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(edges[1:][np.nanargmax(np.where(np.isfinite(between), between, -1))])


def extracted_tissue(grid: WorkGrid, background: float) -> Mask:
    """Return what differs from a background of one value, on the native grid: an image after brain extraction."""
    values, spacing = grid.values, grid.spacing
    span = float(np.percentile(values, 99.5) - values.min())
    tissue = np.abs(values - background) > 0.03 * span
    core = _body_parts(opened(tissue, spacing, 2.0), spacing)
    body = connected_to(core | (tissue & dilate(core, spacing, 4.0)), core)
    _check_size(body, spacing)
    body = closed(body, spacing, 4.0)
    for axis in range(3):
        body = filled_in_slices(body, axis)
    return grid.refined(body, np.abs(grid.native_values() - background) > 0.03 * span) if grid.averaged else body
