"""The job "dicom-export": write segments and their measurements as DICOM SEG and SR beside the study they belong to.

Both objects get the patient and the study of the slices that the segments were drawn on, and new series. Nothing else is
taken over: no name of a file, of a node or of a user.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from MedDeepDiagnosisLib.reports.dicom_measurements import segments_report
from MedDeepDiagnosisLib.reports.dicom_seg import segmentation_object
from MedDeepDiagnosisLib.reports.dicom_source import SourcePatient, read_source_series, source_patient
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.outputs import atomic_folder
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of
from MedDeepRegSegLib.segmentation.measurements import measure
from MedDeepRegSegLib.segmentation.segmentation_file import read_segmentation
from MedDeepRegSegLib.segmentation.segments import Segment
from MedDeepRegSegLib.volumes.geometry import same_geometry
from MedDeepRegSegLib.volumes.reading import read_volume

SEGMENTATION_FILE, MEASUREMENTS_FILE = "segmentation.dcm", "measurements.dcm"

_FAMILIES = ("shape", "intensity")


@dataclass(frozen=True)
class Request:
    """What to export.

    Attributes
    ----------
    segmentation:
        ``.seg.nrrd``, label map or DICOM SEG.
    source:
        Folder of the DICOM series that it was drawn on, or a slice of it.
    out:
        Folder for ``segmentation.dcm`` and ``measurements.dcm``; neither may be there.
    segments:
        Names or identifiers of those to write; all without.
    volume:
        What the user took for the series, to check that it still is.
    patient_id:
        Patient ID that the user expects; not compared where it is None.
    """

    segmentation: Path
    source: Path
    out: Path
    segments: tuple[str, ...] = ()
    volume: Path | None = None
    patient_id: str | None = None


@dataclass(frozen=True)
class Result:
    """What was written, and of whom.

    Attributes
    ----------
    segmentation, measurements:
        The files.
    patient:
        Whose study they belong to.
    segments:
        Names of the segments, in the order of their numbers.
    notes:
        How the segments came onto the slices, where that is not plain.
    """

    segmentation: Path
    measurements: Path
    patient: SourcePatient
    segments: tuple[str, ...]
    notes: tuple[str, ...]


def run(request: Request, *, progress: Progress = no_progress, cancel: CancelToken | None = None) -> Result:
    """Check, measure and write.

    Raises
    ------
    InputError
        If the source is no even stack of slices of one patient, it is not the patient that is expected, the volume is no
        longer what was read from it, segments are empty or lie elsewhere, or files are there already.
    MissingPackageError
        If highdicom is not installed.
    Canceled
        If ``cancel`` was set; nothing is written then.
    """
    cancel = CancelToken() if cancel is None else cancel
    taken = [name for name in (SEGMENTATION_FILE, MEASUREMENTS_FILE) if (request.out / name).exists()]
    if taken:
        msg = f"{request.out / taken[0]} is there already, expected a folder without it: choose another"
        raise InputError(msg)
    progress(0.0, "Reading the DICOM headers")
    source = read_source_series(request.source, cancel=cancel)
    patient = source_patient(source)
    if request.patient_id is not None and request.patient_id.strip() != patient.patient_id:
        msg = "the series belongs to another patient than is expected (their patient IDs differ): nothing was written"
        raise InputError(msg)
    image = read_volume(request.source, "DICOM series", progress=part_of(progress, 0.1, 0.4), cancel=cancel)
    if request.volume is not None:
        _check_unchanged(request.volume, image)
    labels, segments = read_segmentation(request.segmentation, grid=image, cancel=cancel)
    chosen = _chosen(segments, request.segments)
    progress(0.4, "Writing the segments as DICOM")
    written = segmentation_object(labels, chosen, source)
    cancel.raise_if_canceled()
    onto = image if same_geometry(image, labels) else None
    families = _FAMILIES if onto is not None else _FAMILIES[:1]
    notes = written.notes
    if onto is None:
        notes = (*notes, "intensities were not measured: the segmentation lies on another grid than the slices")
    measured = measure(labels, chosen, onto, families=families, progress=part_of(progress, 0.5, 0.9), cancel=cancel)
    report = segments_report(measured, source, written)
    cancel.raise_if_canceled()
    with atomic_folder(request.out) as temporary:
        written.dataset.save_as(temporary / SEGMENTATION_FILE, enforce_file_format=True)
        report.save_as(temporary / MEASUREMENTS_FILE, enforce_file_format=True)
    progress(1.0, "Done")
    return Result(
        request.out / SEGMENTATION_FILE,
        request.out / MEASUREMENTS_FILE,
        patient,
        tuple(segment.name for segment in chosen),
        notes,
    )


def patient_line(patient: SourcePatient) -> str:
    """Return whose a study is on one line, for the user who is about to write to it."""
    who = patient.name.replace("^", " ").strip() or "no name"
    number = f"ID {patient.patient_id}" if patient.patient_id else "no patient ID"
    born = f", born {_date(patient.birth_date)}" if patient.birth_date else ""
    study = f"study of {_date(patient.study_date)}" if patient.study_date else "study without a date"
    what = " ".join(part for part in (patient.modality, patient.series) if part)
    return f"{who} ({number}{born}), {study}, {what}, {patient.slices} slices"


def _date(text: str) -> str:
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}" if len(text) == 8 and text.isdecimal() else text


def _chosen(segments: Sequence[Segment], wanted: Sequence[str]) -> tuple[Segment, ...]:
    if not wanted:
        return tuple(segments)
    known = {key: one for one in reversed(segments) for key in (one.name, one.identifier)}
    unknown = [name for name in wanted if name not in known]
    if unknown:
        names = ", ".join(repr(one.name) for one in segments)
        msg = f"the segmentation has no segment {unknown[0]!r}, expected some of {names}"
        raise InputError(msg)
    return tuple(dict.fromkeys(known[name] for name in wanted))


def _check_unchanged(path: Path, series: sitk.Image) -> None:
    """Refuse a volume that is not, voxel by voxel, what its series holds; its slices may run the other way."""
    volume = read_volume(path, "volume")
    changed = "the volume is no longer what was loaded from its DICOM series ({}), expected it unchanged: load it again"
    if sorted(volume.GetSize()) != sorted(series.GetSize()):
        raise InputError(changed.format("its size differs"))
    onto = sitk.Resample(
        volume, series, sitk.Transform(3, sitk.sitkIdentity), sitk.sitkNearestNeighbor, np.nan, sitk.sitkFloat32
    )
    values = sitk.GetArrayViewFromImage(onto)
    if not np.isfinite(values).all():
        raise InputError(changed.format("it lies elsewhere"))
    expected = sitk.GetArrayViewFromImage(series).astype(np.float32)
    if not np.allclose(values, expected, rtol=1e-5, atol=1e-3):
        raise InputError(changed.format("its voxels differ"))
