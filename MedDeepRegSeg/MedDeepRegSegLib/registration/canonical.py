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
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.registration.filters import execute
from MedDeepRegSegLib.segmentation.foreground import foreground_mask

_PLACE_SPACING_MM = 4.0
_RIM_MM = 10.0  # beyond this distance from the body everything is air: tables vanish
AIR_VALUE = 0.12  # canonical values below this are outside the body
_LARGEST_RATIO = 5.0


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
        Label map on the same grid; where it is not 0, the image counts. Without it the body counts.
    what : str
        How messages call the image.
    cancel : CancelToken, optional

    Attributes
    ----------
    selected : ndarray of bool, on ``grid``
        What counts: the mask, else the body.
    center, low, high : ndarray, shape (3,)
        Center of mass and box of what counts, LPS mm.
    radius : float
        Root mean square distance of what counts from its center, mm.
    volume_mm3 : float
    """

    def __init__(
        self,
        image: sitk.Image,
        mask: sitk.Image | None = None,
        *,
        what: str = "image",
        cancel: CancelToken | None = None,
    ) -> None:
        self.what = what
        self._cancel = cancel
        body = _body(image, mask, what, cancel)
        # Averaging to about 1 mm bounds the memory; working grids are at least twice as coarse.
        shrink = [
            int(min(max(1, np.floor(1.3 / spacing)), size))
            for spacing, size in zip(image.GetSpacing(), image.GetSize(), strict=True)
        ]
        self._mask = None if mask is None else self._shrunk(sitk.Cast(mask != 0, sitk.sitkFloat32), shrink)
        body = self._shrunk(sitk.Cast(body, sitk.sitkFloat32), shrink)
        self._place(body if self._mask is None else self._mask)
        constant = _constant_outside(image, body, shrink)
        base = sitk.Cast(self._shrunk(image, shrink), sitk.sitkFloat32)
        self._canonical = self._mapped(base, body, constant)

    def _shrunk(self, image: sitk.Image, factors: list[int]) -> sitk.Image:
        """Return the image averaged over blocks of voxels."""
        if max(factors) <= 1:
            return image
        shrink = sitk.BinShrinkImageFilter()
        shrink.SetShrinkFactors(factors)
        return execute(shrink, image, cancel=self._cancel)

    def _place(self, counts: sitk.Image) -> None:
        """Set the 4 mm grid, what counts on it, and its center, box and size."""
        points = corners(counts)
        grid = grid_around(points.min(axis=0), points.max(axis=0), _PLACE_SPACING_MM)
        share = _on_grid(counts, grid, 0.0)
        # What is thinner than this grid still counts.
        selected = share >= 0.5 if (share >= 0.5).any() else share > 0
        if not selected.any():
            msg = f"{self.what} mask or body is smaller than a voxel of {_PLACE_SPACING_MM:g} mm: give a larger mask"
            raise InputError(msg)
        self.grid, self.selected = grid, selected
        index = np.argwhere(selected)[:, ::-1]
        self.center = index.mean(axis=0) * grid.spacing + grid.origin
        self.low = index.min(axis=0) * grid.spacing + grid.origin
        self.high = index.max(axis=0) * grid.spacing + grid.origin
        self.radius = float(np.sqrt((np.var(index, axis=0)).sum()) * grid.spacing)
        self.volume_mm3 = float(selected.sum()) * grid.spacing**3

    def _mapped(self, base: sitk.Image, body: sitk.Image, constant: float | None) -> sitk.Image:
        """Return intensities in [0, 1], with everything far from the body at 0."""
        array = sitk.GetArrayViewFromImage(base)
        core = sitk.GetArrayViewFromImage(body) > 0.5
        near = _near(body, _RIM_MM)
        # With a mask, the range serves what counts, whatever lies beside it.
        values = array[core] if self._mask is None else array[sitk.GetArrayViewFromImage(self._mask) > 0.5]
        if not values.size:
            values = array[core]
        quantiles = np.quantile(values[:: max(1, values.size // 500_000)], np.linspace(0.005, 0.995, 100))
        low, high = float(quantiles[0]), float(quantiles[-1])
        if not high > low:
            msg = f"{self.what} image has one value in its whole body or mask: choose an image or a mask that shows structure"
            raise InputError(msg)
        canonical = np.zeros(array.shape, dtype=np.float32)
        there = array[near]
        rank = np.interp(there, quantiles, np.linspace(0, 1, 100))
        linear = np.clip((there - low) / (high - low), 0, 1)
        mapped = AIR_VALUE + (1 - AIR_VALUE) * (0.5 * rank + 0.5 * linear)
        background = float(np.median(array[~core])) if not core.all() else low
        if constant is not None:
            mapped *= core[near]
        elif background < low:
            # Below the body's own values, fall to 0 at the level of air.
            ramp = np.clip((there - background) / (low - background), 0, 1) * AIR_VALUE
            mapped = np.where(there < low, ramp, mapped)
        canonical[near] = mapped
        image = sitk.GetImageFromArray(canonical)
        image.CopyInformation(base)
        if self._cancel is not None:
            self._cancel.raise_if_canceled()
        return image

    def at(self, spacing: float, *, margin_mm: float = 16.0, extended: bool = False) -> WorkingImage:
        """Return the canonical image on an isotropic grid around its selected part.

        Parameters
        ----------
        spacing : float
            Voxel size, mm.
        margin_mm : float
            How far the grid reaches beyond the selected part, mm.
        extended : bool
            Continue the outermost values beyond the field of view, where there is nothing: for what looks at edges,
            because the end of an image is none.
        """
        grid = grid_around(self.low, self.high, spacing, margin_mm)
        values = np.clip(_on_grid(self._smooth(spacing), grid, 0.0, extended=extended), 0.0, 1.0)
        selected = _image(self.selected, self.grid)
        foreground = _on_grid(selected, grid, 0.0) > 0.5
        return WorkingImage(grid, values, self._valid(grid), foreground)

    def through(
        self, matrix: NDArray[np.float64], offset: NDArray[np.float64], grid: Grid, *, extended: bool = False
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return canonical values and validity (s, p, l) on ``grid``, taken at matrix x + offset (LPS mm); see :meth:`at`."""
        transform = sitk.AffineTransform(3)
        transform.SetMatrix(matrix.ravel().tolist())
        transform.SetTranslation(offset.tolist())
        values = np.clip(_on_grid(self._smooth(grid.spacing), grid, 0.0, transform, extended=extended), 0.0, 1.0)
        return values, self._valid(grid, transform)

    def _smooth(self, spacing: float) -> sitk.Image:
        """Return the canonical image without detail that a grid of ``spacing`` mm cannot hold."""
        if self._cancel is not None:
            self._cancel.raise_if_canceled()
        # Averaging first makes the smoothing for coarse grids cheap.
        shrink = [
            int(np.clip(np.floor(spacing / (2 * own)), 1, size))
            for own, size in zip(self._canonical.GetSpacing(), self._canonical.GetSize(), strict=True)
        ]
        smooth = self._shrunk(self._canonical, shrink)
        sigma = [float(np.sqrt(max(spacing**2 - own**2, 0.0)) / 2) for own in smooth.GetSpacing()]
        if max(sigma) > 0.2 and min(smooth.GetSize()) >= 4:
            gaussian = sitk.SmoothingRecursiveGaussianImageFilter()
            gaussian.SetSigma([max(value, 0.05) for value in sigma])
            smooth = execute(gaussian, smooth, cancel=self._cancel)
        return smooth

    def _valid(self, grid: Grid, transform: sitk.Transform | None = None) -> NDArray[np.float32]:
        """Return 1 inside the field of view and the user's mask, 0 outside, at the mapped voxels of ``grid``."""
        if self._mask is not None:
            return _on_grid(self._mask, grid, 0.0, transform)
        whole = sitk.Image(self._canonical.GetSize(), sitk.sitkFloat32) + 1.0
        whole.CopyInformation(self._canonical)
        return _on_grid(whole, grid, 0.0, transform)


def _image(array: NDArray, grid: Grid) -> sitk.Image:
    """Return an array (s, p, l) on ``grid`` as a float image."""
    image = sitk.GetImageFromArray(array.astype(np.float32))
    image.SetOrigin(grid.origin.tolist())
    image.SetSpacing([grid.spacing] * 3)
    return image


def _on_grid(
    image: sitk.Image,
    grid: Grid,
    outside: float,
    transform: sitk.Transform | None = None,
    *,
    extended: bool = False,
) -> NDArray[np.float32]:
    """Return ``image`` interpolated linearly at the (mapped) voxels of ``grid``; beyond it ``outside``, or the nearest."""
    transform = transform or sitk.Transform(3, sitk.sitkIdentity)
    resampled = sitk.Resample(image, grid.image(), transform, sitk.sitkLinear, outside, sitk.sitkFloat32, extended)
    return sitk.GetArrayFromImage(resampled)


def _body(image: sitk.Image, mask: sitk.Image | None, what: str, cancel: CancelToken | None) -> sitk.Image:
    """Return the body in an image; where none is found, the user's mask stands for it."""
    try:
        return foreground_mask(image, "body", cancel=cancel)
    except InputError as error:
        if mask is not None:
            return sitk.Cast(mask != 0, sitk.sitkUInt8)
        msg = f"{what} image: {error}; or give a mask of the part that counts"
        raise InputError(msg) from error


def _constant_outside(image: sitk.Image, body: sitk.Image, shrink: list[int]) -> float | None:
    """Return the exact value around a cut-out body (a brain-extracted image), None where the air is noisy."""
    outside = sitk.GetArrayViewFromImage(body) == 0
    # One voxel of each averaged block is enough to see whether the value is exactly the same everywhere.
    step = tuple(slice(0, size * factor, factor) for size, factor in zip(outside.shape, shrink[::-1], strict=True))
    values = sitk.GetArrayViewFromImage(image)[step][outside]
    if values.size < 100:
        return None
    middle = float(np.median(values))
    return middle if float((values == middle).mean()) > 0.9 else None


def _near(body: sitk.Image, distance_mm: float) -> NDArray[np.bool_]:
    """Return what lies within a distance of the body: its box filter is positive there."""
    radius = [int(np.ceil(distance_mm / spacing)) for spacing in body.GetSpacing()][::-1]
    inside = (sitk.GetArrayViewFromImage(body) > 0.5).astype(np.uint8)
    for axis, reach in enumerate(radius):
        inside = ndimage.maximum_filter1d(inside, 2 * reach + 1, axis=axis, mode="constant")
    return inside > 0


def check_plausible_pair(fixed: CanonicalImage, moving: CanonicalImage) -> None:
    """Raise when one body is so much larger than the other that a unit must be wrong."""
    ratio = moving.radius / max(fixed.radius, 1e-6)
    if 1 / _LARGEST_RATIO <= ratio <= _LARGEST_RATIO:
        return
    larger, smaller = ("moving", "fixed") if ratio > 1 else ("fixed", "moving")
    msg = (
        f"the {larger} body is {max(ratio, 1 / ratio):.0f} times larger than the {smaller} one "
        f"({fixed.radius:.0f} and {moving.radius:.0f} mm radius, fixed and moving), expected about the same: "
        "check that voxel sizes are in mm, or give masks of the same part in both images"
    )
    raise InputError(msg)
