"""The job "dicom-read": list the DICOM series of a folder and what each is as a volume, or write one as a volume."""

from dataclasses import dataclass
from pathlib import Path

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of
from MedDeepRegSegLib.volumes.dicom_series import SeriesSummary, list_series, read_dicom_folder
from MedDeepRegSegLib.volumes.reading import reading_note, write_image


@dataclass(frozen=True)
class Request:
    """What to read.

    Attributes
    ----------
    folder:
        Folder with DICOM files; folders below it are not searched.
    series:
        Number in the list, from 1, or Series Instance UID; only needed where there are several.
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
    series:
        Those of the folder; empty where a volume was written.
    volume:
        The volume that was written.
    note:
        What had to be done to the slices; empty where nothing.
    """

    series: tuple[SeriesSummary, ...]
    volume: Path | None
    note: str


def run(request: Request, *, progress: Progress = no_progress, cancel: CancelToken | None = None) -> Result:
    """List or convert.

    Raises
    ------
    InputError
        If there is no DICOM image, no such series, or it is no volume.
    MissingPackageError
        If a file of several frames needs pydicom, which is not installed.
    Canceled
        If ``cancel`` was set; nothing is written then.
    """
    if not request.folder.is_dir():
        msg = f"{request.folder} is no folder, expected one with DICOM files: choose another"
        raise InputError(msg)
    if request.out is None:
        if request.series is not None:
            msg = (
                f"series {request.series!r} is picked and there is no file to write: give one, or leave the series out"
            )
            raise InputError(msg)
        return Result(list_series(request.folder, progress=progress, cancel=cancel), None, "")
    image = read_dicom_folder(
        request.folder, series=request.series, progress=part_of(progress, 0.0, 0.9), cancel=cancel
    )
    if cancel is not None:
        cancel.raise_if_canceled()
    write_image(image, request.out)
    progress(1.0, "Done")
    return Result((), request.out, reading_note(image))
