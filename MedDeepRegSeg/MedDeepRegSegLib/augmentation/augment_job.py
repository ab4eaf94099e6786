"""The job that makes samples of an image file: images, segmentations of the same names, a picture of them and a record."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of
from MedDeepRegSegLib.wording import counted

if TYPE_CHECKING:
    from MedDeepRegSegLib.augmentation.images import ImageAugmenter
    from MedDeepRegSegLib.augmentation.record import AugmentationRecord
    from MedDeepRegSegLib.augmentation.settings import SampleDraws

_MOST = 9999
_PICTURED = 24
_ENDINGS = (".nii.gz", ".seg.nrrd")
RECORD, PREVIEW = "applied.json", "preview.png"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to make."""

    image: Path
    """Image file, or folder of one DICOM series."""
    out: Path
    """Folder to write to. It may hold other files, but nothing that this job writes."""
    segmentation: Path | None = None
    """Segmentation of the image: ``.seg.nrrd``, or any label map."""
    preset: str = "default"
    """Name of a preset, or a file with one."""
    count: int = 8
    """How many samples."""
    seed: int = 0
    """The same seed makes the same samples."""
    record: Path | None = None
    """Record of another run to apply again, instead of preset, count and seed."""
    files: bool = True
    """Whether to write the samples, or only the picture and the record."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What was made."""

    images: tuple[Path, ...]
    """Samples."""
    segmentations: tuple[Path, ...]
    """Their segmentations; empty without one."""
    preview: Path
    """Picture of the first samples."""
    record: Path
    """What was drawn for each sample; can be applied again."""
    preset: str
    """Name of the preset, as one types it."""
    happened: tuple[str, ...]
    """For each sample what happened, in words."""
    notes: tuple[str, ...] = ()
    """What the user should know."""


def run(request: Request, *, progress: Progress = no_progress, cancel: CancelToken | None = None) -> Result:
    """Make samples and write them, all or none.

    Raises
    ------
    InputError
        If the image, the segmentation, the preset or the record cannot be used, or the folder holds samples already.
    Canceled
        If ``cancel`` was set. Nothing was written then.
    """
    from MedDeepRegSegLib.augmentation.images import ImageAugmenter
    from MedDeepRegSegLib.augmentation.preset import load_preset
    from MedDeepRegSegLib.augmentation.preview import PreviewSheet, happened
    from MedDeepRegSegLib.augmentation.record import AugmentationRecord, read_record, record_json
    from MedDeepRegSegLib.jobs.outputs import atomic_folder, write_json
    from MedDeepRegSegLib.segmentation.overlay import write_png
    from MedDeepRegSegLib.segmentation.segmentation_file import read_segmentation, write_segmentation
    from MedDeepRegSegLib.volumes.reading import read_volume, write_image

    cancel = CancelToken() if cancel is None else cancel
    if not 1 <= request.count <= _MOST:
        msg = f"count is {request.count}, expected 1 to {_MOST} samples: choose another number"
        raise InputError(msg)
    progress(0.0, "Reading")
    old = None if request.record is None else read_record(request.record)
    _check_free(request.out, () if old is None else old.samples)
    preset = None if old is not None else load_preset(request.preset)
    image = read_volume(request.image, progress=part_of(progress, 0.0, 0.05), cancel=cancel)
    labels, segments = (
        (None, ()) if request.segmentation is None else read_segmentation(request.segmentation, grid=image)
    )
    settings = old.settings if old is not None else preset.settings  # type: ignore[union-attr]
    augmenter = ImageAugmenter(image, labels, settings, segments=segments)
    name = request.preset if preset is None else preset.name
    name = name if old is None else old.preset
    drawn: dict[str, SampleDraws] = {}
    images, segmentations = [], []
    with atomic_folder(request.out) as folder:
        sheet = PreviewSheet(image, labels, segments)
        samples = list(_planned(augmenter, request, old))
        for number, (title, draws) in enumerate(samples):
            cancel.raise_if_canceled()
            progress(0.05 + 0.9 * number / len(samples), f"Sample {number + 1} of {len(samples)}")
            sample = augmenter.apply(draws)
            drawn[title] = draws
            if number < _PICTURED:
                sheet.add(sample.image, sample.labels, draws, f"{number + 1}")
            if request.files:
                write_image(sample.image, folder / f"{title}.nii.gz")
                images.append(request.out / f"{title}.nii.gz")
                if sample.labels is not None:
                    write_segmentation(sample.labels, segments, folder / f"{title}.seg.nrrd")
                    segmentations.append(request.out / f"{title}.seg.nrrd")
        cancel.raise_if_canceled()
        progress(0.96, "Drawing the picture")
        write_png(sheet.picture(f"{counted(len(samples), 'sample')}, preset {name}"), folder / PREVIEW)
        record = AugmentationRecord(
            preset=name,
            settings=settings,
            seed=request.seed if old is None else old.seed,
            size=augmenter.size,
            spacing_mm=augmenter.spacing_mm,
            samples=drawn,
        )
        write_json(folder / RECORD, record_json(record))
    progress(1.0, f"Made {counted(len(samples), 'sample')}")
    return Result(
        images=tuple(images),
        segmentations=tuple(segmentations),
        preview=request.out / PREVIEW,
        record=request.out / RECORD,
        preset=name,
        happened=tuple(happened(draws) for draws in drawn.values()),
        notes=_notes(settings.flip.probability, request, segments),
    )


def _check_free(out: Path, names: Iterable[str]) -> None:
    """Refuse a folder that holds what this job writes: samples of two runs could not be told apart there.

    Parameters
    ----------
    out : Path
        Need not be there.
    names : iterable of str
        Of samples that are to be written, beside those that are counted.
    """
    if not out.is_dir():
        return
    own = {RECORD, PREVIEW, *(f"{name}{ending}" for name in names for ending in _ENDINGS)}
    there = sorted(
        path.name
        for path in out.iterdir()
        if path.name in own or re.fullmatch(r"image_\d+\.(nii\.gz|seg\.nrrd)", path.name)
    )
    if there:
        what = there[0] if len(there) == 1 else f"{there[0]} and {counted(len(there) - 1, 'other file')}"
        msg = (
            f"the folder {out} holds samples already ({what}), expected a new or empty one: choose another folder, so that "
            "nothing is overwritten or mixed up"
        )
        raise InputError(msg)


def _planned(
    augmenter: "ImageAugmenter", request: Request, old: "AugmentationRecord | None"
) -> "Iterator[tuple[str, SampleDraws]]":
    """Return names and draws of the samples to make."""
    if old is not None:
        old.check_fits(augmenter.size, augmenter.spacing_mm)
        for name, draws in old.samples.items():
            if not name.replace("_", "").isalnum():  # it becomes the name of a file
                msg = f"the record names a sample {name!r}, expected letters and digits: correct it"
                raise InputError(msg)
            yield name, draws
        return
    digits = max(3, len(str(request.count)))
    for number in range(1, request.count + 1):
        yield f"image_{number:0{digits}}", augmenter.draw((request.seed, number))


def _notes(flips: float, request: Request, segments: tuple) -> tuple[str, ...]:
    """Return why nothing was mirrored, where the preset permits it and the labels do not."""
    from MedDeepRegSegLib.augmentation.label_sides import label_sides

    if not flips or request.segmentation is None or request.record is not None:
        return ()
    sides = label_sides(segments)
    why = [f"{name!r} has no partner of the other side" for name in sides.unpaired[:1]]
    why += [f"{name!r} lies on one side of the body" for name in sides.one_sided[:1]]
    return (f"Not mirrored left to right: {why[0]}.",) if why else ()
