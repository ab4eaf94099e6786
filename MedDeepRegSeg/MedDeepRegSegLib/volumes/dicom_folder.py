"""What a folder holds of DICOM: images, other objects, and files that are damaged.

A slice that cannot be read must not just be left out: at the end of a series nothing would show that the volume is too short.
"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress
from MedDeepRegSegLib.volumes.dicom_glance import glance
from MedDeepRegSegLib.volumes.dicom_headers import NOT_IMAGES, Header, decoded, is_dicom, read_header

_SUFFIXES = (".dcm", ".dicom", ".ima")

_MOST_FOLDERS, _DEEPEST = 2000, 8
"""So far a disk is searched; a whole drive is given by mistake."""

_SHOWN = 5


@dataclass(frozen=True)
class OtherObject:
    """A DICOM object that is no image: a segmentation, structure set, report or the like.

    Attributes
    ----------
    path:
        The file.
    kind:
        Its modality: SEG, RTSTRUCT, SR; or "other" where it has none.
    description:
        Of its series; may be empty.
    """

    path: Path
    kind: str
    description: str = ""


@dataclass(frozen=True)
class DamagedFile:
    """A DICOM file that was cut off, emptied or overwritten.

    Attributes
    ----------
    path:
        The file.
    series:
        Its Series Instance UID; empty where it does not get as far.
    may_be_slice:
        Whether it could be an image, as far as it says.
    """

    path: Path
    series: str
    may_be_slice: bool


@dataclass(frozen=True)
class FolderContent:
    """What a folder holds, by file name.

    Attributes
    ----------
    folder:
        The folder.
    images:
        Headers of the images.
    others:
        Objects that are no images.
    damaged:
        Files that cannot be read.
    files:
        How many files there are in all.
    """

    folder: Path
    images: tuple[Header, ...]
    others: tuple[OtherObject, ...]
    damaged: tuple[DamagedFile, ...]
    files: int


def look_into(folder: Path, what: str, progress: Progress, cancel: CancelToken | None) -> FolderContent:
    """Return what a folder holds; folders below are not searched.

    Raises
    ------
    InputError
        If the folder cannot be opened.
    """
    try:
        entries = sorted(folder.iterdir())
    except PermissionError as error:
        msg = f"{what}: the folder {folder} cannot be opened (permission denied): choose one that you may read"
        raise InputError(msg) from error
    # A link that leads nowhere is a file that is missing.
    files = [
        entry
        for entry in entries
        if not entry.name.startswith(".") and (entry.is_file() or (entry.is_symlink() and not entry.exists()))
    ]
    images: list[Header] = []
    others: list[OtherObject] = []
    unread: list[Path] = []
    for number, path in enumerate(files):
        if cancel is not None:
            cancel.raise_if_canceled()
        progress(number / len(files), f"Looking at {path.name}")
        one = read_header(path)
        if one is None:
            unread.append(path)
        elif one.modality in NOT_IMAGES:
            others.append(OtherObject(path, one.modality, one.description))
        else:
            images.append(one)
    named = {_pattern(one.path) for one in images}
    damaged = []
    for path in unread:
        if _pattern(path) in named or _meant_as_dicom(path):
            found = other_or_damaged(path)
            if isinstance(found, DamagedFile):
                damaged.append(found)
            elif found is not None:
                others.append(found)
    others.sort(key=lambda one: one.path)
    return FolderContent(folder, tuple(images), tuple(others), tuple(damaged), len(files))


def other_or_damaged(path: Path) -> OtherObject | DamagedFile | None:
    """Return what a file is that :func:`~MedDeepRegSegLib.volumes.dicom_headers.read_header` cannot read as an image; None for the index of a disk."""
    seen = glance(path)
    if seen.whole and not seen.is_slice:
        if seen.sop_class == "1.2.840.10008.1.3.10":  # DICOMDIR
            return None
        return OtherObject(path, seen.modality or "other", decoded(seen.description, seen.character_set))
    return DamagedFile(path, seen.series, seen.modality not in NOT_IMAGES and path.name.upper() != "DICOMDIR")


def images_of(content: FolderContent, what: str) -> tuple[Header, ...]:
    """Return the images of a folder.

    Raises
    ------
    InputError
        If there is none.
    """
    if content.images:
        return content.images
    folder = content.folder
    if content.damaged:
        raise InputError(_damage_text(content.damaged, what))
    if content.others:
        kinds = ", ".join(sorted({one.kind for one in content.others}))
        msg = f"{what}: {folder} has only DICOM objects without slices ({kinds}): pick an image series"
        raise InputError(msg)
    below = sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
    if not content.files and not below:
        msg = f"{what}: the folder {folder} is empty, expected the files of one DICOM series"
        raise InputError(msg)
    todo = "pick the folder that holds the files of one series"
    if below:
        todo += f" (there are folders below it: {', '.join(below[:_SHOWN])}{', ...' if len(below) > _SHOWN else ''})"
    files = f"{content.files} file{'' if content.files == 1 else 's'}"
    msg = f"{what}: {folder} has no DICOM image among its {files}: {todo}"
    raise InputError(msg)


def check_complete(content: FolderContent, series: str, what: str) -> str:
    """Return a remark on damaged files that do not belong to a series, or "".

    Raises
    ------
    InputError
        If one does, or does not say to which it belongs.
    """
    missing = [one for one in content.damaged if one.may_be_slice and one.series in ("", series)]
    if missing:
        raise InputError(_damage_text(missing, what))
    if not content.damaged:
        return ""
    return f"beside the series {_named(content.damaged)} damaged"


def check_undamaged(path: Path, what: str) -> None:
    """Refuse a file that is meant as DICOM and damaged; nothing is said of other files.

    Raises
    ------
    InputError
        If it is.
    """
    if _meant_as_dicom(path) and read_header(path) is None and isinstance(other_or_damaged(path), DamagedFile):
        msg = f"{what}: {path.name} is damaged: export or copy it again"
        raise InputError(msg)


def _meant_as_dicom(path: Path) -> bool:
    return path.suffix.lower() in _SUFFIXES or is_dicom(path)


def _damage_text(damaged: Sequence[DamagedFile], what: str) -> str:
    """Return a message on damaged files."""
    it = "it" if len(damaged) == 1 else "them"
    unsure = "" if all(one.series for one in damaged) else f", or move {it} elsewhere if no part of the series"
    return f"{what}: {_named(damaged)} damaged: export or copy {it} again{unsure}"


def folders_below(folder: Path) -> Iterator[Path]:
    """Yield a folder and all below it, by name; links and hidden folders are not followed.

    Raises
    ------
    InputError
        If there are very many.
    """
    for number, (place, names, _) in enumerate(os.walk(folder)):
        if number >= _MOST_FOLDERS:
            msg = f"{folder} has more than {_MOST_FOLDERS} folders below it: give one further down"
            raise InputError(msg)
        yield Path(place)
        depth = len(Path(place).relative_to(folder).parts)
        names[:] = sorted(name for name in names if not name.startswith(".")) if depth < _DEEPEST else []


def _named(damaged: Sequence[DamagedFile]) -> str:
    names = ", ".join(one.path.name for one in damaged[:_SHOWN])
    more = f" and {len(damaged) - _SHOWN} more files" if len(damaged) > _SHOWN else ""
    return f"{names}{more} {'is' if len(damaged) == 1 else 'are'}"


def _pattern(path: Path) -> str:
    """Return a name with its numbers taken out: slices of a series are mostly named alike."""
    return re.sub(r"\d+", "#", path.name)
