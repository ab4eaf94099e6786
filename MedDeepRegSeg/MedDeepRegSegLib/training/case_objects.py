"""The labeled objects of the cases of a dataset: what a person would grow by clicks, one connected part at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from MedDeepRegSegLib.datasets.dataset import Case, Dataset
from MedDeepRegSegLib.datasets.loading import load_case
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress
from MedDeepRegSegLib.segmentation.growing_window import Block, Mask
from MedDeepRegSegLib.segmentation.morphology import components
from MedDeepRegSegLib.training.kept import Kept
from MedDeepRegSegLib.volumes.modality import Modality, guess_modality

_FEWEST = 64
"""Voxels of the smallest object."""
_SMALLEST_SHARE = 0.1
"""Parts of a class that are smaller than this share of its largest part are crumbs, no objects."""


@dataclass(frozen=True, eq=False)
class CaseObject:
    """One connected part of one class of one case.

    Attributes
    ----------
    case, name : str
        Names of the case and of the class.
    part : int
        Number of the part among those of the class, by falling size, from 1.
    block : tuple of slice
        Where it lies, in voxels of the image.
    inside : ndarray, bool
        Its mask in the block.
    """

    case: str
    name: str
    part: int
    block: Block
    inside: Mask

    def mask(self, shape: tuple[int, ...]) -> Mask:
        """Return its mask in an image of this shape."""
        whole = np.zeros(shape, bool)
        whole[self.block] = self.inside
        return whole


@dataclass(frozen=True, eq=False)
class ObjectCase:
    """A case as the growing network needs it.

    Attributes
    ----------
    image : SimpleITK.Image
        The image that is clicked in.
    values : ndarray, shape (k, j, i), float32
        Its values.
    spacing : tuple of float
        Of its voxels (k, j, i), mm.
    modality : Modality
    objects : tuple of CaseObject
    known : ndarray of bool, or None
        Where the labels say what is there; None is everywhere.
    """

    image: sitk.Image
    values: NDArray[np.float32]
    spacing: tuple[float, float, float]
    modality: Modality
    objects: tuple[CaseObject, ...]
    known: Mask | None


def read_objects(
    case: Case,
    dataset: Dataset,
    *,
    channel: int = 0,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> ObjectCase:
    """Read a case and find its objects.

    Parameters
    ----------
    case, dataset
        The case has labels.
    channel : int
        The image that is clicked in, among those of the case.

    Raises
    ------
    InputError
        If the case cannot be read, has no labels, or no such image.
    """
    if not 0 <= channel < len(case.images):
        msg = f"channel is {channel}, expected 0 to {len(case.images) - 1}: choose one of {', '.join(dataset.channels)}"
        raise InputError(msg)
    loaded = load_case(case, dataset, progress=progress, cancel=cancel)
    if loaded.labels is None:
        msg = f"case {case.name!r} has no labels, expected some to learn from: label it, or give it the role unused"
        raise InputError(msg)
    image, labels = loaded.images[channel], loaded.labels
    if channel:
        labels = sitk.Resample(labels, image, sitk.Transform(), sitk.sitkNearestNeighbor, 0, sitk.sitkUInt16)
    array = sitk.GetArrayFromImage(labels)
    k, j, i = image.GetSpacing()[::-1]
    ignored = None if dataset.ignored_value is None else array == dataset.ignored_value
    return ObjectCase(
        image=image,
        values=sitk.GetArrayFromImage(image).astype(np.float32, copy=False),
        spacing=(k, j, i),
        modality=guess_modality(image),
        objects=tuple(_objects(case, dataset, array)),
        known=~ignored if ignored is not None and ignored.any() else None,
    )


def _objects(case: Case, dataset: Dataset, labels: NDArray[np.uint16]) -> Iterator[CaseObject]:
    for segment in dataset.classes:
        if case.annotated is not None and segment.value not in case.annotated:
            continue
        mask = labels == segment.value
        if not mask.any():
            continue
        start, stop = _limits(mask)
        around = tuple(slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
        parts, sizes = components(mask[around])
        for part in range(1, len(sizes)):
            if sizes[part] < max(_FEWEST, _SMALLEST_SHARE * sizes[1]):
                break  # they fall in size
            own = parts == part
            low, high = _limits(own)
            inner = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
            k, j, i = (slice(int(a + c), int(b + c)) for a, b, c in zip(low, high, start, strict=True))
            yield CaseObject(case.name, segment.name, part, (k, j, i), own[inner].copy())


def _limits(mask: Mask) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first voxel of a mask along each axis, and the one behind the last."""
    found = [np.flatnonzero(mask.any(axis=others)) for others in ((1, 2), (0, 2), (0, 1))]
    return np.array([part[0] for part in found]), np.array([part[-1] + 1 for part in found])


class ObjectCases:
    """Cases that are read when they are needed; the last ones are kept, up to a gigabyte.

    Parameters
    ----------
    cases : sequence of Case
    dataset : Dataset
    channel : int
        The image that is clicked in.
    """

    def __init__(self, cases: Sequence[Case], dataset: Dataset, channel: int = 0) -> None:
        self._cases = tuple(cases)
        self._kept = Kept(
            lambda number: read_objects(self._cases[number], dataset, channel=channel),
            lambda case: 2 * case.values.nbytes,  # the image, and its values
        )

    def __len__(self) -> int:
        """Return the number of cases."""
        return len(self._cases)

    def __getitem__(self, number: int) -> ObjectCase:
        """Return a case with its objects; there may be none."""
        return self._kept[number]
