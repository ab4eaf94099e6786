"""What the cases of a dataset are like: sizes, voxels, intensities and how much of each class there is.

Plans of training follow from it, as in nnU-Net (Isensee et al. 2021, Nature Methods 18:203), whose fingerprint holds the
same quantities.
"""

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.datasets.dataset import Case, Dataset
from MedDeepRegSegLib.datasets.loading import LoadedCase, load_case
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of
from MedDeepRegSegLib.volumes.geometry import same_geometry
from MedDeepRegSegLib.volumes.modality import guess_modality, sample_values

ModalityName = Literal["CT", "MR", "unknown"]

_SAMPLES = 10_000  # intensities of each case and channel that the summary is made of


@dataclass(frozen=True, kw_only=True)
class Intensities:
    """Intensities of a channel, in its units: within all classes together, or within the foreground where none is drawn.

    Attributes
    ----------
    modality : {"CT", "MR", "unknown"}
        A guess from header and values.
    low, median, high : float
        Percentiles 0.5, 50 and 99.5.
    mean, deviation : float
        Mean and standard deviation.
    """

    modality: ModalityName
    low: float
    median: float
    high: float
    mean: float
    deviation: float


@dataclass(frozen=True, kw_only=True)
class ClassAmount:
    """How much of a class a case holds, or all cases together.

    Attributes
    ----------
    value, name
        Of the class.
    voxels : int
    volume_ml : float
        Of a case; for all together, the median of the cases that hold it.
    cases : int
        Number of cases that hold it: 0 or 1 for a case.
    """

    value: int
    name: str
    voxels: int
    volume_ml: float
    cases: int


@dataclass(frozen=True, kw_only=True)
class CaseFingerprint:
    """One case.

    Attributes
    ----------
    size, spacing_mm : tuple
        Voxels of the first image, their number and size in mm toward left, back and top (along the axes nearest to these).
    channels : tuple of Intensities
    classes : tuple of ClassAmount
        One for each class of the dataset, those without voxels too. Empty where the case has no labels.
    """

    case: str
    patient: str
    size: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    channels: tuple[Intensities, ...]
    classes: tuple[ClassAmount, ...]


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """All cases, and what they have in common.

    Attributes
    ----------
    cases : tuple of CaseFingerprint
    size, spacing_mm : tuple
        Medians over the cases.
    channels : tuple of Intensities
        Of all cases pooled, the same number of voxels from each; the most frequent modality.
    classes : tuple of ClassAmount
    """

    cases: tuple[CaseFingerprint, ...]
    size: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    channels: tuple[Intensities, ...]
    classes: tuple[ClassAmount, ...]


def fingerprint(
    dataset: Dataset,
    cases: Iterable[Case] | None = None,
    *,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> Fingerprint:
    """Return what the cases are like.

    Parameters
    ----------
    dataset : Dataset
    cases : iterable of Case, optional
        Those that count. By default those of training and validation; where there are none, all that have labels and are
        not left out. Test cases are never looked at.
    progress, cancel
        As everywhere.

    Raises
    ------
    InputError
        If there is no such case, or one cannot be read.
    """
    chosen = tuple(cases) if cases is not None else dataset.of_role("training", "validation")
    if not chosen and cases is None:
        chosen = tuple(case for case in dataset.cases if case.labels and not case.left_out and case.role != "test")
    if not chosen:
        msg = "the dataset has no case with labels for training, expected at least one: draw labels, or make it again"
        raise InputError(msg)
    found, samples = [], []
    for number, case in enumerate(chosen):
        part = part_of(progress, number / len(chosen), (number + 1) / len(chosen))
        described, values = describe_case(case, dataset, load_case(case, dataset, progress=part, cancel=cancel))
        found.append(described)
        samples.append(values)
    return summarize(found, samples, dataset)


def describe_case(case: Case, dataset: Dataset, loaded: LoadedCase) -> tuple[CaseFingerprint, tuple[np.ndarray, ...]]:
    """Return what a case is like, and a fixed number of intensities of each channel for :func:`summarize`."""
    first, labels = loaded.images[0], loaded.labels
    axes = nearest_axes(first)
    channels, samples = [], []
    for image in loaded.images:
        values = _inside(image, labels, dataset.ignored_value)
        channels.append(_intensities(values, guess_modality(image).value))
        samples.append(np.random.default_rng(0).choice(values, _SAMPLES))
    described = CaseFingerprint(
        case=case.name,
        patient=case.patient,
        size=_three(first.GetSize()[axis] for axis in axes),
        spacing_mm=_three(first.GetSpacing()[axis] for axis in axes),
        channels=tuple(channels),
        classes=() if labels is None else _amounts(labels, dataset),
    )
    return described, tuple(samples)


def summarize(
    cases: Sequence[CaseFingerprint], samples: Sequence[tuple[np.ndarray, ...]], dataset: Dataset
) -> Fingerprint:
    """Return the fingerprint of cases that :func:`describe_case` described; at least one."""
    channels = []
    for number in range(len(dataset.channels)):
        modalities = Counter(case.channels[number].modality for case in cases)
        pooled = np.concatenate([values[number] for values in samples])
        channels.append(_intensities(pooled, modalities.most_common(1)[0][0]))
    classes = []
    for index, segment in enumerate(dataset.classes):
        held = [case.classes[index] for case in cases if case.classes and case.classes[index].voxels]
        classes.append(
            ClassAmount(
                value=segment.value,
                name=segment.name,
                voxels=sum(amount.voxels for amount in held),
                volume_ml=float(np.median([amount.volume_ml for amount in held])) if held else 0.0,
                cases=len(held),
            )
        )
    return Fingerprint(
        cases=tuple(cases),
        size=_three(round(float(n)) for n in np.median([case.size for case in cases], axis=0)),
        spacing_mm=_three(float(mm) for mm in np.median([case.spacing_mm for case in cases], axis=0)),
        channels=tuple(channels),
        classes=tuple(classes),
    )


def nearest_axes(image: sitk.Image) -> tuple[int, int, int]:
    """Return which axis of the voxels (0, 1, 2) runs nearest to left-right, front-back and bottom-top."""
    direction = np.abs(np.array(image.GetDirection()).reshape(3, 3))
    return max(
        itertools.permutations(range(3)),
        key=lambda order: sum(direction[world, axis] for world, axis in enumerate(order)),
    )  # type: ignore[return-value]


def foreground(values: np.ndarray) -> np.ndarray:
    """Return which voxels (z, y, x) are brighter than the background: above a tenth of the range, without outliers."""
    low, high = np.percentile(values[::2, ::2, ::2] if min(values.shape) > 16 else values, [0.5, 99.5])
    return values > low + 0.1 * (high - low)


def _inside(image: sitk.Image, labels: sitk.Image | None, ignored: int | None) -> np.ndarray:
    values = sitk.GetArrayViewFromImage(image)
    if labels is not None:
        on_grid = labels
        if not same_geometry(labels, image):
            on_grid = sitk.Resample(labels, image, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
        drawn = sitk.GetArrayViewFromImage(on_grid)
        inside = values[drawn > 0 if ignored is None else (drawn > 0) & (drawn != ignored)]
        if inside.size:
            return inside.astype(np.float64)
    inside = values[foreground(values)]
    return inside.astype(np.float64) if inside.size else sample_values(image)


def _intensities(values: np.ndarray, modality: ModalityName) -> Intensities:
    low, median, high = np.percentile(values, [0.5, 50, 99.5])
    return Intensities(
        modality=modality,
        low=float(low),
        median=float(median),
        high=float(high),
        mean=float(values.mean()),
        deviation=float(values.std()),
    )


def _amounts(labels: sitk.Image, dataset: Dataset) -> tuple[ClassAmount, ...]:
    counts = np.bincount(sitk.GetArrayViewFromImage(labels).ravel(), minlength=1)
    voxel_ml = float(np.prod(labels.GetSpacing())) / 1000
    amounts = []
    for segment in dataset.classes:
        voxels = int(counts[segment.value]) if segment.value < counts.size else 0
        amounts.append(
            ClassAmount(
                value=segment.value,
                name=segment.name,
                voxels=voxels,
                volume_ml=voxels * voxel_ml,
                cases=int(voxels > 0),
            )
        )
    return tuple(amounts)


def _three(parts: Iterable) -> tuple:
    first, second, third = parts
    return first, second, third
