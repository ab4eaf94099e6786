"""Registration by images in two stages: a search for the linear map, then a deformation of the fixed space."""

from typing import Protocol

import SimpleITK as sitk

from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, part_of
from MedDeepRegSegLib.registration.canonical import CanonicalImage, check_plausible_pair
from MedDeepRegSegLib.registration.deformation import Deformation
from MedDeepRegSegLib.registration.linear import Linear, closest_rigid
from MedDeepRegSegLib.registration.result import EngineResult, Stage
from MedDeepRegSegLib.registration.search import LinearSearch, search_linear
from MedDeepRegSegLib.registration.settings import RegistrationSettings
from MedDeepRegSegLib.registration.transforms import bent_then_linear, field_transform, matrix_transform

# A rival that gains at least this part of what the winner gains over a typical start makes the answer ambiguous.
_RIVAL_GAIN = 0.9


class Bend(Protocol):
    """Finds the deformation of the fixed space after which ``linear`` matches the images."""

    def __call__(
        self,
        fixed: CanonicalImage,
        moving: CanonicalImage,
        linear: Linear,
        settings: RegistrationSettings,
        *,
        progress: Progress,
        cancel: CancelToken | None,
    ) -> Deformation:
        """Return what was found."""


def register_in_stages(
    fixed: sitk.Image,
    moving: sitk.Image,
    settings: RegistrationSettings,
    *,
    fixed_mask: sitk.Image | None,
    moving_mask: sitk.Image | None,
    start: Linear | None,
    bend: Bend,
    progress: Progress,
    cancel: CancelToken | None,
) -> EngineResult:
    """Return the linear map, or the linear map after what ``bend`` finds.

    See :class:`MedDeepRegSegLib.registration.engines.Engine` for the other arguments.
    """
    progress(0.0, "Finding the body in the fixed image")
    fixed_form = CanonicalImage(fixed, fixed_mask, what="fixed", cancel=cancel)
    progress(0.07, "Finding the body in the moving image")
    moving_form = CanonicalImage(moving, moving_mask, what="moving", cancel=cancel)
    check_plausible_pair(fixed_form, moving_form)

    bends = settings.kind == "deformable"
    search = search_linear(
        fixed_form,
        moving_form,
        settings,
        start=start,
        progress=part_of(progress, 0.14, 0.45 if bends else 1.0),
        cancel=cancel,
    )
    found = search.best.linear
    linear = matrix_transform(found.matrix, found.shift, found.center)
    stages = list(_linear_stages(search, linear, settings))
    if not bends:
        return EngineResult(linear, tuple(stages), ambiguous=_ambiguous(search))

    deformation = bend(fixed_form, moving_form, found, settings, progress=part_of(progress, 0.45, 1.0), cancel=cancel)
    composite = bent_then_linear(field_transform(deformation.field, deformation.grid.image()), linear)
    stages.extend(_deformable_stages(deformation, composite))
    return EngineResult(composite, tuple(stages), notes=deformation.notes, ambiguous=_ambiguous(search))


def _linear_stages(search: LinearSearch, linear: sitk.Transform, settings: RegistrationSettings) -> tuple[Stage, ...]:
    """Return the stages of the search: the winner at the middle grid, and its refinement at the fine grid."""
    best, winner = search.best, search.winner
    if settings.kind == "rigid":
        middle = matrix_transform(winner.linear.matrix, winner.linear.shift, winner.linear.center)
        first = Stage("rigid, middle grid", middle, "similarity", winner.curve, settings.middle_spacing_mm)
        return first, Stage("rigid", linear, "similarity", best.curve, settings.fine_spacing_mm)
    whole = "similarity" if settings.kind == "similarity" else "affine"
    rigid = closest_rigid(winner.linear)
    first = Stage(
        f"rigid part of the {whole} start",
        matrix_transform(rigid.matrix, rigid.shift, rigid.center),
        "similarity",
        winner.curve,
        settings.middle_spacing_mm,
    )
    return first, Stage(whole, linear, "similarity", best.curve, settings.fine_spacing_mm)


def _deformable_stages(deformation: Deformation, composite: sitk.Transform) -> tuple[Stage, ...]:
    """Return one stage for each level of the deformation; the last carries the transform."""
    last = len(deformation.levels) - 1
    return tuple(
        Stage(
            f"deformable, {level.control_mm:g} mm control points, {level.spacing_mm:.3g} mm voxels",
            composite if number == last else None,
            "cost",
            level.curve,
            level.spacing_mm,
        )
        for number, level in enumerate(deformation.levels)
    )


def _ambiguous(search: LinearSearch) -> bool:
    """Return whether a distant rival gains nearly as much over a typical start as the winner."""
    if search.rival is None:
        return False
    gain = search.winner.similarity - search.typical
    return search.rival.similarity - search.typical > _RIVAL_GAIN * gain
