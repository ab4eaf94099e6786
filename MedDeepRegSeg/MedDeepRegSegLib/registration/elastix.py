"""The method "elastix": itk-elastix, when it is installed; what many know, to compare with and to fall back on.

Mattes mutual information by adaptive stochastic gradient descent: rigid, similarity or affine on the three working
grids, then one B-spline for each distance of control points, coarse to fine. It has no search: it starts where the images
lie, or where their fields of view or bodies have one center, whichever matches best. A B-spline that folds is left out.
``stiffness`` and ``largest_rotation_degrees`` have no meaning here.

Sources: S. Klein et al., "elastix: a toolbox for intensity-based medical image registration", IEEE TMI 29 (2010);
D. Shamonin et al., Frontiers in Neuroinformatics 7 (2014). Apache License 2.0.
"""

from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, part_of
from MedDeepRegSegLib.registration.canonical import (
    CanonicalImage,
    Grid,
    check_plausible_pair,
    corners,
    grid_around,
)
from MedDeepRegSegLib.registration.elastix_steps import ElastixSteps, ParameterMap, linear_map, load_itk
from MedDeepRegSegLib.registration.fading import fade_length, fade_weights
from MedDeepRegSegLib.registration.fields import smallest_determinant
from MedDeepRegSegLib.registration.landmarks import Pairs
from MedDeepRegSegLib.registration.linear import Linear, compare, inverse
from MedDeepRegSegLib.registration.result import EngineResult, Stage
from MedDeepRegSegLib.registration.settings import RegistrationSettings
from MedDeepRegSegLib.registration.transforms import bent_then_linear, field_transform, matrix_transform
from MedDeepRegSegLib.volumes.geometry import volume_center

_ITERATIONS = 8  # times those of the settings: each looks at a few points only
_START_POINTS = 4000
_FIELD_MM = (1.0, 3.0)  # voxels of the field: an eighth of the distance of control points, within these
_VOXELS = 2_000_000  # a larger image gets a coarser field, so that memory stays bounded


def run(
    fixed: sitk.Image,
    moving: sitk.Image,
    settings: RegistrationSettings,
    *,
    fixed_mask: sitk.Image | None,
    moving_mask: sitk.Image | None,
    start: Linear | None,
    pairs: Pairs | None,
    progress: Progress,
    cancel: CancelToken | None,
) -> EngineResult:
    """Register; see :class:`MedDeepRegSegLib.registration.engines.Engine`. Landmarks are not used.

    Raises
    ------
    MissingPackageError
        When itk-elastix is not installed.
    InputError
        When elastix loses the overlap of the images.
    """
    progress(0.0, "Loading elastix")
    load_itk()
    linear = start
    if linear is None:
        progress(0.02, "Comparing starts")
        linear = _start(fixed, moving, settings, (fixed_mask, moving_mask), cancel)
    steps = ElastixSteps(
        fixed,
        moving,
        fixed_mask=fixed_mask,
        moving_mask=moving_mask,
        iterations=_ITERATIONS * settings.iterations,
        seed=settings.seed,
    )
    bends = settings.kind == "deformable"
    plan = _linear_plan(settings)
    stages: list[Stage] = []
    for number, (kind, spacing) in enumerate(plan):
        part_of(progress, 0.1, 0.4 if bends else 1.0)(number / len(plan), f"elastix, {kind}, {spacing:g} mm")
        if cancel is not None:
            cancel.raise_if_canceled()
        linear, curve = steps.linear(kind, spacing, linear)
        transform = matrix_transform(linear.matrix, linear.shift, linear.center)
        stages.append(Stage(f"{kind}, elastix, {spacing:g} mm", transform, "cost", curve, spacing))
    if not bends:
        return EngineResult(transform, tuple(stages))
    bent = _bent(fixed, steps, linear, settings, progress=part_of(progress, 0.4, 1.0), cancel=cancel)
    if bent.field is None:
        return EngineResult(transform, (*stages, *bent.stages), notes=bent.notes)
    composite = bent_then_linear(bent.field, transform)
    # A level that would fold is told of, but left out: the last that was kept carries the transform.
    levels = [replace(stage, transform=composite if n == bent.kept else None) for n, stage in enumerate(bent.stages)]
    return EngineResult(composite, (*stages, *levels), notes=bent.notes)


def _start(
    fixed: sitk.Image,
    moving: sitk.Image,
    settings: RegistrationSettings,
    masks: tuple[sitk.Image | None, sitk.Image | None],
    cancel: CancelToken | None,
) -> Linear:
    """Return the shift that matches best: none, or that of the centers of fields of view, or of bodies."""
    fixed_form = CanonicalImage(fixed, masks[0], what="fixed", cancel=cancel)
    moving_form = CanonicalImage(moving, masks[1], what="moving", cancel=cancel)
    check_plausible_pair(fixed_form, moving_form)
    center = fixed_form.center
    shifts = [np.zeros(3), volume_center(moving) - volume_center(fixed), moving_form.center - center]
    comparison = compare(fixed_form, moving_form, settings.coarse_spacing_mm, settings, count=_START_POINTS)
    starts = [Linear(np.eye(3), shift, center) for shift in shifts]
    return max(starts, key=lambda one: comparison.score(one)[0])


def _linear_plan(settings: RegistrationSettings) -> list[tuple[str, float]]:
    """Return kind and working grid, mm, of each linear step: the more freedom, the later."""
    coarse, middle, fine = settings.coarse_spacing_mm, settings.middle_spacing_mm, settings.fine_spacing_mm
    if settings.kind == "rigid":
        return [("rigid", coarse), ("rigid", middle), ("rigid", fine)]
    most = "similarity" if settings.kind == "similarity" else "affine"
    return [("rigid", coarse), ("rigid", middle), (most, middle), (most, fine)]


@dataclass(frozen=True)
class _Bent:
    """The field, None when there is nothing that does not fold; how it was found, and which stage was kept."""

    field: sitk.DisplacementFieldTransform | None
    stages: tuple[Stage, ...]
    kept: int
    notes: tuple[str, ...] = ()


def _bent(
    fixed: sitk.Image,
    steps: ElastixSteps,
    linear: Linear,
    settings: RegistrationSettings,
    *,
    progress: Progress,
    cancel: CancelToken | None,
) -> _Bent:
    """Add B-splines, coarse to fine, as long as nothing folds."""
    maps = [linear_map(linear)]
    found = None
    stages: list[Stage] = []
    levels = settings.control_spacing_mm
    for number, control in enumerate(levels):
        progress(number / len(levels), f"elastix, B-spline, control points of {control:g} mm")
        if cancel is not None:
            cancel.raise_if_canceled()
        spacing = min(max(settings.fine_spacing_mm, control / 10), 2 * settings.fine_spacing_mm)
        maps, curve = steps.bend(control, spacing, maps)
        if cancel is not None:
            cancel.raise_if_canceled()
        field, grid = bent_field(fixed, steps, linear, maps, float(np.clip(control / 8, *_FIELD_MM)))
        stages.append(Stage(f"deformable, elastix, {control:g} mm control points", None, "cost", curve, spacing))
        if smallest_determinant(field, grid.spacing) <= 0:
            note = f"elastix's deformation with control points of {control:g} mm would fold and was left out"
            return _Bent(found, tuple(stages), number - 1, (note,))
        found = field_transform(field, grid.image())
    return _Bent(found, tuple(stages), len(stages) - 1)


def bent_field(
    fixed: sitk.Image, steps: ElastixSteps, linear: Linear, maps: list[ParameterMap], spacing: float
) -> tuple[NDArray[np.float64], Grid]:
    """Return the field that bends the fixed space before ``linear`` so that both are what elastix found.

    elastix bends after the linear map, and jumps to no displacement where its control points end. Here the field is
    elastix's inside the field of view; outside, that of the nearest place inside, fading to zero.

    Parameters
    ----------
    fixed : SimpleITK.Image
    steps : ElastixSteps
    linear : Linear
        The linear map with which ``maps`` begins.
    maps : list of parameter maps
        All of elastix's transforms in the order in which they act.
    spacing : float
        Voxel size of the field, mm; more for a large image.

    Returns
    -------
    field : ndarray, shape (3, Z, Y, X)
        Displacement, mm.
    grid : Grid
    """
    box = corners(fixed)
    low, high = box.min(axis=0), box.max(axis=0)
    lattice = _lattice(fixed, max(spacing, float(np.cbrt(np.prod(high - low) / _VOXELS))))
    size, step = np.array(lattice.GetSize()), np.array(lattice.GetSpacing())
    direction = np.array(lattice.GetDirection()).reshape(3, 3)
    index = np.stack(np.meshgrid(*[np.arange(count) for count in size[::-1]], indexing="ij"))[::-1].reshape(3, -1)
    points = direction @ (index * step[:, None]) + np.array(lattice.GetOrigin())[:, None]
    goals = points + steps.displacement(maps, lattice).reshape(3, -1)
    inside = (inverse(linear).columns(goals) - points).reshape(3, *size[::-1])

    fade = fade_length(float(np.linalg.norm(inside, axis=0).max()))
    volume = float(np.prod(high - low + 2 * fade))
    grid = grid_around(low, high, max(spacing, float(np.cbrt(volume / _VOXELS))), fade)
    flat = grid.points(np.arange(int(np.prod(grid.shape)))).T
    place = (direction.T @ (flat - np.array(lattice.GetOrigin())[:, None])) / step[:, None]
    nearest = np.clip(place, 0, (size - 1)[:, None])
    weights = fade_weights(np.linalg.norm((place - nearest) * step[:, None], axis=0), fade)
    values = [ndimage.map_coordinates(part, nearest[::-1], order=3, mode="nearest") * weights for part in inside]
    return np.stack(values).reshape(3, *grid.shape), grid


def _lattice(fixed: sitk.Image, spacing: float) -> sitk.Image:
    """Return a grid with voxels of about ``spacing`` mm whose corners are those of the image, in its direction."""
    extent = (np.array(fixed.GetSize()) - 1) * np.array(fixed.GetSpacing())
    size = np.maximum(np.ceil(extent / spacing).astype(int) + 1, 4)
    lattice = sitk.Image(size.tolist(), sitk.sitkUInt8)
    lattice.SetSpacing((extent / (size - 1)).tolist())
    lattice.SetOrigin(fixed.GetOrigin())
    lattice.SetDirection(fixed.GetDirection())
    return lattice
