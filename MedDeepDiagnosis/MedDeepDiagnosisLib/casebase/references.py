"""Makes references to volumes and segments: where they are and what they were, without their voxels."""

import hashlib
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from MedDeepDiagnosisLib.casebase.records import SegmentReference, VolumeReference, geometry_json
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.hashing import file_sha256
from MedDeepRegSegLib.segmentation.segments import Segment
from MedDeepRegSegLib.volumes.modality import guess_modality


def volume_reference(image: sitk.Image, name: str, path: Path | None) -> VolumeReference:
    """Return the reference of a volume; its hash is that of its file or DICOM folder, else of its voxels."""
    return VolumeReference(
        name=name,
        path="" if path is None else str(Path(path).absolute()),
        sha256=voxels_sha256(image) if path is None else path_sha256(path),
        modality=guess_modality(image).value,
        geometry=geometry_json(image),
    )


def segment_reference(labels: sitk.Image, segment: Segment, path: Path | None, *, volume: str = "") -> SegmentReference:
    """Return the reference of a segment; without a file its hash is that of the segment's voxels."""
    mask = sitk.Cast(labels == segment.value, sitk.sitkUInt8)
    return SegmentReference(
        name=segment.name,
        identifier=segment.identifier,
        label=segment.value,
        terminology=segment.terminology,
        volume=volume,
        path="" if path is None else str(Path(path).absolute()),
        sha256=voxels_sha256(mask) if path is None else path_sha256(path),
    )


def voxels_sha256(image: sitk.Image) -> str:
    """Return the SHA-256 of voxels and grid, in hexadecimal."""
    digest = hashlib.sha256(geometry_json(image).encode())
    array = sitk.GetArrayViewFromImage(image)
    digest.update(array.dtype.str.encode())
    digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def path_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, or of the files of a folder whatever their names.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    path = Path(path)
    try:
        if path.is_file():
            return file_sha256(path)
        digests = sorted(file_sha256(entry) for entry in path.rglob("*") if entry.is_file())
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror or error}"
        raise InputError(msg) from error
    return hashlib.sha256("".join(digests).encode()).hexdigest()
