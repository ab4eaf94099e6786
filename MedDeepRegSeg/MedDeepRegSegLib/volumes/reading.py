"""Read images and label maps from files or DICOM folders, and write them.

Whatever is not a regular scalar 3-D volume in millimeters is refused with one clear line; see
:mod:`~MedDeepRegSegLib.volumes.file_headers` for what the image library would let pass.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.outputs import atomic_path
from MedDeepRegSegLib.jobs.progress import NOTE, CancelToken, Progress, no_progress
from MedDeepRegSegLib.volumes import file_headers
from MedDeepRegSegLib.volumes.dicom_folder import check_undamaged
from MedDeepRegSegLib.volumes.dicom_headers import NOT_IMAGES, is_dicom
from MedDeepRegSegLib.volumes.dicom_series import NOTE_KEY, read_dicom_file, read_dicom_folder
from MedDeepRegSegLib.volumes.geometry import check_label_map, check_volume, size_text, value_range
from MedDeepRegSegLib.volumes.memory import check_memory
from MedDeepRegSegLib.volumes.modality import MODALITY_KEY

WRITABLE_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".mha")
"""Suffixes that :func:`write_image` accepts: formats of one file that keep the geometry."""

_PICTURES = ("PNGImageIO", "JPEGImageIO", "BMPImageIO", "TIFFImageIO", "GiplImageIO", "LSMImageIO")


def read_volume(
    path: Path | str,
    what: str = "image",
    *,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> sitk.Image:
    """Read a scalar 3-D volume from a file, or from a folder of one DICOM series.

    Geometry comes out in LPS mm; files in other units of length are converted. A 4-D file with one frame is taken
    as 3-D.

    Parameters
    ----------
    path:
        NIfTI, NRRD, MetaImage or another file that SimpleITK reads; a folder of one DICOM series; a DICOM file of several
        frames; or a slice of a DICOM series, which stands for the whole series in its folder.
    what:
        What the image is to the user, for messages: ``"fixed image"``.
    progress, cancel:
        As everywhere.

    Raises
    ------
    InputError
        If the path cannot be read or what is there is no regular scalar volume.
    """
    image = _read(Path(path), what, progress, cancel)
    check_volume(image, f"{what} ({Path(path).name})")
    return image


def read_label_map(
    path: Path | str,
    what: str = "label map",
    *,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> sitk.Image:
    """Read a label map as the smallest unsigned integer type that holds its labels.

    Parameters
    ----------
    path:
        File with whole non-negative numbers, stored in any type.
    what:
        What the label map is to the user, for messages.
    progress, cancel:
        As everywhere.

    Raises
    ------
    InputError
        If the path cannot be read or what is there is no label map.
    """
    image = _read(Path(path), what, progress, cancel)
    check_label_map(image, f"{what} ({Path(path).name})")
    _, highest = value_range(image)
    for limit, pixel_type in ((255, sitk.sitkUInt8), (65535, sitk.sitkUInt16)):
        if highest <= limit:
            return sitk.Cast(image, pixel_type)
    return sitk.Cast(image, sitk.sitkUInt32)


def write_image(image: sitk.Image, path: Path | str) -> None:
    """Write an image compressed and atomically. Missing folders are created.

    Raises
    ------
    InputError
        If the suffix is not one of :data:`WRITABLE_SUFFIXES`, or the place cannot be written.
    """
    final = Path(path)
    if not final.name.lower().endswith(WRITABLE_SUFFIXES):
        msg = f"{final.name} has no suffix of an image format, expected one of {', '.join(WRITABLE_SUFFIXES)}"
        raise InputError(msg)
    with atomic_path(final) as temporary:
        try:
            sitk.WriteImage(image, str(temporary), useCompression=True)
        except RuntimeError as error:
            msg = f"{final} cannot be written ({_reason(error)}): choose another folder or format"
            raise InputError(msg) from error


def reading_note(image: sitk.Image) -> str:
    """Return a remark on how an image was read, or "". Its user saw it already if the reading told its progress."""
    return image.GetMetaData(NOTE_KEY) if image.HasMetaDataKey(NOTE_KEY) else ""


@dataclass(frozen=True)
class CheckedFile:
    """An image file whose header was read and found usable; its voxels were not read yet.

    Attributes
    ----------
    path, what:
        As given to :func:`check_file`.
    reader:
        Has read the header. :meth:`read` reads the voxels.
    millimeters:
        What lengths of the file are multiplied with to get mm.
    sform:
        As returned by :func:`~MedDeepRegSegLib.volumes.file_headers.check_nifti`.
    """

    path: Path
    what: str
    reader: sitk.ImageFileReader
    millimeters: float
    sform: np.ndarray | None

    def read(self) -> sitk.Image:
        """Return the image as it is in the file, with all its frames, components and metadata; lengths are in mm."""
        try:
            image = self.reader.Execute()
        except RuntimeError as error:
            msg = f"{self.what} cannot be read from {self.path.name} ({_reason(error)}): copy or export it again"
            raise InputError(msg) from error
        if self.millimeters != 1.0:
            for get, put in ((image.GetSpacing, image.SetSpacing), (image.GetOrigin, image.SetOrigin)):
                put([*(self.millimeters * length for length in get()[:3]), *get()[3:]])
        return image

    def note(self, image: sitk.Image) -> str:
        """Return what the user should know about how ``image``, a volume of this file, was read, or ""."""
        return file_headers.orientation_note(image, self.sform, self.path.name)

    def check_extent(self, image: sitk.Image) -> sitk.Image:
        """Return ``image``, a volume of this file, unless its spacing cannot be in mm."""
        known = not file_headers.is_nifti(self.path) or file_headers.nifti_says_unit(self.path)
        return _checked_extent(image, self.path, self.what, known=known)


def check_file(path: Path, what: str, *, cancel: CancelToken | None = None) -> CheckedFile:
    """Refuse an image file that is not usable, by all that can be known before its voxels are read.

    Parameters
    ----------
    path:
        A file. Any number of frames and components is allowed here.
    what:
        What the image is to the user, for messages.
    cancel:
        As everywhere.

    Raises
    ------
    InputError
        If the file is missing, truncated, damaged, no volume, too large for the memory, or has a header that the
        image library would misread.
    """
    _check_path(path, what)
    sform = file_headers.check_nifti(path, what, cancel=cancel) if file_headers.is_nifti(path) else None
    scale = file_headers.nrrd_millimeters(path, what) if file_headers.is_nrrd(path) else 1.0
    return CheckedFile(path, what, _header(path, what), scale, sform)


def _read(path: Path, what: str, progress: Progress, cancel: CancelToken | None) -> sitk.Image:
    _check_path(path, what)
    if cancel is not None:
        cancel.raise_if_canceled()
    progress(0.0, f"Reading {what}")
    if path.is_dir():
        return _checked_extent(read_dicom_folder(path, what, progress=progress, cancel=cancel), path, what, known=True)
    file = check_file(path, what, cancel=cancel)
    if file.reader.GetImageIOFromFileName(str(path)) == "GDCMImageIO":
        return _checked_extent(read_dicom_file(path, what, progress=progress, cancel=cancel), path, what, known=True)
    _check_single_volume(file)
    image = _single_frame(file.read(), what, path)
    modality = image.GetMetaData(MODALITY_KEY) if image.HasMetaDataKey(MODALITY_KEY) else None
    for key in image.GetMetaDataKeys():  # names and dates of a patient must not travel into results
        image.EraseMetaData(key)
    if modality:
        image.SetMetaData(MODALITY_KEY, modality.strip())
    if note := file.note(image):
        image.SetMetaData(NOTE_KEY, note)
        progress(1.0, f"{NOTE}{note}")
    progress(1.0, f"Read {what}")
    return file.check_extent(image)


def _check_path(path: Path, what: str) -> None:
    try:
        exists = path.exists()
    except OSError as error:
        msg = f"{what}: {path} cannot be opened ({error.strerror}): check the path"
        raise InputError(msg) from error
    if not exists:
        msg = f"{what}: there is no file or folder {path}: check the path"
        raise InputError(msg)
    if not os.access(path, os.R_OK | os.X_OK if path.is_dir() else os.R_OK):
        msg = f"{what}: {path} cannot be opened (permission denied): choose one that you may read"
        raise InputError(msg)
    if path.is_file() and path.stat().st_size == 0:
        msg = f"{what}: the file {path.name} is empty: copy or download it again"
        raise InputError(msg)
    if not path.is_file() and not path.is_dir():
        msg = f"{what}: {path} is neither a file nor a folder: pick an image"
        raise InputError(msg)


def _header(path: Path, what: str) -> sitk.ImageFileReader:
    """Return a reader that has read the header, after refusal of what needs no voxels to be refused."""
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    chosen = reader.GetImageIOFromFileName(str(path))
    if not chosen:
        msg = f"{what}: {path.name} is no image that can be read: pick a NIfTI, NRRD, MetaImage or DICOM file"
        check_undamaged(path, what)
        if is_dicom(path):
            msg = f"{what}: {path.name} is a DICOM object without an image (a structure set, plan or report?): pick a CT or MR"
        raise InputError(msg)
    if chosen in _PICTURES:
        msg = f"{what}: {path.name} is a picture without spacing in mm ({chosen[:-7]}): pick a NIfTI, NRRD or DICOM volume"
        raise InputError(msg)
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        check_undamaged(path, what)
        msg = f"{what} cannot be read from {path.name} ({_reason(error)}): copy or export it again"
        raise InputError(msg) from error
    size = reader.GetSize()
    if chosen == "GDCMImageIO":
        _check_dicom_file(reader, path, what)
    # Double precision is what the widest step of any work here needs; further frames and components are label maps.
    voxels = np.prod(size[:3], dtype=float)
    needed = 7.0 * voxels + np.prod(size, dtype=float) * reader.GetNumberOfComponents()
    check_memory(needed, f"{what} ({size_text(size)} voxels)", "crop or resample it first")
    return reader


def _check_single_volume(file: CheckedFile) -> None:
    path, what, reader = file.path, file.what, file.reader
    size = reader.GetSize()
    frames = int(np.prod(size[3:], dtype=float)) if len(size) > 3 else 1
    if frames > 1:
        msg = f"{what} ({path.name}) has {frames} frames ({size_text(size)}), expected one 3-D volume: extract one frame of it"
        raise InputError(msg)
    components = reader.GetNumberOfComponents()
    if components > 1:
        hint = "extract one component"
        if path.name.lower().endswith(".seg.nrrd"):
            hint = "its segments overlap, save them without overlap or one by one"
        msg = f"{what} ({path.name}) has {components} components per voxel, expected 1: {hint}"
        raise InputError(msg)


def _check_dicom_file(reader: sitk.ImageFileReader, path: Path, what: str) -> None:
    modality = reader.GetMetaData(MODALITY_KEY).strip() if reader.HasMetaDataKey(MODALITY_KEY) else ""
    if modality in NOT_IMAGES:
        todo = "give it where a segmentation is asked for" if modality == "SEG" else "pick a CT or MR"
        msg = f"{what}: {path.name} is a DICOM {modality} object, expected an image: {todo}"
        raise InputError(msg)


def _single_frame(image: sitk.Image, what: str, path: Path) -> sitk.Image:
    """Return a 4-D image of one frame as 3-D."""
    size = image.GetSize()
    if len(size) <= 3:
        return image
    direction = np.array(image.GetDirection()).reshape(len(size), len(size))
    if len(size) > 4 or np.linalg.matrix_rank(direction[:3, :3]) < 3:
        msg = f"{what} ({path.name}) has {len(size)} dimensions ({size_text(size)}), expected 3: extract a 3-D volume"
        raise InputError(msg)
    return sitk.Extract(image, [*size[:3], 0], [0] * len(size), sitk.ExtractImageFilter.DIRECTIONCOLLAPSETOSUBMATRIX)


def _checked_extent(image: sitk.Image, path: Path, what: str, *, known: bool) -> sitk.Image:
    """Refuse volumes whose spacing cannot be in mm: no person is thinner than 1 mm or longer than 5 m."""
    if image.GetDimension() != 3:
        return image  # refused by the check of the shape, with a better message
    extent = np.array(image.GetSize()) * image.GetSpacing()
    if np.isfinite(extent).all() and (extent.max() < 1 or extent.max() > 5000):
        says = "" if known else " and its header does not say the unit"
        msg = (
            f"{what} ({path.name}) would be {size_text([round(float(e), 3) for e in extent])} mm large{says}: "
            "is the spacing in another unit? Correct its header to mm"
        )
        raise InputError(msg)
    return image


def _reason(error: RuntimeError) -> str:
    """Return the telling part of a message of the image library, on one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if "ERROR" in line or line.startswith("[")] or lines
    text = telling[-1].split("ERROR:")[-1].strip()
    return text[:160]
