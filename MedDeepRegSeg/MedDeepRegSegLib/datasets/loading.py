"""Reads a case of a dataset: its images, and its labels with the values of the dataset's classes."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.datasets.dataset import Case, Dataset
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of
from MedDeepRegSegLib.segmentation.segmentation_file import read_segmentation
from MedDeepRegSegLib.volumes.geometry import check_volume, same_geometry, with_geometry_of
from MedDeepRegSegLib.volumes.reading import check_file, read_volume


@dataclass(frozen=True, eq=False)
class LoadedCase:
    """A case as it is in its files, axes and voxels as stored.

    Attributes
    ----------
    images : tuple of SimpleITK.Image
        One for each channel, 3-D, scalar, finite, each on its own grid in the space of the first.
    labels : SimpleITK.Image, optional
        uint16, on the grid of the first image: 0 for background, values of the dataset's classes, its ``ignored_value``.
        None where the case has no labels.
    """

    images: tuple[sitk.Image, ...]
    labels: sitk.Image | None


def load_case(
    case: Case, dataset: Dataset, *, progress: Progress = no_progress, cancel: CancelToken | None = None
) -> LoadedCase:
    """Read a case.

    Labels on another grid than that of the first image are brought to it; what lies beyond them is background, because
    Slicer saves segmentations cropped to what is drawn.

    Parameters
    ----------
    case : Case
    dataset : Dataset
        To which the case belongs.
    progress, cancel
        As everywhere.

    Raises
    ------
    InputError
        If a file cannot be read, or the labels have a value that is no class. The message names the case.
    """
    try:
        images = load_images(case, progress=part_of(progress, 0.0, 0.7), cancel=cancel)
        if case.labels is None:
            return LoadedCase(images, None)
        stored, _ = read_segmentation(case.labels, progress=part_of(progress, 0.7, 0.9), cancel=cancel)
        labels = map_values(stored, case, dataset)
        if cancel is not None:
            cancel.raise_if_canceled()
        loaded = LoadedCase(images, labels_on(labels, images[0]))
    except InputError as error:
        msg = f"case {case.name!r}: {error}"
        raise InputError(msg) from error
    progress(1.0, f"Read {case.name}")
    return loaded


def load_images(
    case: Case, *, progress: Progress = no_progress, cancel: CancelToken | None = None
) -> tuple[sitk.Image, ...]:
    """Return the images of a case, one for each channel. Raises InputError if one cannot be read."""
    images = []
    for number, path in enumerate(case.images):
        part = part_of(progress, number / len(case.images), (number + 1) / len(case.images))
        if case.frames:
            images.append(read_frame(path, case.frames[number], cancel=cancel))
        else:
            images.append(read_volume(path, progress=part, cancel=cancel))
    return tuple(images)


def read_frame(path: Path, frame: int, *, cancel: CancelToken | None = None) -> sitk.Image:
    """Return one frame (4-D) or component of a file as a volume; ``frame`` counts from 0.

    Raises
    ------
    InputError
        If the file cannot be read, has no such frame, or the frame is no volume.
    """
    what = f"image {path.name}"
    image = check_file(path, what, cancel=cancel).read()
    size = image.GetSize()
    components = image.GetNumberOfComponentsPerPixel()
    count = components if len(size) == 3 else size[3] if len(size) == 4 else 1
    if frame >= count:
        msg = f"{what} has {count} frames, expected at least {frame + 1}: correct the channels of the dataset"
        raise InputError(msg)
    if len(size) == 4:
        submatrix = sitk.ExtractImageFilter.DIRECTIONCOLLAPSETOSUBMATRIX
        image = sitk.Extract(image, [*size[:3], 0], [0, 0, 0, frame], submatrix)
    elif components > 1:
        image = sitk.VectorIndexSelectionCast(image, frame)
    for key in image.GetMetaDataKeys():  # names and dates of a patient must not travel into results
        image.EraseMetaData(key)
    check_volume(image, f"frame {frame} of {what}")
    return image


def map_values(stored: sitk.Image, case: Case, dataset: Dataset) -> sitk.Image:
    """Return labels (uint16) with the values of the classes instead of those of the file.

    Raises
    ------
    InputError
        If a value stands for itself and is neither a class nor ignored.
    """
    array = sitk.GetArrayViewFromImage(stored)
    table = value_table(int(array.max(initial=0)), case, dataset, np.unique(array).tolist())
    mapped = sitk.GetImageFromArray(table[array])
    mapped.CopyInformation(stored)
    return mapped


def value_table(largest: int, case: Case, dataset: Dataset, present: list[int]) -> np.ndarray:
    """Return the table from values of the file to those of the dataset, (largest + 1,), uint16; see :func:`map_values`."""
    table = np.zeros(largest + 1, np.uint16)
    if case.values:
        for own, value in case.values:
            if 0 <= own <= largest:
                table[own] = value
        return table
    known = {0, *(segment.value for segment in dataset.classes)}
    if dataset.ignored_value is not None:
        known.add(dataset.ignored_value)
    without = [value for value in present if value not in known]
    if without:
        msg = (
            f"the labels have the values {without[:5]} that are no class, expected {sorted(known)}: "
            "name them as classes, or say which class they stand for"
        )
        raise InputError(msg)
    for value in known:
        if value <= largest:
            table[value] = value
    return table


def labels_on(labels: sitk.Image, image: sitk.Image) -> sitk.Image:
    """Return labels on the grid of an image: as they are where it is theirs, else the label of the largest share."""
    if same_geometry(labels, image):
        return with_geometry_of(labels, image)
    return sitk.Resample(labels, image, sitk.Transform(), sitk.sitkLabelLinear, 0, sitk.sitkUInt16)


def class_names(dataset: Dataset) -> Mapping[int, str]:
    """Return the name of each class by its value."""
    return {segment.value: segment.name for segment in dataset.classes}
