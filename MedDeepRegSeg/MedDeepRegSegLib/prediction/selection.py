"""Which cases to label next: those that the model is unsure of, and that are unlike what is labeled and chosen already.

Uncertainty alone picks the same difficulty over and over; diversity alone picks oddities. Both together: cases are taken one
after another, each with the largest sum of its uncertainty and its distance to the nearest case that is labeled or taken
(the greedy k-center of O. Sener, S. Savarese, "Active learning for convolutional neural networks: a core-set approach",
ICLR 2018), both as fractions of the largest ones.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.datasets.dataset import Case, Dataset
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of
from MedDeepRegSegLib.wording import by_number, counted

if TYPE_CHECKING:
    from MedDeepRegSegLib.models.segmenter_folder import LoadedSegmenter

Describe = Callable[[sitk.Image, sitk.Image], np.ndarray]
"""Returns what an image shows under a mask (not 0) on its grid, as a vector."""

NEAR_MM = 6.0
"""Uncertainty counts within this distance of what was found: elsewhere nearly all is sure background."""

_NOTHING_FOUND = 0.01  # part of the voxels, the most unsure ones, that counts where nothing was found


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A case that could be labeled.

    Attributes
    ----------
    case, patient : str
    uncertainty : float
        Mean normalized entropy near what was found, 0 to 1.
    found_ml : float
        Volume of all that was found, ml.
    features : numpy.ndarray, shape (F,)
    """

    case: str
    patient: str
    uncertainty: float
    found_ml: float
    features: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A case to label.

    Attributes
    ----------
    rank : int
        From 1.
    case, patient : str
    uncertainty : float
        Mean normalized entropy near what was found, 0 to 1.
    distance : float or None
        Of its features to the nearest case that is labeled or comes before it; None for the first where none is labeled.
    score : float
        0 to 1, when it was chosen.
    reason : str
        In words.
    """

    rank: int
    case: str
    patient: str
    uncertainty: float
    distance: float | None
    score: float
    reason: str


def unlabeled_cases(dataset: Dataset) -> tuple[Case, ...]:
    """Return the cases that have no labels or no role yet.

    Raises
    ------
    InputError
        If there is none.
    """
    cases = tuple(case for case in dataset.cases if case.labels is None or case.role == "unused")
    if not cases:
        msg = (
            f"dataset {dataset.name!r} has no case without labels or of role unused: add images that are not labeled yet "
            "('meddeep dataset' takes them in)"
        )
        raise InputError(msg)
    return cases


def select(
    dataset: Dataset,
    loaded: "LoadedSegmenter",
    *,
    count: int = 5,
    describe: Describe | None = None,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> tuple[Choice, ...]:
    """Return which cases of a dataset to label next, the most useful one first.

    Parameters
    ----------
    dataset : Dataset
        Cases without labels or role are ranked; those of the roles training and validation count as labeled.
    loaded : LoadedSegmenter
        The model as it is now.
    count : int
        How many; at least 1.
    describe : callable, optional
        See :data:`Describe`; without, features of the encoder that ships.
    progress, cancel
        As everywhere.

    Raises
    ------
    InputError
        If there are no such cases, or one cannot be read. The message names it.
    Canceled
        If ``cancel`` was set.
    """
    from MedDeepRegSegLib.datasets.loading import load_case

    cancel = CancelToken() if cancel is None else cancel
    if count < 1:
        msg = f"{counted(count, 'case')} {by_number(count, 'is', 'are')} wanted, expected at least 1"
        raise InputError(msg)
    candidates = unlabeled_cases(dataset)
    names = {case.name for case in candidates}
    labeled = [case for case in dataset.of_role("training", "validation") if case.name not in names]
    describe = encoder_features(loaded.device, cancel) if describe is None else describe
    total = len(labeled) + len(candidates)
    known, found = [], []
    for number, case in enumerate([*labeled, *candidates]):
        cancel.raise_if_canceled()
        told = part_of(progress, number / total, (number + 1) / total)
        told(0.0, f"Looking at {case.name}")
        images_and_labels = load_case(case, dataset, cancel=cancel)
        image = images_and_labels.images[0]
        try:
            if case.name in names:
                found.append(_candidate(case, images_and_labels.images, loaded, describe, progress=told, cancel=cancel))
            elif images_and_labels.labels is not None:
                known.append(describe(image, _or_all(images_and_labels.labels)))
        except InputError as error:
            msg = f"case {case.name!r}: {error}"
            raise InputError(msg) from error
    progress(1.0, f"Ranked {counted(len(found), 'case')}")
    return rank(found, known, count)


def rank(candidates: Sequence[Candidate], labeled: Sequence[np.ndarray], count: int) -> tuple[Choice, ...]:
    """Return the candidates to label in order; ``labeled`` are features of cases that are labeled already."""
    features = np.array([one.features for one in candidates], float)
    uncertainty = np.array([one.uncertainty for one in candidates])
    nearest = np.full(len(candidates), np.inf)
    for other in labeled:
        nearest = np.minimum(nearest, np.linalg.norm(features - other, axis=1))
    by_uncertainty = (-uncertainty).argsort(kind="stable").argsort(kind="stable") + 1
    open_cases = list(range(len(candidates)))
    choices: list[Choice] = []
    while open_cases and len(choices) < count:
        away = nearest[open_cases]
        # Without any case to be unlike of, all are as far away.
        far = np.zeros(len(away)) if np.isinf(away).any() else away / max(float(away.max()), 1e-12)
        unsure = uncertainty[open_cases] / max(float(uncertainty[open_cases].max()), 1e-12)
        score = unsure if np.isinf(away).any() else (unsure + far) / 2
        place = int(score.argmax())
        index = open_cases.pop(place)
        distance = None if np.isinf(away[place]) else float(away[place])
        one = candidates[index]
        choices.append(
            Choice(
                rank=len(choices) + 1,
                case=one.case,
                patient=one.patient,
                uncertainty=one.uncertainty,
                distance=distance,
                score=float(score[place]),
                reason=_reason(one, int(by_uncertainty[index]), len(candidates), distance, float(far[place])),
            )
        )
        nearest = np.minimum(nearest, np.linalg.norm(features - features[index], axis=1))
    return tuple(choices)


def uncertainty_near(found: np.ndarray, entropy: np.ndarray, spacing_mm: Sequence[float]) -> float:
    """Return the mean entropy (z, y, x) within :data:`NEAR_MM` of what was found (bool); of the most unsure where nothing was.

    ``spacing_mm`` is along z, y, x.
    """
    from scipy import ndimage

    if found.any():
        near = ndimage.distance_transform_edt(~found, sampling=spacing_mm) <= NEAR_MM
        return float(entropy[near].mean())
    most = max(1, round(_NOTHING_FOUND * entropy.size))
    return float(np.partition(entropy.ravel(), -most)[-most:].mean())


def encoder_features(device: str, cancel: CancelToken) -> Describe:
    """Return what describes cases by the encoder that ships: mean context and local features under the mask, 48 numbers."""
    from MedDeepRegSegLib.features.encode import encode
    from MedDeepRegSegLib.features.pooling import pool

    def describe(image: sitk.Image, mask: sitk.Image) -> np.ndarray:
        pooled = pool(encode(image, device=device, cancel=cancel), mask)
        return np.array([*pooled.context_mean, *pooled.local_mean])

    return describe


def _candidate(
    case: Case,
    images: Sequence[sitk.Image],
    loaded: "LoadedSegmenter",
    describe: Describe,
    *,
    progress: Progress,
    cancel: CancelToken,
) -> Candidate:
    from MedDeepRegSegLib.prediction.predict import answers

    answer = answers(images, loaded, progress=part_of(progress, 0.1, 0.8), cancel=cancel)
    spacing = answer.grid.GetSpacing()[::-1]
    there = answer.best > 0
    mask = sitk.GetImageFromArray(there.astype(np.uint8))
    mask.CopyInformation(answer.grid)
    mask = sitk.Resample(mask, images[0], sitk.Transform(), sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8, True)
    return Candidate(
        case=case.name,
        patient=case.patient,
        uncertainty=uncertainty_near(there, answer.entropy, spacing),
        found_ml=float(there.sum() * np.prod(spacing) / 1000),
        features=describe(images[0], _or_all(mask)),
    )


def _or_all(labels: sitk.Image) -> sitk.Image:
    """Return a mask of all labels; of the whole image where there are none."""
    mask = labels != 0
    return mask if sitk.GetArrayViewFromImage(mask).any() else sitk.Cast(labels == 0, sitk.sitkUInt8)


def _reason(one: Candidate, place: int, count: int, distance: float | None, far: float) -> str:
    parts = [f"uncertainty {one.uncertainty:.3f}, number {place} of {count}"]
    if one.found_ml == 0:
        parts.append("nothing was found")
    if distance is not None:
        what = "unlike" if far > 0.66 else "somewhat unlike" if far > 0.33 else "like"
        parts.append(f"{what} the cases that are labeled or chosen (distance {distance:.3f})")
    return "; ".join(parts)
