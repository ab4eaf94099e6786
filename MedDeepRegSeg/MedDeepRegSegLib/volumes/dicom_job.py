"""The job "dicom-read": list the DICOM series of a folder and what each is as a volume, or write one as a volume."""

from dataclasses import dataclass
from pathlib import Path

import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of
from MedDeepRegSegLib.volumes.dicom_folder import FolderContent, OtherObject, folders_below, images_of, look_into
from MedDeepRegSegLib.volumes.dicom_headers import by_series, is_dicom, read_header, series_text
from MedDeepRegSegLib.volumes.dicom_series import SeriesSummary, read_dicom_folder, summaries
from MedDeepRegSegLib.volumes.reading import read_volume, reading_note, write_image

_SHOWN = 8


@dataclass(frozen=True)
class Request:
    """What to read.

    Attributes
    ----------
    folder:
        Folder with DICOM files, in it or in folders below it; or, to read, a slice, which stands for its series.
    series:
        Number in the list, from 1, or Series Instance UID; only needed where there are several. Without it, a series in the
        folder itself goes before those below.
    out:
        Volume to write; None to list only.
    """

    folder: Path
    series: str | None = None
    out: Path | None = None


@dataclass(frozen=True)
class Result:
    """What was found and written.

    Attributes
    ----------
    folder:
        As given.
    series:
        Those of the folder and of those below it; empty where a volume was written.
    volume:
        The volume that was written.
    note:
        What had to be done to the slices; empty where nothing.
    others:
        DICOM objects that are no images, where series were listed.
    damaged:
        DICOM files that cannot be read, where series were listed.
    """

    folder: Path
    series: tuple[SeriesSummary, ...]
    volume: Path | None
    note: str
    others: tuple[OtherObject, ...] = ()
    damaged: tuple[Path, ...] = ()


def run(request: Request, *, progress: Progress = no_progress, cancel: CancelToken | None = None) -> Result:
    """List or convert.

    Raises
    ------
    InputError
        If there is no DICOM image, no such series, a slice of it is damaged, or it is no volume.
    MissingPackageError
        If a file of several frames needs pydicom, which is not installed.
    Canceled
        If ``cancel`` was set; nothing is written then.
    """
    if not request.folder.is_dir() and (request.out is None or not request.folder.is_file()):
        msg = f"{request.folder} is no folder, expected one with DICOM files: choose another"
        raise InputError(msg)
    if request.out is None:
        if request.series is not None:
            msg = (
                f"series {request.series!r} is picked and there is no file to write: give one, or leave the series out"
            )
            raise InputError(msg)
        return _listed(request.folder, progress, cancel)
    if request.folder.is_file():
        image = _of_file(request, part_of(progress, 0.0, 0.9), cancel)
    else:
        contents = _look(request.folder, part_of(progress, 0.0, 0.4), cancel)
        folder, uid = _picked(contents, request)
        image = read_dicom_folder(folder, series=uid, progress=part_of(progress, 0.4, 0.9), cancel=cancel)
    if cancel is not None:
        cancel.raise_if_canceled()
    write_image(image, request.out)
    progress(1.0, "Done")
    return Result(request.folder, (), request.out, reading_note(image))


def _look(folder: Path, progress: Progress, cancel: CancelToken | None) -> list[FolderContent]:
    """Return what a folder and those below it hold."""
    progress(0.0, f"Looking for folders in {folder.name}")
    folders = list(folders_below(folder)) or [folder]
    contents = []
    for number, below in enumerate(folders):
        part = part_of(progress, number / len(folders), (number + 1) / len(folders))
        contents.append(look_into(below, "image", part, cancel))
    return contents


def _all_of(contents: list[FolderContent]) -> FolderContent:
    return FolderContent(
        contents[0].folder,
        tuple(one for content in contents for one in content.images),
        tuple(one for content in contents for one in content.others),
        tuple(one for content in contents for one in content.damaged),
        sum(content.files for content in contents),
    )


def _listed(folder: Path, progress: Progress, cancel: CancelToken | None) -> Result:
    contents = _look(folder, progress, cancel)
    found = _all_of(contents)
    if not found.others and not found.damaged:
        images_of(found, "image")
    series: list[SeriesSummary] = []
    for content in contents:
        series += summaries(content, len(series) + 1)
    return Result(folder, tuple(series), None, "", found.others, tuple(one.path for one in found.damaged))


def _picked(contents: list[FolderContent], request: Request) -> tuple[Path, str]:
    """Return the folder of the series to read, and its identifier."""
    images_of(_all_of(contents), "image")
    series = [(one.folder, uid, headers) for one in contents for uid, headers in by_series(one.images).items()]
    wanted = request.series
    if wanted is None:
        here = [one for one in series if one[0] == contents[0].folder] or series
    elif wanted.isdecimal():
        here = [series[int(wanted) - 1]] if 1 <= int(wanted) <= len(series) else []
    else:
        here = [one for one in series if one[1] == wanted]
    if len(here) == 1:
        return here[0][:2]
    if not here:
        msg = (
            f"{request.folder} has no series {wanted!r}, expected 1 to {len(series)} or a Series Instance UID: see "
            "'meddeep dicom list'"
        )
        raise InputError(msg)
    numbered = [f"{series.index(one) + 1}. {series_text(one[2])}" for one in here]
    listed = "; ".join(numbered[:_SHOWN]) + ("; ..." if len(numbered) > _SHOWN else "")
    msg = (
        f"{request.folder} has {len(here)} DICOM series ({listed}), expected 1: give --series N, see 'meddeep dicom list', "
        "or a slice of the wanted one"
    )
    raise InputError(msg)


def _of_file(request: Request, progress: Progress, cancel: CancelToken | None) -> sitk.Image:
    path = request.folder
    if request.series is not None:
        msg = f"{path.name} is a file, which stands for its series: leave the series {request.series!r} out, or give the folder"
        raise InputError(msg)
    if path.stat().st_size and not is_dicom(path) and read_header(path) is None:
        msg = f"{path.name} is no DICOM file, expected a slice of a series or its folder: choose another"
        raise InputError(msg)
    return read_volume(path, progress=progress, cancel=cancel)
