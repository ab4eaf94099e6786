"""Whether an image can be worked on, and whether two images lie on one grid or share space.

World coordinates are LPS mm, as in ITK. Every check raises :class:`~MedDeepRegSegLib.errors.InputError`
with one line that says what was wrong, what was expected and what to do.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError

ORTHONORMAL_TOLERANCE = 1e-4
"""Largest difference of ``D^T D`` from the identity. Headers in single precision and gantry angles
rounded to six digits stay below it; a shear of 0.01 degree is above it."""

LATTICE_TOLERANCE = 0.05
"""Part of a voxel by which two grids may be apart and still count as one: headers round positions."""

MAXIMUM_LABELS = 2000
"""A label map with more different values is taken for an intensity image."""


def size_text(numbers: Sequence[float]) -> str:
    """Return ``"64x64x20"`` for sizes, spacings and the like."""
    return "x".join(f"{number:.6g}" for number in numbers)


def check_shape(image: sitk.Image, what: str = "image", *, minimum_size: int = 2) -> None:
    """Raise unless ``image`` is 3-D, scalar, large enough and has a usable grid.

    Parameters
    ----------
    image:
        Any image.
    what:
        What the image is to the user, for the message: ``"fixed image"``.
    minimum_size:
        Smallest number of voxels allowed along each axis.

    Raises
    ------
    InputError
        For other dimensions, vector or complex voxels, too few slices, a spacing that is not finite and
        positive, an origin that is not finite, or a direction that is not orthonormal (sheared).
    """
    size = image.GetSize()
    if len(size) != 3:
        todo = "pick one slice stack as a 3-D volume" if len(size) < 3 else "extract one 3-D frame of it"
        msg = f"{what} has {len(size)} dimensions ({size_text(size)}), expected 3: {todo}"
        raise InputError(msg)
    components = image.GetNumberOfComponentsPerPixel()
    if components != 1:
        msg = (
            f"{what} has {components} components per voxel, expected 1: pick a scalar volume or extract one "
            "component (in Slicer: Vector to Scalar Volume)"
        )
        raise InputError(msg)
    pixel_type = image.GetPixelIDTypeAsString()
    if "complex" in pixel_type:
        msg = f"{what} has complex voxels, expected real numbers: save its magnitude and pick that"
        raise InputError(msg)
    if pixel_type.startswith("label"):
        msg = f"{what} is a run-length label object ({pixel_type}), expected a plain image: convert it to a label image"
        raise InputError(msg)
    if min(size) < minimum_size:
        msg = (
            f"{what} has {size_text(size)} voxels, expected at least {minimum_size} along each axis: "
            "pick a volume of several slices"
        )
        raise InputError(msg)
    _check_grid(image, what)


def _check_grid(image: sitk.Image, what: str) -> None:
    spacing = np.array(image.GetSpacing())
    if not (np.isfinite(spacing).all() and (spacing > 0).all()):
        msg = f"{what} has a spacing of {size_text(image.GetSpacing())} mm, expected finite positive numbers: correct its header"
        raise InputError(msg)
    if not np.isfinite(image.GetOrigin()).all():
        msg = f"{what} has the origin {image.GetOrigin()}, expected finite numbers: correct its header"
        raise InputError(msg)
    direction = np.array(image.GetDirection()).reshape(3, 3)
    error = np.abs(direction.T @ direction - np.eye(3)).max() if np.isfinite(direction).all() else np.inf
    if not error <= ORTHONORMAL_TOLERANCE:
        msg = (
            f"{what} has axes that are not perpendicular unit vectors (off by {error:.2g}, at most "
            f"{ORTHONORMAL_TOLERANCE:g}), as from a tilted gantry: resample it to a regular grid first "
            "(in Slicer: load the DICOM series with acquisition geometry regularization and harden the transform)"
        )
        raise InputError(msg)


def check_volume(image: sitk.Image, what: str = "image", *, minimum_size: int = 2) -> None:
    """Raise unless ``image`` is a scalar 3-D volume that can be worked on.

    The checks of :func:`check_shape`, and the voxels must be finite and not all equal. Left-handed
    directions (a flipped axis) are allowed.

    Parameters
    ----------
    image:
        Any image.
    what:
        What the image is to the user, for the message: ``"fixed image"``.
    minimum_size:
        Smallest number of voxels allowed along each axis.

    Raises
    ------
    InputError
        With one line that says what was wrong and what to do.
    """
    check_shape(image, what, minimum_size=minimum_size)
    lowest, highest = value_range(image)
    if not (np.isfinite(lowest) and np.isfinite(highest)):
        bad = int((~np.isfinite(sitk.GetArrayViewFromImage(image))).sum())
        msg = (
            f"{what} has {bad} voxels that are not finite numbers (NaN or infinite) among "
            f"{image.GetNumberOfPixels()}: replace them with the background value"
        )
        raise InputError(msg)
    if lowest == highest:
        msg = f"{what} has the same value everywhere ({lowest:g}): it is empty, pick another volume"
        raise InputError(msg)


def check_label_map(
    image: sitk.Image, what: str = "label map", *, maximum_labels: int = MAXIMUM_LABELS, allow_empty: bool = True
) -> None:
    """Raise unless ``image`` is a 3-D map of whole, non-negative label numbers.

    Numbers stored as floating point are allowed when they are whole. One-slice maps are allowed.

    Parameters
    ----------
    image:
        Any image.
    what:
        What the image is to the user, for the message.
    maximum_labels:
        Largest number of different values; more means that an intensity image was picked.
    allow_empty:
        Whether a map without any label is allowed.

    Raises
    ------
    InputError
        With one line that says what was wrong and what to do.
    """
    check_shape(image, what, minimum_size=1)
    values = sitk.GetArrayViewFromImage(image)
    lowest, highest = value_range(image)
    if not (np.isfinite(lowest) and np.isfinite(highest)):
        msg = f"{what} has voxels that are not finite numbers, expected whole label numbers: pick a label map"
        raise InputError(msg)
    if lowest < 0:
        msg = (
            f"{what} has negative values (down to {lowest:g}), expected label numbers from 0: is it an intensity image?"
        )
        raise InputError(msg)
    if values.dtype.kind == "f" and not all((np.rint(part) == part).all() for part in values):
        msg = (
            f"{what} has fractional values, expected whole label numbers: it is an intensity or probability image, "
            "or was resampled with linear instead of nearest-neighbor interpolation"
        )
        raise InputError(msg)
    if highest > np.iinfo(np.uint32).max:
        msg = f"{what} has values up to {highest:g}, too large for label numbers: pick a label map"
        raise InputError(msg)
    if highest > maximum_labels:  # counting is slow, and needless below the limit
        count = len(np.unique(values))
        if count > maximum_labels:
            msg = f"{what} has {count} different values, expected at most {maximum_labels}: is it an intensity image?"
            raise InputError(msg)
    if highest == 0 and not allow_empty:
        msg = f"{what} has no label (0 everywhere): pick one with at least one segment"
        raise InputError(msg)


def value_range(image: sitk.Image) -> tuple[float, float]:
    """Return the lowest and highest voxel; NaN where any voxel is NaN. Makes no copy of the voxels."""
    values = sitk.GetArrayViewFromImage(image)
    return float(values.min()), float(values.max())


def index_to_world(image: sitk.Image) -> np.ndarray:
    """Return the (4, 4) matrix from voxel index (i, j, k, 1) to LPS mm. Works for sheared grids too."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    matrix[:3, 3] = image.GetOrigin()
    return matrix


def world_to_index(image: sitk.Image, points: np.ndarray) -> np.ndarray:
    """Return the continuous voxel indices (i, j, k), (N, 3), of points (N, 3) in LPS mm, also of those outside."""
    return (np.asarray(points, dtype=float) - image.GetOrigin()) @ np.linalg.inv(index_to_world(image)[:3, :3]).T


def volume_center(image: sitk.Image) -> np.ndarray:
    """Return the center of the grid, (3,) LPS mm."""
    middle = (np.array(image.GetSize()) - 1) / 2
    return index_to_world(image)[:3] @ np.append(middle, 1.0)


def volume_corners(image: sitk.Image) -> np.ndarray:
    """Return the outer corners of the corner voxels, (8, 3) LPS mm."""
    size = np.array(image.GetSize())
    choices = np.array(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij")).reshape(3, -1).T
    indices = choices * size - 0.5
    return indices @ index_to_world(image)[:3, :3].T + image.GetOrigin()


def same_geometry(a: sitk.Image, b: sitk.Image, *, tolerance_mm: float = 1e-3) -> bool:
    """Return whether two images have the same size and all voxels at the same place.

    Parameters
    ----------
    a, b:
        3-D images.
    tolerance_mm:
        Largest distance between matching corners; headers in single precision round by about 1e-4 mm.
    """
    if a.GetSize() != b.GetSize():
        return False
    return bool(np.abs(volume_corners(a) - volume_corners(b)).max() <= tolerance_mm)


def lattice_map(image: sitk.Image, grid: sitk.Image) -> tuple[np.ndarray, np.ndarray] | None:
    """Return how voxels of an image are numbered on a grid, where each falls onto a voxel of it or of its continuation.

    Centers may be apart by :data:`LATTICE_TOLERANCE`. Axes may be turned and the image may reach beyond the grid.

    Returns
    -------
    (3, 3) matrix of -1, 0 and 1, and (3,) start: ``matrix @ (i, j, k) + start`` is the index on the grid. None where voxels do
    not fall together.
    """
    to_index = np.linalg.inv(index_to_world(grid)) @ index_to_world(image)
    turned, start = np.rint(to_index[:3, :3]), np.rint(to_index[:3, 3])
    if not np.array_equal(np.abs(turned) @ np.ones(3), np.ones(3)):
        return None
    last = np.array(image.GetSize()) - 1
    corners = np.array(np.meshgrid(*((0, end) for end in last), indexing="ij")).reshape(3, -1).T
    off = corners @ to_index[:3, :3].T + to_index[:3, 3] - (corners @ turned.T + start)
    return (turned, start) if np.abs(off).max() <= LATTICE_TOLERANCE else None


def check_same_geometry(
    a: sitk.Image, b: sitk.Image, what_a: str = "image", what_b: str = "label map", *, tolerance_mm: float = 1e-3
) -> None:
    """Raise :class:`InputError` unless two images lie on one grid; the message says how they differ.

    Parameters
    ----------
    a, b:
        3-D images.
    what_a, what_b:
        What they are to the user, for the message.
    tolerance_mm:
        Largest distance between matching corners.
    """
    if a.GetSize() != b.GetSize():
        difference = f"{what_b} has {size_text(b.GetSize())} voxels, {what_a} has {size_text(a.GetSize())}"
    elif not same_geometry(a, b, tolerance_mm=tolerance_mm):
        distance = np.linalg.norm(volume_corners(a) - volume_corners(b), axis=1).max()
        difference = f"{what_b} and {what_a} have equal sizes but lie up to {distance:.4g} mm apart"
    else:
        return
    msg = f"{difference}, expected the same grid: resample {what_b} to {what_a}"
    raise InputError(msg)


def with_geometry_of(image: sitk.Image, reference: sitk.Image) -> sitk.Image:
    """Return a copy of ``image`` whose grid is exactly that of ``reference``.

    For pairs that pass :func:`same_geometry` and differ by rounding, because ITK filters with two inputs
    are stricter than any file format.
    """
    copied = sitk.Image(image)
    copied.CopyInformation(reference)
    return copied


def fields_of_view_overlap(
    a: sitk.Image, b: sitk.Image, transform: sitk.Transform | None = None, *, samples_per_axis: int = 32
) -> float:
    """Return how much of the smaller field of view lies within the other one, in [0, 1].

    Parameters
    ----------
    a:
        3-D image (the fixed one).
    b:
        3-D image (the moving one).
    transform:
        Maps points of ``a`` to points of ``b``; identity if None.
    samples_per_axis:
        The overlap is counted on this many points along each axis of ``a``.

    Returns
    -------
    float
        Volume of the shared part over the smaller of the two volumes (as seen in the space of ``a``):
        1 when one lies within the other, 0 when they are disjoint.
    """
    if (
        transform is None
        and np.prod(b.GetSpacing()) * b.GetNumberOfPixels() < np.prod(a.GetSpacing()) * a.GetNumberOfPixels()
    ):
        a, b = b, a  # symmetric without a transform, and more exact when the smaller one is sampled
    steps = (np.arange(samples_per_axis) + 0.5) / samples_per_axis
    grid = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    points = (grid * a.GetSize() - 0.5) @ index_to_world(a)[:3, :3].T + a.GetOrigin()
    mapped = points if transform is None else np.array([transform.TransformPoint(p) for p in points.tolist()])
    inside = world_to_index(b, mapped)
    shared = ((inside >= -0.5) & (inside <= np.array(b.GetSize()) - 0.5)).all(axis=1).mean()
    volume_a = abs(np.linalg.det(index_to_world(a)[:3, :3])) * a.GetNumberOfPixels()
    volume_b = abs(np.linalg.det(index_to_world(b)[:3, :3])) * b.GetNumberOfPixels()
    volume_b /= _volume_change(mapped, samples_per_axis, volume_a)
    return float(min(1.0, shared * volume_a / min(volume_a, volume_b)))


def _volume_change(mapped: Any, samples: int, volume: float) -> float:
    """Volume that ``volume``, sampled on a grid that was mapped to ``mapped``, has after mapping, over ``volume``."""
    corners = mapped.reshape(samples, samples, samples, 3)
    edges = [corners[-1, 0, 0], corners[0, -1, 0], corners[0, 0, -1]] - corners[0, 0, 0]
    change = abs(np.linalg.det(edges * samples / (samples - 1))) / volume
    return change if np.isfinite(change) and change > 0 else 1.0
