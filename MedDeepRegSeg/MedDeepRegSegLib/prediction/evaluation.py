"""How well segmentations agree with the truth over the cases of a dataset, with confidence intervals.

What segments is any function, so that other methods are measured in the same way.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.datasets.dataset import Case, Dataset, Role
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of
from MedDeepRegSegLib.prediction.metrics import TOLERANCE_MM, Agreement, class_agreements
from MedDeepRegSegLib.prediction.resampling_patients import Interval, mean_interval
from MedDeepRegSegLib.prediction.worst_cases import comparison_picture
from MedDeepRegSegLib.segmentation.segments import Segment
from MedDeepRegSegLib.volumes.geometry import same_geometry, with_geometry_of
from MedDeepRegSegLib.wording import counted

Predict = Callable[[Sequence[sitk.Image], Progress, CancelToken], sitk.Image]
"""Returns labels on the grid of the first image of a case, with the values of the dataset's classes."""

METRICS = ("dice", "surface_dice", "hd95_mm", "mean_distance_mm", "volume_error_ml", "volume_error_percent")
"""Those that are summed up, attributes of :class:`.metrics.Agreement`."""


@dataclass(frozen=True, kw_only=True)
class CaseResult:
    """One case.

    Attributes
    ----------
    case, patient : str
    agreements : tuple of Agreement or None
        For each class; None where the class was not looked for in the truth.
    """

    case: str
    patient: str
    agreements: tuple[Agreement | None, ...]

    @property
    def dice(self) -> float | None:
        """Mean over the classes that have one; None without any."""
        values = [one.dice for one in self.agreements if one is not None and one.dice is not None]
        return float(np.mean(values)) if values else None


@dataclass(frozen=True, kw_only=True)
class ClassSummary:
    """One class over all cases.

    Attributes
    ----------
    name : str
    dice, surface_dice, hd95_mm, mean_distance_mm, volume_error_ml, volume_error_percent : Interval
        Mean over the cases that have a value.
    missed : int
        Cases that have the class, and where nothing of it was found.
    invented : int
        Cases without the class where some was found.
    """

    name: str
    dice: Interval
    surface_dice: Interval
    hd95_mm: Interval
    mean_distance_mm: Interval
    volume_error_ml: Interval
    volume_error_percent: Interval
    missed: int
    invented: int


@dataclass(frozen=True, eq=False)
class WorstCase:
    """A case as a picture, (H, W, 3) uint8."""

    case: str
    dice: float
    picture: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """What an evaluation found.

    Attributes
    ----------
    classes : tuple of Segment
        Compared ones.
    cases : tuple of CaseResult
    summaries : tuple of ClassSummary
        For each class.
    mean_dice : Interval
        Of the means over the classes of each case.
    worst : tuple of WorstCase
        The worst first.
    tolerance_mm : float
        Of the surface Dice.
    """

    classes: tuple[Segment, ...]
    cases: tuple[CaseResult, ...]
    summaries: tuple[ClassSummary, ...]
    mean_dice: Interval
    worst: tuple[WorstCase, ...]
    tolerance_mm: float


def cases_to_evaluate(dataset: Dataset, role: Role = "test") -> tuple[Case, ...]:
    """Return the cases of a role that have labels.

    Raises
    ------
    InputError
        If there is none.
    """
    cases = tuple(case for case in dataset.of_role(role) if case.labels is not None)
    if not cases:
        counts = {other: len(dataset.of_role(other)) for other in ("training", "validation", "test", "unused")}
        shown = ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "none at all"
        msg = (
            f"dataset {dataset.name!r} has no {role} cases with labels (it has {shown}): choose another --role, or keep "
            "cases for testing when the dataset is made (meddeep dataset ... --test 0.2) and train again"
        )
        raise InputError(msg)
    return cases


def evaluate(
    dataset: Dataset,
    cases: Sequence[Case],
    predict: Predict,
    *,
    classes: Sequence[Segment] | None = None,
    tolerance_mm: float = TOLERANCE_MM,
    pictures: int = 3,
    seed: int = 0,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> Evaluation:
    """Segment cases and compare them with their labels, on the grid of their first image.

    Parameters
    ----------
    dataset : Dataset
    cases : sequence of Case
        Of the dataset, with labels.
    predict : callable
        See :data:`Predict`.
    classes : sequence of Segment, optional
        Those of the dataset to compare; all without.
    tolerance_mm : float
        Of the surface Dice.
    pictures : int
        How many of the worst cases to draw.
    seed : int
        Of the confidence intervals.
    progress, cancel
        As everywhere.

    Raises
    ------
    InputError
        If a case cannot be read or segmented. The message names it.
    Canceled
        If ``cancel`` was set.
    """
    cancel = CancelToken() if cancel is None else cancel
    classes = dataset.classes if classes is None else tuple(classes)
    results: list[CaseResult] = []
    worst: list[WorstCase] = []
    for number, case in enumerate(cases):
        told = part_of(progress, number / len(cases), (number + 1) / len(cases))
        images, truth, found = _segmented(dataset, case, predict, told, cancel)
        looked_for = tuple(one for one in classes if case.annotated is None or one.value in case.annotated)
        agreements = class_agreements(
            truth,
            found,
            [one.value for one in looked_for],
            tolerance_mm=tolerance_mm,
            ignored_value=dataset.ignored_value,
            progress=part_of(told, 0.8, 1.0),
            cancel=cancel,
        )
        by_value = {one.value: one_result for one, one_result in zip(looked_for, agreements, strict=True)}
        result = CaseResult(
            case=case.name, patient=case.patient, agreements=tuple(by_value.get(one.value) for one in classes)
        )
        results.append(result)
        score = result.dice
        if score is not None and (len(worst) < pictures or score < worst[-1].dice):
            picture = comparison_picture(images[0], truth, found, looked_for, ignored_value=dataset.ignored_value)
            worst = sorted([*worst, WorstCase(case.name, score, picture)], key=lambda one: one.dice)[:pictures]
    patients = [result.patient for result in results]
    progress(1.0, f"Evaluated {counted(len(results), 'case')}")
    return Evaluation(
        classes=tuple(classes),
        cases=tuple(results),
        summaries=tuple(_summary(one, number, results, seed) for number, one in enumerate(classes)),
        mean_dice=mean_interval([result.dice for result in results], patients, seed=seed),
        worst=tuple(worst),
        tolerance_mm=tolerance_mm,
    )


def _segmented(
    dataset: Dataset, case: Case, predict: Predict, progress: Progress, cancel: CancelToken
) -> tuple[tuple[sitk.Image, ...], sitk.Image, sitk.Image]:
    """Return the images, the truth and the prediction of a case."""
    from MedDeepRegSegLib.datasets.loading import load_case

    cancel.raise_if_canceled()
    progress(0.0, f"Reading {case.name}")
    loaded = load_case(case, dataset, progress=part_of(progress, 0.0, 0.1), cancel=cancel)
    if loaded.labels is None:
        msg = f"case {case.name!r} has no labels, expected some to compare with: leave it out"
        raise InputError(msg)
    try:
        found = predict(loaded.images, part_of(progress, 0.1, 0.8), cancel)
    except InputError as error:
        msg = f"case {case.name!r}: {error}"
        raise InputError(msg) from error
    if not same_geometry(loaded.labels, found):
        msg = f"the segmentation of case {case.name!r} lies on another grid than its first image"
        raise InputError(msg)
    return loaded.images, loaded.labels, with_geometry_of(found, loaded.labels)


def _summary(segment: Segment, number: int, results: Sequence[CaseResult], seed: int) -> ClassSummary:
    own = [(result.patient, one) for result in results if (one := result.agreements[number]) is not None]
    patients = [patient for patient, _ in own]
    means = {metric: mean_interval([getattr(one, metric) for _, one in own], patients, seed=seed) for metric in METRICS}
    return ClassSummary(
        name=segment.name,
        missed=sum(one.volume_truth_ml > 0 and one.volume_ml == 0 for _, one in own),
        invented=sum(one.volume_truth_ml == 0 and one.volume_ml > 0 for _, one in own),
        **means,
    )
