"""The method "landmarks": the map that pairs of points ask for, without a look at the images.

Rigid, similarity and affine maps by least squares (:mod:`~MedDeepRegSegLib.registration.landmarks`); deformable ones are
the affine map and a thin-plate spline through what it leaves (:mod:`~MedDeepRegSegLib.registration.thin_plate`). How far
points are off that were not used is told by leaving each pair out once.
"""

from collections.abc import Callable

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, part_of
from MedDeepRegSegLib.registration.canonical import corners
from MedDeepRegSegLib.registration.landmarks import (
    Pairs,
    affine_from_landmarks,
    rigid_from_landmarks,
    similarity_from_landmarks,
)
from MedDeepRegSegLib.registration.linear import Linear, inverse
from MedDeepRegSegLib.registration.result import EngineResult, Stage
from MedDeepRegSegLib.registration.settings import RegistrationSettings
from MedDeepRegSegLib.registration.thin_plate import ThinPlate, fit_thin_plate, spline
from MedDeepRegSegLib.registration.transforms import bent_then_linear, field_transform, matrix_transform

_SAME_PLACE_MM = 0.01
_MOST_LEFT_OUT = 100

_LINEAR: dict[str, Callable[..., Linear]] = {
    "rigid": rigid_from_landmarks,
    "similarity": similarity_from_landmarks,
    "affine": affine_from_landmarks,
    "deformable": affine_from_landmarks,
}


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
    """Register; see :class:`MedDeepRegSegLib.registration.engines.Engine`. Masks and start are not used.

    Raises
    ------
    InputError
        When there are no landmarks, too few for the kind, two at one place, or all on a line or in a plane.
    """
    if pairs is None:
        msg = "the method landmarks has no landmarks, expected 3 pairs or more: place them in both images"
        raise InputError(msg)
    progress(0.0, "Fitting the landmarks")
    found = _LINEAR[settings.kind](*pairs)
    linear = matrix_transform(found.matrix, found.shift, found.center)
    before, after = _mean(pairs[0] - pairs[1]), _mean(found(pairs[0]) - pairs[1])
    name = "affine" if settings.kind == "deformable" else settings.kind
    stages = [Stage(f"{name}, landmarks", linear, "cost", (before, after), 0.0)]
    if settings.kind != "deformable":
        return EngineResult(linear, tuple(stages), notes=_left_out_note(pairs, settings.kind, cancel))

    _check_apart(pairs[0], "fixed")
    _check_apart(pairs[1], "moving")
    box = corners(fixed)
    plate = fit_thin_plate(
        pairs[0],
        inverse(found)(pairs[1]) - pairs[0],
        box.min(axis=0),
        box.max(axis=0),
        progress=part_of(progress, 0.1, 0.9),
        cancel=cancel,
    )
    composite = bent_then_linear(field_transform(plate.field, plate.grid.image()), linear)
    stages.append(Stage("thin-plate spline", composite, "cost", (after, plate.left_mm), plate.grid.spacing))
    progress(0.9, "Leaving landmarks out one at a time")
    notes = (*_folding_note(plate), *_left_out_note(pairs, settings.kind, cancel))
    return EngineResult(composite, tuple(stages), notes=notes)


def _mean(difference: NDArray[np.float64]) -> float:
    """Return the mean length of vectors (N, 3)."""
    return float(np.linalg.norm(difference, axis=1).mean())


def _check_apart(points: NDArray[np.float64], what: str) -> None:
    """Raise where two landmarks lie at one place, which no bending can take to two."""
    found = cKDTree(points).query_pairs(_SAME_PLACE_MM, output_type="ndarray")
    if len(found):
        first, second = sorted(int(number) + 1 for number in found[0])
        msg = f"{what} landmarks {first} and {second} lie at one place, expected each apart: remove or move one"
        raise InputError(msg)


def _folding_note(plate: ThinPlate) -> tuple[str, ...]:
    """Return what to say where the landmarks could not be met."""
    if not plate.smoothing:
        return ()
    return (
        f"meeting every landmark would fold the image; it was bent less, which leaves {plate.left_mm:.1f} mm on average: "
        "check that both lists have the same order",
    )


def _left_out_note(pairs: Pairs, kind: str, cancel: CancelToken | None) -> tuple[str, ...]:
    """Return how far landmarks are missed that were not used."""
    errors = leave_one_out(pairs, kind, cancel=cancel)
    if not errors.size:
        return ("there are too few landmarks to tell how far other places are off: place one or more others",)
    return (
        f"a landmark that is left out is missed by {errors.mean():.1f} mm on average (largest {errors.max():.1f} mm)",
    )


def leave_one_out(pairs: Pairs, kind: str, *, cancel: CancelToken | None = None) -> NDArray[np.float64]:
    """Return how far each landmark, mm, is missed by the map that the others ask for.

    Parameters
    ----------
    pairs : two arrays (N, 3)
        LPS mm.
    kind : {"rigid", "similarity", "affine", "deformable"}
    cancel : CancelToken, optional

    Returns
    -------
    ndarray, shape (M,)
        Without those whose absence leaves the map open; of many landmarks, evenly chosen 100 at most.
    """
    fixed, moving = pairs
    chosen = np.unique(np.linspace(0, len(fixed) - 1, min(len(fixed), _MOST_LEFT_OUT)).astype(int))
    errors = []
    for left_out in chosen:
        if cancel is not None:
            cancel.raise_if_canceled()
        rest = np.arange(len(fixed)) != left_out
        try:
            linear = _LINEAR[kind](fixed[rest], moving[rest])
        except InputError:
            continue
        place = fixed[left_out : left_out + 1]
        if kind == "deformable":
            place = place + spline(fixed[rest], inverse(linear)(moving[rest]) - fixed[rest])(place)
        errors.append(float(np.linalg.norm(linear(place) - moving[left_out])))
    return np.array(errors)
