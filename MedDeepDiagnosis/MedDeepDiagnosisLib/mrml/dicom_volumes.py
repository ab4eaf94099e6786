"""Which DICOM files a volume of the scene was loaded from.

Volumes that Slicer's DICOM module loaded carry the UIDs of their slices (attribute ``DICOM.instanceUIDs``), and the DICOM
database knows the files. Volumes that were read from files as such know them from their storage node.
"""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import slicer

from MedDeepRegSegLib.errors import InputError

_UIDS = "DICOM.instanceUIDs"


def dicom_database():
    """Return Slicer's DICOM database (``slicer.dicomDatabase``), None where there is none or it is not open."""
    # The DICOM module sets it when it starts, so that it is absent without that module.
    database = getattr(slicer, "dicomDatabase", None)
    return database if database is not None and database.isOpen else None


def comes_from_dicom(volume_node) -> bool:
    """Return whether a volume says that it was loaded from a DICOM series; its files are not looked at."""
    if volume_node is None:
        return False
    storage = volume_node.GetStorageNode()
    return bool(volume_node.GetAttribute(_UIDS)) or (storage is not None and storage.GetNumberOfFileNames() > 1)


def source_files(volume_node) -> tuple[Path, ...]:
    """Return the DICOM files that a volume was loaded from and still shows.

    Raises
    ------
    InputError
        If it was not loaded from DICOM, files are no longer there, or it was moved or changed since.
    """
    what = f"volume {volume_node.GetName()!r}" if volume_node is not None else "no volume"
    if volume_node is None or not comes_from_dicom(volume_node):
        msg = f"{what} was not loaded from a DICOM series, expected one that was: load the series in the DICOM module"
        raise InputError(msg)
    if volume_node.GetParentTransformNode() is not None:
        msg = (
            f"{what} lies under a transform, so that it is no longer where its DICOM slices are (a tilted gantry gets one "
            "when it is loaded): pick a series without"
        )
        raise InputError(msg)
    uids = (volume_node.GetAttribute(_UIDS) or "").split()
    return _of_database(uids, what) if uids else _of_storage(volume_node, what)


def _of_database(uids: Sequence[str], what: str) -> tuple[Path, ...]:
    database = dicom_database()
    if database is None:
        msg = f"{what}: the DICOM database is not open: open the DICOM module once"
        raise InputError(msg)
    files = [database.fileForInstance(uid) for uid in uids]
    lost = sum(not file or not Path(file).is_file() for file in files)
    if lost:
        msg = f"{what}: {lost} of its {len(uids)} slices are no longer in the DICOM database: import the series again"
        raise InputError(msg)
    return tuple(Path(file) for file in files)


def _of_storage(volume_node, what: str) -> tuple[Path, ...]:
    storage = volume_node.GetStorageNode()
    if volume_node.GetModifiedSinceRead():
        msg = f"{what} was changed since it was loaded from its DICOM series: load it again"
        raise InputError(msg)
    names = [storage.GetFileName(), *(storage.GetNthFileName(n) for n in range(storage.GetNumberOfFileNames()))]
    files = tuple(dict.fromkeys(Path(name) for name in names if name))
    from MedDeepRegSegLib.volumes.dicom_headers import is_dicom

    if not all(is_dicom(file) for file in files):
        msg = f"{what} was not loaded from a DICOM series, expected one that was: load the series in the DICOM module"
        raise InputError(msg)
    return files


def series_source(volume_node, folder: Path) -> Path:
    """Return a path that stands for exactly the DICOM series of a volume: its folder, or links to its files.

    Parameters
    ----------
    volume_node:
        A volume that was loaded from DICOM.
    folder:
        Working folder of a job; gets a folder ``series`` with links (or copies, where the disk has no links) when files of
        other series lie beside those of the volume.

    Raises
    ------
    InputError
        As for :func:`source_files`.
    """
    files = source_files(volume_node)
    (parent, *others) = sorted({file.parent for file in files})
    beside = {file for file in parent.iterdir() if file.is_file() and not file.name.startswith(".")}
    if not others and beside == set(files):
        return parent
    made = folder / "series"
    made.mkdir()
    for number, file in enumerate(files):
        _link(file, made / f"{number:05d}.dcm")
    return made


def _link(file: Path, name: Path) -> None:
    # No hard links: a change of mode, as when a folder is cleaned up, would reach the file of the user.
    for make in (os.symlink, shutil.copyfile):
        try:
            make(file.resolve(), name)
        except OSError:
            continue
        return
    msg = f"{file} cannot be read: import the series again"
    raise InputError(msg)
