"""The DICOM series that a diagnosis was made on: its headers, in order, and its grid.

Patient and study of the objects that are written come from these headers, and from nowhere else.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from MedDeepDiagnosisLib.reports.dicom_codes import require_highdicom
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.segmentation.segments import Segment
from MedDeepRegSegLib.volumes.dicom_folder import check_undamaged
from MedDeepRegSegLib.volumes.dicom_headers import NOT_IMAGES, is_dicom
from MedDeepRegSegLib.volumes.dicom_stack import Plane, stack_planes
from MedDeepRegSegLib.volumes.geometry import LATTICE_TOLERANCE, check_label_map, index_to_world, lattice_map, size_text

_REQUIRED = ("SOPInstanceUID", "SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")

_PATIENT = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex")
"""Says whose a series is; messages do not show it."""

_ONE_VALUE = ("StudyInstanceUID", "FrameOfReferenceUID", *_PATIENT, "Rows", "Columns", "PixelSpacing")
"""What must not differ within a series."""


@dataclass(frozen=True)
class SourceSeries:
    """One series of slices.

    Attributes
    ----------
    slices:
        Headers (pydicom datasets without pixels), from first to last along the normal of the slices.
    grid:
        Empty uint8 image on the grid of the series, LPS mm; voxel (i, j, k) is column i, row j of ``slices[k]``.
    """

    slices: tuple[Any, ...]
    grid: sitk.Image


@contextmanager
def header_faults(what: str) -> Iterator[None]:
    """Turn what the DICOM library says of headers that break the standard into an InputError."""
    try:
        with warnings.catch_warnings():
            # How a name is written in the source is not for the reader of a report to mend.
            warnings.filterwarnings("ignore", message="The string .* is unlikely to represent")
            yield
    except InputError:
        raise
    except (ValueError, AttributeError, TypeError, KeyError) as error:
        msg = f"the headers of the DICOM series cannot be taken over into the {what} ({error}): correct or export them again"
        raise InputError(msg) from error


def is_dicom_series(path: Path | None) -> bool:
    """Return whether a path is a folder with a DICOM file in it, or such a file; files in folders below do not count."""
    if path is None or not Path(path).exists():
        return False
    if Path(path).is_file():
        return is_dicom(Path(path))
    return any(is_dicom(entry) for entry in sorted(Path(path).iterdir()) if entry.is_file())


@dataclass(frozen=True)
class SourcePatient:
    """Whose a series is, for the eyes of the user; empty where the headers are.

    Attributes
    ----------
    name, patient_id, birth_date, sex:
        Of the patient, as in the headers.
    study_date, study, series, modality:
        Date and description of the study, description of the series, and its modality.
    slices:
        How many slices it has.
    """

    name: str
    patient_id: str
    birth_date: str
    sex: str
    study_date: str
    study: str
    series: str
    modality: str
    slices: int


def source_patient(source: SourceSeries) -> SourcePatient:
    """Return whose a series is; all of its slices agree in that."""
    first = source.slices[0]

    def text(key: str) -> str:
        said = str(first.get(key, "") or "").strip()
        return "" if key == "SeriesDescription" and said == "None" else said  # as some converters write what is absent

    return SourcePatient(
        name=text("PatientName"),
        patient_id=text("PatientID"),
        birth_date=text("PatientBirthDate"),
        sex=text("PatientSex"),
        study_date=text("StudyDate"),
        study=text("StudyDescription"),
        series=text("SeriesDescription"),
        modality=text("Modality"),
        slices=len(source.slices),
    )


def read_source_series(path: Path, *, cancel: CancelToken | None = None) -> SourceSeries:
    """Read the headers of a series and check that its slices are of one patient and evenly stacked.

    Parameters
    ----------
    path:
        Folder with one image series, or a slice, which stands for its series in its folder.
    cancel:
        As everywhere.

    Raises
    ------
    InputError
        If the folder holds no series or several, a header lacks what the objects to be written refer to, or the
        slices are not parallel, lie at one place, or are not evenly stacked straight along their normal.
    MissingPackageError
        If highdicom or pydicom is not installed.
    """
    require_highdicom()
    path = Path(path)
    folder = path.parent if path.is_file() else path
    if not folder.is_dir():
        msg = f"{folder} is no folder, expected the folder of one DICOM series: DICOM results refer to its slices"
        raise InputError(msg)
    if path.is_file() and not is_dicom(path):
        check_undamaged(path, "DICOM series")
        msg = f"{path.name} is no DICOM file, expected a slice of the series or its folder: DICOM results refer to its slices"
        raise InputError(msg)
    slices = _read_headers(folder, cancel)
    if path.is_file():
        wanted = next((one.get("SeriesInstanceUID") for one in slices if Path(one.filename) == path), None)
        slices = [one for one in slices if one.get("SeriesInstanceUID") == wanted] if wanted is not None else []
    if not slices:
        lacks = "has no DICOM slices"
        if path.is_file():
            check_undamaged(path, "DICOM series")
            lacks = "is no DICOM slice"
        msg = f"{path} {lacks}, expected one series: DICOM results refer to the slices that they are about"
        raise InputError(msg)
    _check_headers(slices, Path(folder))
    stack = stack_planes([_plane(one) for one in slices], str(folder))
    if not stack.even:
        msg = (
            f"{folder}: {stack.said}, expected slices straight above each other at one distance, since DICOM results refer "
            "to them as they are: export the series as an even stack, or leave out the DICOM results"
        )
        raise InputError(msg)
    first = slices[stack.order[0]]
    grid = sitk.Image([int(first.Columns), int(first.Rows), len(slices)], sitk.sitkUInt8)
    grid.SetSpacing(stack.spacing)
    grid.SetOrigin(stack.origin.tolist())
    grid.SetDirection(stack.axes.ravel().tolist())
    return SourceSeries(tuple(slices[n] for n in stack.order), grid)


def _plane(one: Any) -> Plane:
    rows, columns = (float(part) for part in one.PixelSpacing)  # distances of rows, then of columns (PS3.3 10.7.1.3)
    number = one.get("InstanceNumber")
    return Plane(
        name=Path(one.filename).name,
        size=(int(one.Columns), int(one.Rows)),
        spacing=(columns, rows),
        position=tuple(float(part) for part in one.ImagePositionPatient),
        orientation=tuple(float(part) for part in one.ImageOrientationPatient),
        number=None if number is None else int(number),
    )


def _read_headers(folder: Path, cancel: CancelToken | None) -> list[Any]:
    import pydicom
    from pydicom.errors import InvalidDicomError

    found = []
    for path in sorted(folder.iterdir()):
        if cancel is not None:
            cancel.raise_if_canceled()
        if not path.is_file() or path.name.startswith("."):
            continue
        try:
            header = pydicom.dcmread(path, stop_before_pixels=True)
        except (InvalidDicomError, OSError, EOFError):
            continue
        if str(header.get("Modality", "")) in NOT_IMAGES or "Rows" not in header:
            continue
        header.filename = str(path)
        if not header.get("SpecificCharacterSet", "ISO_IR 6"):
            del header.SpecificCharacterSet  # empty means the default, as absent does (PS3.3 C.12.1.1.2)
        found.append(header)
    return found


def _check_headers(slices: Sequence[Any], folder: Path) -> None:
    series = sorted({str(one.get("SeriesInstanceUID", "")) for one in slices})
    if len(series) > 1:
        msg = f"{folder} has slices of {len(series)} DICOM series, expected 1: give a slice of the wanted one in place of the folder"
        raise InputError(msg)
    for one in slices:
        name = Path(one.filename).name
        if int(one.get("NumberOfFrames", 1) or 1) > 1:
            msg = f"{name} holds several frames, expected one file for each slice: convert the series to single frames"
            raise InputError(msg)
        lacking = [key for key in (*_REQUIRED, "ImagePositionPatient", "PixelSpacing") if not one.get(key)]
        if lacking or len(one.get("ImageOrientationPatient") or ()) != 6:
            what = lacking[0] if lacking else "ImageOrientationPatient"
            msg = f"the DICOM slice {name} has no {what}, expected one: export the series again from its archive"
            raise InputError(msg)
    for key in _ONE_VALUE:
        values = sorted({str(one.get(key, "")) for one in slices})
        if len(values) > 1:
            shown = "" if key in _PATIENT else f" ({', '.join(values[:3])})"
            msg = f"the slices of {folder} differ in {key}{shown}, expected one value: keep the slices of one volume"
            raise InputError(msg)


def labels_on_source(
    labels: sitk.Image, segments: Sequence[Segment], source: SourceSeries
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return segments on the slices of a series, and what to know about how they came there.

    A label map on the lattice of the series (the same grid, a part of it, or with axes turned) is copied voxel by
    voxel. Any other is resampled by nearest neighbor, with a note.

    Parameters
    ----------
    labels:
        Label map, on any grid in the space of the patient.
    segments:
        Those to bring there, in the order of their numbers from 1.

    Returns
    -------
    (F, R, C) uint8, frames in the order of ``source.slices``, and notes.

    Raises
    ------
    InputError
        If a segment is empty, lies outside of the slices in part, or is lost between them.
    """
    check_label_map(labels, "segmentation")
    if not 1 <= len(segments) <= 255:
        msg = f"there are {len(segments)} segments to write, expected 1 to 255"
        raise InputError(msg)
    array = sitk.GetArrayViewFromImage(labels)
    numbered = np.zeros(array.shape, np.uint8)
    for number, segment in enumerate(segments, start=1):
        inside = array == segment.value
        if not inside.any():
            msg = f"segment {segment.name!r} is empty, expected the voxels of one lesion: draw or grow it first"
            raise InputError(msg)
        numbered[inside] = number
    image = sitk.GetImageFromArray(numbered)
    image.CopyInformation(labels)
    _check_covered(image, segments, source)
    moved = sitk.Resample(
        image, source.grid, sitk.Transform(3, sitk.sitkIdentity), sitk.sitkNearestNeighbor, 0.0, sitk.sitkUInt8
    )
    frames = sitk.GetArrayFromImage(moved)
    if lattice_map(image, source.grid) is not None:
        return frames, ()
    return frames, tuple(_changes(numbered, labels, frames, source.grid, segments))


def _check_covered(image: sitk.Image, segments: Sequence[Segment], source: SourceSeries) -> None:
    """Refuse segments with voxels whose centers lie outside of the slices."""
    voxels = np.argwhere(sitk.GetArrayViewFromImage(image) > 0)
    to_index = np.linalg.inv(index_to_world(source.grid)) @ index_to_world(image)
    indices = voxels[:, ::-1] @ to_index[:3, :3].T + to_index[:3, 3]
    slack = 0.5 + LATTICE_TOLERANCE
    outside = ((indices < -slack) | (indices > np.array(source.grid.GetSize()) - 1 + slack)).any(axis=1)
    if not outside.any():
        return
    numbers = np.unique(sitk.GetArrayViewFromImage(image)[tuple(voxels[outside].T)])
    names = ", ".join(repr(segments[int(number) - 1].name) for number in numbers)
    msg = (
        f"{max(100 * outside.mean(), 1):.0f} % of the voxels of segment {names} lie outside of the DICOM slices: "
        "give the series that the lesion was drawn on"
    )
    raise InputError(msg)


def _changes(
    numbered: np.ndarray, labels: sitk.Image, frames: np.ndarray, grid: sitk.Image, segments: Sequence[Segment]
) -> list[str]:
    notes = []
    for number, segment in enumerate(segments, start=1):
        before = np.count_nonzero(numbered == number) * float(np.prod(labels.GetSpacing()))
        after = np.count_nonzero(frames == number) * float(np.prod(grid.GetSpacing()))
        if not after:
            msg = (
                f"segment {segment.name!r} vanishes between the DICOM slices ({size_text(grid.GetSpacing())} mm), "
                "expected a voxel at least: draw it on the series itself"
            )
            raise InputError(msg)
        notes.append(
            f"{segment.name} was resampled onto the slices by nearest neighbor: {before:.4g} mm3 became {after:.4g} mm3"
        )
    return notes
