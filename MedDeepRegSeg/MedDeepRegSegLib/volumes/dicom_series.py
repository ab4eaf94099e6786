"""Read a DICOM series, or a file of several frames, as a volume, after a check that its slices are one.

The image library stacks whatever it is given at even distances. Here the positions in the headers are checked first, see
:mod:`~MedDeepRegSegLib.volumes.dicom_stack`: a tilted gantry and distances that change are put on an even grid, with a note;
missing slices, several images at one place, or several series are refused with a message that says which.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import NOTE, CancelToken, Progress, no_progress, part_of
from MedDeepRegSegLib.volumes.dicom_even import even_size, put_on_even_grid, what_was_done
from MedDeepRegSegLib.volumes.dicom_folder import FolderContent, check_complete, check_undamaged, images_of, look_into
from MedDeepRegSegLib.volumes.dicom_frames import read_frame_values, read_frames
from MedDeepRegSegLib.volumes.dicom_headers import Header, by_series, read_header, series_text
from MedDeepRegSegLib.volumes.dicom_stack import Stack, stack_planes
from MedDeepRegSegLib.volumes.geometry import size_text
from MedDeepRegSegLib.volumes.memory import check_memory
from MedDeepRegSegLib.volumes.modality import MODALITY_KEY
from MedDeepRegSegLib.volumes.resampling import background_value

NOTE_KEY = "MedDeep note"
"""Metadata key of a remark on the reading, for the user."""


_LISTED = "the series"


@dataclass(frozen=True)
class SeriesSummary:
    """A series of a folder.

    Attributes
    ----------
    number:
        From 1, in the folder.
    uid, description, modality:
        As in its headers.
    files:
        How many there are.
    first:
        One of them, which stands for the series wherever an image is asked for.
    geometry:
        What it is as a volume in words: its size and spacing, what would be done to it, or why it is refused.
    usable:
        Whether it can be read.
    """

    number: int
    uid: str
    description: str
    modality: str
    files: int
    first: Path
    geometry: str
    usable: bool


def summaries(content: FolderContent, first_number: int = 1) -> tuple[SeriesSummary, ...]:
    """Return the image series of a folder and whether each can be read, numbered from ``first_number``."""
    found = []
    for number, (uid, headers) in enumerate(by_series(content.images).items(), start=first_number):
        first = headers[0]
        try:
            check_complete(content, uid, _LISTED)
            stack, _ = _stack(headers, _LISTED)
            columns, rows = first.plane.size[:2]
            size = (columns, rows, len(stack.order)) if stack.even else even_size(stack, (columns, rows))
            geometry = f"{size_text(size)} voxels of {size_text([float(f'{part:.4g}') for part in stack.spacing])} mm"
            geometry += "" if stack.even else f" after resampling: {stack.said}"
            usable = True
        except (InputError, ImportError) as error:
            geometry, usable = str(error).removeprefix(f"{_LISTED}: "), False
        found.append(
            SeriesSummary(number, uid, first.description, first.modality, len(headers), first.path, geometry, usable)
        )
    return tuple(found)


def read_dicom_folder(
    folder: Path,
    what: str = "image",
    *,
    series: str | None = None,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> sitk.Image:
    """Read an image series of a folder.

    Segmentations, structure sets and other objects without slices may lie beside it. CT numbers come out in HU
    (rescale slope and intercept applied). Modality is kept in the metadata, and a note where slices had to be put on an
    even grid.

    Parameters
    ----------
    folder:
        Folder with the files of the series; folders below it are not searched.
    what:
        What the image is to the user, for messages.
    series:
        Which, if there are several: its number from 1 as :func:`summaries` has it, or its Series Instance UID.
    progress, cancel:
        As everywhere.

    Raises
    ------
    InputError
        If the folder has no DICOM image, several series (they are listed) of which none is picked, a damaged file that may
        belong to the series, or slices that are no volume.
    MissingPackageError
        If a file of several frames needs pydicom, which is not installed.
    """
    content = look_into(folder, what, part_of(progress, 0.0, 0.6), cancel)
    series_of = by_series(images_of(content, what))
    if series is None and len(series_of) == 1:
        (series,) = series_of
    elif series is None:
        listed = "; ".join(series_text(headers) for headers in series_of.values())
        msg = (
            f"{what}: {folder} has {len(series_of)} DICOM series ({listed}), expected 1: give a slice of the wanted one in "
            "place of the folder"
        )
        raise InputError(msg)
    if series not in series_of:
        numbered = dict(enumerate(series_of, start=1))
        if not series.isdecimal() or int(series) not in numbered:
            msg = f"{what}: {folder} has no series {series!r}, expected 1 to {len(series_of)} or a Series Instance UID"
            raise InputError(msg)
        series = numbered[int(series)]
    if beside := check_complete(content, series, what):
        progress(0.6, f"{NOTE}{what}: {beside}")
    return _read_series(series_of[series], what, part_of(progress, 0.6, 1.0), cancel)


def read_dicom_file(
    path: Path, what: str = "image", *, progress: Progress = no_progress, cancel: CancelToken | None = None
) -> sitk.Image:
    """Read the volume that a DICOM file stands for: its frames, or the series in its folder that it is a slice of.

    Raises
    ------
    InputError, MissingPackageError
        As for :func:`read_dicom_folder`.
    """
    header = read_header(path)
    if header is None:
        check_undamaged(path, what)
        msg = f"{what} cannot be read from {path.name}: copy or export it again"
        raise InputError(msg)
    if header.frames > 1:
        return _read_series([header], what, progress, cancel)
    return read_dicom_folder(path.parent, what, series=header.series, progress=progress, cancel=cancel)


def _stack(headers: Sequence[Header], what: str) -> tuple[Stack, np.ndarray]:
    """Return slices in order, and slope and intercept of each (N, 2)."""
    if any(one.frames > 1 for one in headers):
        if len(headers) > 1:
            msg = (
                f"{what} has {len(headers)} DICOM files of several frames each, expected one volume: pick a single file"
            )
            raise InputError(msg)
        frames = read_frames(headers[0].path, what)
        return stack_planes(frames.planes, what), frames.rescale
    stack = stack_planes([one.plane for one in headers], what)
    return stack, np.array([one.rescale if len(one.rescale) == 2 else (1.0, 0.0) for one in headers])


def _read_series(headers: Sequence[Header], what: str, progress: Progress, cancel: CancelToken | None) -> sitk.Image:
    stack, rescale = _stack(headers, what)
    columns, rows = headers[0].plane.size[:2]
    size = (columns, rows, len(stack.order)) if stack.even else even_size(stack, (columns, rows))
    check_memory(np.prod(size, dtype=float) * 8, f"reading {what} ({size_text(size)})", "crop it")
    progress(0.0, f"Reading {len(stack.order)} slices of {what}")
    if headers[0].frames > 1:
        voxels = read_frame_values(headers[0].path, read_frames(headers[0].path, what), what)[list(stack.order)]
    else:
        pixel_type = sitk.sitkUnknown if _first_type_holds_all(headers, rescale) else sitk.sitkFloat32
        voxels = _read_slices([headers[index].path for index in stack.order], what, pixel_type)
    notes = list(stack.notes)
    origin, step = stack.origin, stack.spacing[2]
    if not stack.even:
        fill = background_value(_with_modality(sitk.GetImageFromArray(voxels), headers[0].modality))
        put = part_of(progress, 0.3, 1.0)
        voxels, origin, step = put_on_even_grid(voxels, stack, fill=fill, progress=put, cancel=cancel)
        notes.insert(0, what_was_done(stack, (*stack.spacing[:2], step)))
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing((*stack.spacing[:2], step))
    image.SetOrigin(origin.tolist())
    image.SetDirection(stack.axes.ravel().tolist())
    _with_modality(image, headers[0].modality)
    if notes:
        note = f"{what}: {'; '.join(notes)}"
        image.SetMetaData(NOTE_KEY, note)
        progress(1.0, f"{NOTE}{note}")
    progress(1.0, f"Read {len(stack.order)} slices of {what}")
    return image


def _first_type_holds_all(headers: Sequence[Header], rescale: np.ndarray) -> bool:
    """Return whether voxels of all slices fit into the whole numbers that the first slice alone would be read as.

    The image library takes the type of a series from its first slice; values of others that do not fit wrap around.
    """
    alike = (rescale == rescale[0]).all() and len({one.stored for one in headers}) == 1
    return bool(alike and (rescale == np.rint(rescale)).all())


def _with_modality(image: sitk.Image, modality: str) -> sitk.Image:
    image.SetMetaData(MODALITY_KEY, modality)
    return image


def _read_slices(paths: Sequence[Path], what: str, pixel_type: int) -> np.ndarray:
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([str(path) for path in paths])
    reader.SetImageIO("GDCMImageIO")
    if pixel_type != sitk.sitkUnknown:
        reader.SetOutputPixelType(pixel_type)
    told = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)  # of uneven slices, which are dealt with here
    try:
        return sitk.GetArrayFromImage(reader.Execute())
    except RuntimeError as error:
        msg = f"{what}: the DICOM files from {paths[0].name} cannot be decoded: export the series without compression"
        raise InputError(msg) from error
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(told)
