"""Segmentations of new images by a model of one's own, and where the model is unsure.

Chances are interpolated to the grid of the image, not labels, so that borders run between voxels of the working grid.
What is found is kept as it is, islands too: what may be removed depends on the structure, and Slicer's Segment Editor does
it (Islands).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.augmentation.label_sides import says_side
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of
from MedDeepRegSegLib.prediction.sliding_window import OVERLAP, chance_slabs, class_chances, most_likely
from MedDeepRegSegLib.segmentation.segments import Segment
from MedDeepRegSegLib.volumes.geometry import check_volume, fields_of_view_overlap
from MedDeepRegSegLib.volumes.memory import check_memory
from MedDeepRegSegLib.wording import by_number, counted

if TYPE_CHECKING:
    from MedDeepRegSegLib.models.segmenter_folder import LoadedSegmenter

_MOST_CHANCES = 4 * 2**30  # bytes as float16; beyond that only the most likely class is kept


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a model found.

    Attributes
    ----------
    labels : SimpleITK.Image
        uint8 or uint16 on the grid of the first image; values of ``segments``, 0 for the background.
    segments : tuple of Segment
        All classes of the model, those without voxels too.
    uncertainty : SimpleITK.Image or None
        float32 on the same grid: entropy of the chances over that of equal chances, 0 (sure) to 1. It tells what the model
        hesitates about, not all that is wrong.
    """

    labels: sitk.Image
    segments: tuple[Segment, ...]
    uncertainty: sitk.Image | None = None


@dataclass(frozen=True, eq=False)
class Answer:
    """Chances on the working grid, as far as they are kept.

    Attributes
    ----------
    grid : SimpleITK.Image
        Empty; the working grid.
    best : numpy.ndarray, shape (z, y, x)
        Number of the most likely output.
    entropy : numpy.ndarray, shape (z, y, x), float32
        Normalized, 0 to 1.
    chances : numpy.ndarray or None, shape (classes, z, y, x)
        None where they would be too large.
    """

    grid: sitk.Image
    best: np.ndarray
    entropy: np.ndarray
    chances: np.ndarray | None


def predict(
    images: Sequence[sitk.Image],
    model: "str | Path | LoadedSegmenter",
    *,
    uncertainty: bool = False,
    mirrored: bool = False,
    overlap: float = OVERLAP,
    device: str = "cpu",
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> Prediction:
    """Return what a model finds in a case.

    Parameters
    ----------
    images : sequence of SimpleITK.Image
        One for each channel of the model, in its order: 3-D, scalar, finite, in one space, each on its own grid.
    model : str, Path or LoadedSegmenter
        Folder of a model, or a model that was loaded.
    uncertainty : bool
        Make the map of uncertainty, too.
    mirrored : bool
        Average with what is found in the image mirrored from left to right: slower, often a little better. Refused for
        classes of one side.
    overlap : float
        Of the windows, see :func:`.sliding_window.class_chances`.
    device : {"auto", "cpu", "cuda"}
        For a folder; a model that was loaded stays where it is.
    progress, cancel
        As everywhere.

    Raises
    ------
    InputError
        If an image or the model cannot be used, or the memory does not suffice.
    MissingPackageError
        If a package is not installed.
    Canceled
        If ``cancel`` was set.
    """
    cancel = CancelToken() if cancel is None else cancel
    loaded = _loaded(model, device)
    answer = answers(
        images, loaded, mirrored=mirrored, overlap=overlap, progress=part_of(progress, 0.0, 0.85), cancel=cancel
    )
    segments = loaded.description.classes
    values = np.array([0, *(segment.value for segment in segments)])
    values = values.astype(np.uint8 if values.max() < 256 else np.uint16)
    outputs = _on_image(answer, images[0], part_of(progress, 0.85, 0.98), cancel)
    labels = sitk.GetImageFromArray(values[outputs])
    labels.CopyInformation(images[0])
    unsure = _resampled(answer.entropy, answer.grid, images[0], sitk.sitkLinear, 0.0) if uncertainty else None
    progress(1.0, "Segmented")
    return Prediction(labels, segments, unsure)


def answers(
    images: Sequence[sitk.Image],
    loaded: "LoadedSegmenter",
    *,
    mirrored: bool = False,
    overlap: float = OVERLAP,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> Answer:
    """Return what a model says on its working grid; parameters and errors as in :func:`predict`."""
    from MedDeepRegSegLib.models.segmenter_input import prepare

    cancel = CancelToken() if cancel is None else cancel
    description = loaded.description
    _check_images(images, description.channels)
    if mirrored:
        _check_sides(description.classes)
    progress(0.0, "Preparing the images")
    prepared = prepare(images, description.preprocessing)
    cancel.raise_if_canceled()
    shape, classes = prepared.values.shape[1:], description.settings.classes
    options: dict[str, Any] = {
        "patch": description.patch,
        "classes": classes,
        "overlap": overlap,
        "device": loaded.device,
    }
    told = part_of(progress, 0.05, 1.0)
    if 2 * classes * float(np.prod(shape)) > _MOST_CHANCES and not mirrored:
        check_memory(float(np.prod(shape)) * 16, "finding the classes", "crop the volume")
        best, entropy = np.empty(shape, np.uint16), np.empty(shape, np.float32)
        for start, slab in chance_slabs(loaded.network, prepared.values, progress=told, cancel=cancel, **options):
            part = slice(start, start + slab.shape[1])
            best[part], entropy[part] = most_likely(slab), normalized_entropy(slab)
        return Answer(prepared.grid, best, entropy, None)
    first = part_of(told, 0.0, 0.5) if mirrored else told
    chances = class_chances(loaded.network, prepared.values, progress=first, cancel=cancel, **options)
    if mirrored:
        turned = np.ascontiguousarray(prepared.values[..., ::-1])
        other = class_chances(loaded.network, turned, progress=part_of(told, 0.5, 1.0), cancel=cancel, **options)
        chances += other[..., ::-1]
        chances *= 0.5
    return Answer(prepared.grid, most_likely(chances), normalized_entropy(chances), chances)


def normalized_entropy(chances: np.ndarray) -> np.ndarray:
    """Return the entropy of chances (classes, z, y, x) over that of equal chances, (z, y, x) float32, 0 to 1.

    Examples
    --------
    >>> float(normalized_entropy(np.full((4, 1, 1, 1), 0.25))[0, 0, 0])
    1.0
    """
    total = np.zeros(chances.shape[1:], np.float32)
    for chance in chances:  # class by class: no second array of their size
        one = np.clip(chance.astype(np.float32), 1e-12, 1)
        total -= one * np.log(one)
    return np.clip(total / np.float32(np.log(len(chances))), 0, 1)


def _loaded(model: "str | Path | LoadedSegmenter", device: str) -> "LoadedSegmenter":
    if not isinstance(model, (str, Path)):
        return model
    from MedDeepRegSegLib.models.segmenter_folder import load_segmenter

    return load_segmenter(Path(model), device)


def _check_images(images: Sequence[sitk.Image], channels: Sequence[str]) -> None:
    if len(images) != len(channels):
        msg = (
            f"{counted(len(images), 'image')} {by_number(len(images), 'is', 'are')} given, expected {len(channels)} "
            f"({', '.join(channels)}): give one for each channel of the model, in this order"
        )
        raise InputError(msg)
    for image, channel in zip(images, channels, strict=True):
        check_volume(image, f"image {channel}" if len(images) > 1 else "image")
        if image is not images[0] and fields_of_view_overlap(images[0], image) < 0.1:
            msg = (
                f"image {channel} shows another place than image {channels[0]}, expected both in one space: register it "
                "first, or check that both belong to one examination"
            )
            raise InputError(msg)


def _check_sides(segments: Sequence[Segment]) -> None:
    sided = [segment.name for segment in segments if says_side(segment.name)]
    if sided:
        msg = f"the model tells sides apart ({sided[0]}), and a mirrored image has them exchanged: predict without mirroring"
        raise InputError(msg)


def _on_image(answer: Answer, image: sitk.Image, progress: Progress, cancel: CancelToken) -> np.ndarray:
    """Return the number of the most likely output at every voxel of an image."""
    if answer.chances is None:
        best = _resampled(answer.best, answer.grid, image, sitk.sitkLabelLinear, 0)
        return sitk.GetArrayFromImage(best)
    highest = sitk.GetArrayFromImage(_resampled(answer.chances[0], answer.grid, image, sitk.sitkLinear, 1.0))
    outputs = np.zeros(highest.shape, np.uint16)
    for number in range(1, len(answer.chances)):
        cancel.raise_if_canceled()
        progress(number / len(answer.chances), "Bringing the classes to the grid of the image")
        if answer.chances[number].max() * len(answer.chances) < 1:
            continue  # nowhere more likely than all others
        own = sitk.GetArrayFromImage(_resampled(answer.chances[number], answer.grid, image, sitk.sitkLinear, 0.0))
        better = own > highest
        outputs[better] = number
        np.copyto(highest, own, where=better)
    return outputs


def _resampled(array: np.ndarray, grid: sitk.Image, image: sitk.Image, interpolator: int, outside: float) -> sitk.Image:
    array = array if array.dtype == np.uint16 else np.ascontiguousarray(array, np.float32)
    volume = sitk.GetImageFromArray(array)
    volume.CopyInformation(grid)
    # The last voxels of the image may stand out beyond the working grid by less than one of its voxels.
    return sitk.Resample(volume, image, sitk.Transform(), interpolator, outside, volume.GetPixelID(), True)
