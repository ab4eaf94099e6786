"""Read one DICOM file of several frames (enhanced CT, MR, PET) as a volume, each frame at its own place.

The image library takes frames to lie at even distances in the order of the file; where they do not it says nothing and makes
voxels of 1 mm, takes frames of several echoes at one place for further slices, and rescales all of them as the first. So
places and rescaling are read from the functional groups of the frames (DICOM PS3.3 C.7.6.16), with pydicom.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError, MissingPackageError
from MedDeepRegSegLib.volumes.dicom_stack import Plane


@dataclass(frozen=True)
class Frames:
    """The frames of a file, in its order.

    Attributes
    ----------
    planes:
        Where they lie.
    rescale:
        (N, 2) slope and intercept of each.
    dataset:
        The header (pydicom), without pixels.
    """

    planes: tuple[Plane, ...]
    rescale: np.ndarray
    dataset: Any


def pydicom_for(what: str) -> Any:
    """Return the package pydicom; raise MissingPackageError if it is not there."""
    try:
        import pydicom
    except ImportError as error:
        msg = f"{what} needs the package pydicom: install it with 'pip install \"pydicom>=3.0\"'"
        raise MissingPackageError(msg) from error
    return pydicom


def read_dataset_header(path: Path, what: str, needed_for: str) -> Any:
    """Return the header of a DICOM file (pydicom), without pixels.

    Parameters
    ----------
    path:
        The file.
    what:
        What cannot be read without it, for messages.
    needed_for:
        What needs pydicom, for the message that says so.

    Raises
    ------
    InputError
        If the file is not there, cannot be opened, or is no DICOM file.
    MissingPackageError
        If pydicom is not installed.
    """
    pydicom = pydicom_for(needed_for)
    try:
        return pydicom.dcmread(path, stop_before_pixels=True)
    except (OSError, EOFError, ValueError, pydicom.errors.InvalidDicomError) as error:
        msg = f"{what} cannot be read from {path.name} ({str(error)[:160]}): copy or export it again"
        raise InputError(msg) from error


def functional_group(dataset: Any, frame: int, name: str) -> Any | None:
    """Return the item of a functional group sequence of a frame (from 0), its own or the shared one; None if absent."""
    own = dataset.get("PerFrameFunctionalGroupsSequence")
    shared = dataset.get("SharedFunctionalGroupsSequence")
    for groups in (own[frame] if own and frame < len(own) else None, shared[0] if shared else None):
        sequence = groups.get(name) if groups is not None else None
        if sequence:
            return sequence[0]
    return None


def read_frames(path: Path, what: str) -> Frames:
    """Read the places of the frames of a file.

    Raises
    ------
    InputError
        If frames do not tell their places in the patient, as those of a film over time do not.
    MissingPackageError
        If pydicom is not installed.
    """
    dataset = read_dataset_header(path, what, f"{what}: reading {path.name}, a DICOM file of several frames,")
    count = int(dataset.get("NumberOfFrames", 1) or 1)
    size = (int(dataset.Columns), int(dataset.Rows))
    planes, rescale = [], []
    for number in range(count):
        place = functional_group(dataset, number, "PlanePositionSequence")
        turn = functional_group(dataset, number, "PlaneOrientationSequence")
        measures = functional_group(dataset, number, "PixelMeasuresSequence")
        values = functional_group(dataset, number, "PixelValueTransformationSequence")
        planes.append(
            Plane(
                name=f"frame {number + 1}",
                size=size,
                spacing=_spacing(measures),
                position=_numbers(place, "ImagePositionPatient"),
                orientation=_numbers(turn, "ImageOrientationPatient"),
            )
        )
        rescale.append((1.0, 0.0) if values is None else (float(values.RescaleSlope), float(values.RescaleIntercept)))
    if any(not plane.position or not plane.orientation or not plane.spacing for plane in planes):
        msg = (
            f"{what}: the {count} frames of {path.name} do not tell their places in the patient (a film over time, or an "
            "older format?), expected an enhanced CT, MR or PET: export it as single slices"
        )
        raise InputError(msg)
    return Frames(tuple(planes), np.array(rescale), dataset)


def read_frame_values(path: Path, frames: Frames, what: str) -> np.ndarray:
    """Return the voxels of a file (frames, rows, columns), rescaled; whole numbers where the rescaling is whole.

    Raises
    ------
    InputError
        If the pixels cannot be decoded.
    """
    if (frames.rescale == frames.rescale[0]).all():
        # Then the image library rescales all frames rightly, and it decodes more kinds of compression.
        reader = sitk.ImageFileReader()
        reader.SetFileName(str(path))
        reader.SetImageIO("GDCMImageIO")
        try:
            return sitk.GetArrayFromImage(reader.Execute())
        except RuntimeError as error:
            raise _undecodable(path, what) from error
    pydicom = pydicom_for(what)
    try:
        stored = pydicom.dcmread(path).pixel_array
    except (RuntimeError, NotImplementedError, AttributeError, ValueError) as error:
        raise _undecodable(path, what) from error
    slopes, intercepts = frames.rescale.T.reshape(2, -1, 1, 1)
    return (stored.reshape(len(slopes), *stored.shape[-2:]) * slopes + intercepts).astype(np.float32)


def _undecodable(path: Path, what: str) -> InputError:
    return InputError(f"{what}: the frames of {path.name} cannot be decoded: export them without compression")


def _numbers(item: Any | None, name: str) -> tuple[float, ...]:
    values = None if item is None else item.get(name)
    return tuple(float(value) for value in values) if values else ()


def _spacing(measures: Any | None) -> tuple[float, ...]:
    """Return the distance of columns, then of rows; DICOM has them the other way round (PS3.3 10.7.1.3)."""
    return _numbers(measures, "PixelSpacing")[::-1]
