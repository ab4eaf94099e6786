"""One form for all images before they are compared: world-aligned working grids of comparable intensities.

Tables, padding and air must not rule a registration, so a foreground is found first; intensities are then clamped
robustly inside it, and half of the range follows the rank of a value, so that the few Hounsfield units between gray
and white matter get histogram bins beside the thousand units of bone.
"""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from MedDeepRegSegLib.errors import InputError

_FOREGROUND_SPACING_MM = 4.0
_AIR_VALUE = 0.12  # canonical values below this are outside the body
_CT_AIR_HU = -300.0


@dataclass(frozen=True)
class Grid:
    """An axis-aligned isotropic grid in LPS mm.

    Attributes
    ----------
    origin : ndarray, shape (3,)
        Position (l, p, s) of the first voxel's center, mm.
    spacing : float
        Distance of voxels, mm.
    size : tuple of int
        Number of voxels along l, p, s. Arrays on this grid have the reversed shape (s, p, l).
    """

    origin: NDArray[np.float64]
    spacing: float
    size: tuple[int, int, int]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of an array on this grid: (s, p, l)."""
        return self.size[2], self.size[1], self.size[0]

    def points(self, flat_index: NDArray[np.int64]) -> NDArray[np.float64]:
        """World positions (N, 3), LPS mm, of voxels given by flat index."""
        s, p, left = np.unravel_index(flat_index, self.shape)
        return np.stack([left, p, s], axis=1) * self.spacing + self.origin

    def image(self) -> sitk.Image:
        """Return an empty image of this geometry."""
        image = sitk.Image(list(self.size), sitk.sitkUInt8)
        image.SetOrigin(self.origin.tolist())
        image.SetSpacing([self.spacing] * 3)
        return image


def grid_around(low: NDArray[np.float64], high: NDArray[np.float64], spacing: float, margin: float = 0.0) -> Grid:
    """Return the grid that covers the box ``low`` to ``high`` (LPS mm) and ``margin`` mm around it."""
    size = np.ceil((high - low + 2 * margin) / spacing).astype(int) + 1
    origin = (low + high) / 2 - (size - 1) * spacing / 2
    return Grid(origin, float(spacing), (int(size[0]), int(size[1]), int(size[2])))


@dataclass(frozen=True)
class WorkingImage:
    """Canonical image on one working grid; arrays have the grid's shape (s, p, l).

    Attributes
    ----------
    grid : Grid
    values : ndarray of float32
        Canonical intensity in [0, 1]; 0 is outside of the body.
    valid : ndarray of float32
        1 inside the field of view (and user mask), 0 outside.
    foreground : ndarray of bool
        The body, or what the user's mask selects.
    """

    grid: Grid
    values: NDArray[np.float32]
    valid: NDArray[np.float32]
    foreground: NDArray[np.bool_]


def corners(image: sitk.Image) -> NDArray[np.float64]:
    """Return the 8 outermost voxel centers (8, 3) of a 3-D image in LPS mm."""
    last = [n - 1 for n in image.GetSize()]
    index = [(i, j, k) for i in (0, last[0]) for j in (0, last[1]) for k in (0, last[2])]
    return np.array([image.TransformIndexToPhysicalPoint(i) for i in index])


class CanonicalImage:
    """An image prepared for registration; :meth:`at` gives it on a working grid.

    Parameters
    ----------
    image : SimpleITK.Image
        3-D scalar image, already checked.
    mask : SimpleITK.Image, optional
        Label map on the same grid; where it is not 0, the image counts. Without it the automatic foreground counts.
    what : str
        How messages call the image.
    """

    def __init__(self, image: sitk.Image, mask: sitk.Image | None = None, *, what: str = "image") -> None:
        # Averaging to about 1 mm bounds the memory; working grids are at least twice as coarse.
        shrink = [
            int(min(max(1, np.floor(1.3 / spacing)), size))
            for spacing, size in zip(image.GetSpacing(), image.GetSize(), strict=True)
        ]
        base = sitk.BinShrink(image, shrink) if max(shrink) > 1 else image
        self._base = sitk.Cast(base, sitk.sitkFloat32)
        self._mask = None if mask is None else sitk.Cast(mask != 0, sitk.sitkFloat32)
        self.what = what
        self._find_foreground()
        self._make_canonical()

    def _find_foreground(self) -> None:
        """Find the body on a 4 mm grid; sets the foreground image, its center and its box."""
        points = corners(self._base)
        grid = grid_around(points.min(axis=0), points.max(axis=0), _FOREGROUND_SPACING_MM)
        array = sitk.GetArrayViewFromImage(self._base)
        self._constant = _constant_background(array)
        if self._constant is None:
            threshold = _CT_AIR_HU if _is_ct(array) else _otsu(array)
            body = self._base > threshold
        else:
            tolerance = 1e-3 * float(np.ptp(array))
            body = sitk.Not(
                sitk.BinaryThreshold(self._base, self._constant - tolerance, self._constant + tolerance)
            )
        coarse = _on_grid(sitk.Cast(body, sitk.sitkFloat32), grid, 0.0) >= 0.5
        self.grid = grid
        self._body = _largest_body(coarse)
        if not self._body.any():
            msg = (
                f"{self.what} image has no foreground that stands out from its background: "
                "check that it shows a body, or give a mask of the part that counts"
            )
            raise InputError(msg)
        selected = self._body
        if self._mask is not None:
            selected = _on_grid(self._mask, grid, 0.0) >= 0.5
            if not selected.any():
                # A mask thinner than the coarse grid still counts.
                selected = _on_grid(self._mask, grid, 0.0) > 0
        if not selected.any():
            msg = f"{self.what} mask is empty: paint the part that counts, or leave the mask out"
            raise InputError(msg)
        self.selected = selected
        index = np.argwhere(selected)[:, ::-1]
        self.center = index.mean(axis=0) * grid.spacing + grid.origin
        self.low = index.min(axis=0) * grid.spacing + grid.origin
        self.high = index.max(axis=0) * grid.spacing + grid.origin
        self.radius = float(np.sqrt((np.var(index, axis=0)).sum()) * grid.spacing)
        self.volume_mm3 = float(selected.sum()) * grid.spacing**3

    def _make_canonical(self) -> None:
        """Map intensities to [0, 1], with everything far from the body at 0."""
        body = sitk.GetImageFromArray(ndimage.binary_dilation(self._body, iterations=2).astype(np.float32))
        body.SetOrigin(self.grid.origin.tolist())
        body.SetSpacing([self.grid.spacing] * 3)
        near = sitk.Resample(body, self._base, sitk.Transform(), sitk.sitkLinear, 0.0, sitk.sitkFloat32)
        near_array = sitk.GetArrayViewFromImage(near) > 0.5
        array = sitk.GetArrayFromImage(self._base)
        inside = array[near_array]
        if self._constant is not None:
            inside = inside[np.abs(inside - self._constant) > 1e-3 * float(np.ptp(array))]
        else:
            core = sitk.GetImageFromArray(self._body.astype(np.float32))
            core.CopyInformation(body)
            core = sitk.Resample(core, self._base, sitk.Transform(), sitk.sitkLinear, 0.0, sitk.sitkFloat32)
            inside = array[sitk.GetArrayViewFromImage(core) > 0.5]
        step = max(1, inside.size // 500_000)
        quantiles = np.quantile(inside[::step], np.linspace(0.005, 0.995, 100))
        low, high = float(quantiles[0]), float(quantiles[-1])
        if not high > low:
            msg = f"{self.what} image has one value in its whole foreground: choose an image that shows structure"
            raise InputError(msg)
        background = float(np.median(array[~near_array])) if not near_array.all() else low
        rank = np.interp(array, quantiles, np.linspace(0, 1, 100))
        linear = np.clip((array - low) / (high - low), 0, 1)
        canonical = _AIR_VALUE + (1 - _AIR_VALUE) * (0.5 * rank + 0.5 * linear)
        if self._constant is not None:
            canonical[np.abs(array - self._constant) <= 1e-3 * float(np.ptp(array))] = 0.0
        elif background < low:
            # Below the body's own values, fall to 0 at the level of air.
            ramp = np.clip((array - background) / (low - background), 0, 1) * _AIR_VALUE
            canonical = np.where(array < low, ramp, canonical)
        canonical[~near_array] = 0.0
        image = sitk.GetImageFromArray(canonical.astype(np.float32))
        image.CopyInformation(self._base)
        self._canonical = image
        del self._base

    def at(self, spacing: float, *, margin_mm: float = 16.0) -> WorkingImage:
        """Return the canonical image on an isotropic grid around its selected part.

        Parameters
        ----------
        spacing : float
            Voxel size, mm.
        margin_mm : float
            How far the grid reaches beyond the selected part, mm.
        """
        grid = grid_around(self.low, self.high, spacing, margin_mm)
        sigma = [float(np.sqrt(max(spacing**2 - own**2, 0.0)) / 2) for own in self._canonical.GetSpacing()]
        smooth = self._canonical
        if max(sigma) > 0.2:
            smooth = sitk.SmoothingRecursiveGaussian(smooth, [max(value, 0.05) for value in sigma])
        values = np.clip(_on_grid(smooth, grid, 0.0), 0.0, 1.0)
        whole = sitk.Image(self._canonical.GetSize(), sitk.sitkFloat32) + 1.0
        whole.CopyInformation(self._canonical)
        valid = _on_grid(whole, grid, 0.0)
        if self._mask is not None:
            valid = np.minimum(valid, _on_grid(self._mask, grid, 0.0))
        selected = sitk.GetImageFromArray(self.selected.astype(np.float32))
        selected.SetOrigin(self.grid.origin.tolist())
        selected.SetSpacing([self.grid.spacing] * 3)
        foreground = _on_grid(selected, grid, 0.0) > 0.5
        return WorkingImage(grid, values, valid, foreground)


def _on_grid(image: sitk.Image, grid: Grid, outside: float) -> NDArray[np.float32]:
    """Return ``image`` interpolated linearly on ``grid``."""
    resampled = sitk.Resample(image, grid.image(), sitk.Transform(), sitk.sitkLinear, outside, sitk.sitkFloat32)
    return sitk.GetArrayFromImage(resampled)


def _is_ct(array: NDArray[np.float32]) -> bool:
    """Whether the values look like Hounsfield units with air around the body."""
    return bool(np.quantile(array[::2, ::2, ::2], 0.01) <= -500 and array.max() >= 100)


def _constant_background(array: NDArray[np.float32]) -> float | None:
    """Return the exact value around a cut-out body (a brain-extracted image), or None where the air is noisy."""
    border = np.concatenate([np.take(array, i, axis).ravel() for axis in range(3) for i in (0, -1)])
    values, counts = np.unique(border, return_counts=True)
    value = float(values[np.argmax(counts)])
    if counts.max() < 0.5 * border.size or _is_ct(array):
        return None
    # A noisy background has many other values below the body's; a cut-out one has hardly any.
    above = array > max(value, _otsu(array))
    quiet = array == value
    other = 1.0 - (above | quiet).mean()
    fraction_quiet = float(quiet.mean())
    return value if fraction_quiet > 0.1 and other < 2.0 * above.mean() + 0.02 and _compact(~quiet) else None


def _compact(mask: NDArray[np.bool_]) -> bool:
    """Whether a mask is mostly one thick body rather than scattered noise."""
    small = mask[::3, ::3, ::3]
    if not small.any():
        return False
    return bool(ndimage.binary_opening(small, iterations=1).sum() > 0.7 * small.sum())


def _otsu(array: NDArray[np.float32]) -> float:
    """Return a low threshold between air and tissue: half-way from the air's median to Otsu's threshold."""
    sample = array[::2, ::2, ::2].ravel()
    sample = np.clip(sample, *np.quantile(sample, [0.001, 0.995]))
    counts, edges = np.histogram(sample, bins=128)
    centers = (edges[:-1] + edges[1:]) / 2
    weight = np.cumsum(counts)
    mean = np.cumsum(counts * centers)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (mean[-1] * weight / weight[-1] - mean) ** 2 / (weight * (weight[-1] - weight))
    threshold = float(edges[int(np.nanargmax(between[:-1])) + 1])
    air = float(np.median(sample[sample <= threshold]))
    return (air + threshold) / 2


def _largest_body(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Keep the largest thick part, without tables and cables, with its holes filled."""
    ball = ndimage.generate_binary_structure(3, 1)
    opened = ndimage.binary_opening(mask, ball, iterations=2)
    if not opened.any():
        opened = mask
    labels, count = ndimage.label(opened)
    if count > 1:
        sizes = np.bincount(labels.ravel())
        sizes[0] = 0
        opened = labels == int(np.argmax(sizes))
    body = ndimage.binary_dilation(opened, ball, iterations=2) & mask
    # A field of view that cuts the body leaves its holes open at the border: fill them there slice by slice.
    body = ndimage.binary_fill_holes(body)
    for axis in range(3):
        for index in (0, -1):
            face: list[slice | int] = [slice(None)] * 3
            face[axis] = index
            body[tuple(face)] = ndimage.binary_fill_holes(body[tuple(face)])
    return ndimage.binary_fill_holes(body)
