"""Task that writes segments and their measurements as DICOM SEG and SR beside the study of their volume."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import MedDeepDiagnosisLib.jobs  # noqa: F401  # adds the job kinds of this library
from MedDeepDiagnosisLib.dicom_export_job import Request, Result, patient_line
from MedDeepDiagnosisLib.mrml.dicom_volumes import dicom_database, series_source, source_files
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.segmentations import check_segmentation_node, image_from_segmentation
from MedDeepRegSegLib.mrml.task_base import write_volume
from MedDeepRegSegLib.segmentation.segmentation_file import write_segmentation


class DicomExportTask:
    """Writes ``segmentation.dcm`` and ``measurements.dcm``.

    Parameters
    ----------
    segmentation_node:
        Segments that were drawn on the volume; segments must not overlap.
    volume_node:
        The volume, as it was loaded from its DICOM series.
    folder:
        Gets the files.
    segment_ids:
        Identifiers of the segments to write; all by default.
    patient_id:
        Patient ID that the user expects; another one is refused. Not compared where it is None.
    add_to_database:
        Import the files into the DICOM database of Slicer; they are copied there.

    Notes
    -----
    :meth:`collect` returns ``segmentation`` and ``measurements`` (files), ``patient`` (a line that says whose study they
    belong to), ``segments`` (names), ``notes`` and ``added``: whether they are in the database.
    """

    def __init__(
        self,
        segmentation_node,
        volume_node,
        folder: Path,
        *,
        segment_ids: Sequence[str] | None = None,
        patient_id: str | None = None,
        add_to_database: bool = False,
    ) -> None:
        self._segmentation, self._volume, self._out = segmentation_node, volume_node, Path(folder)
        self._segment_ids, self._patient_id, self._add = segment_ids, patient_id, add_to_database

    def prepare(self, folder: Path) -> tuple[str, Request]:
        """Check the nodes and write the job's input files into ``folder``; raises InputError."""
        check_segmentation_node(self._segmentation)
        source = series_source(self._volume, folder)
        labels, segments = image_from_segmentation(self._segmentation, segment_ids=self._segment_ids)
        if not segments:
            msg = "the segmentation has no segments, expected at least one: grow or draw one first"
            raise InputError(msg)
        write_segmentation(labels, segments, folder / "segments.seg.nrrd")
        write_volume(self._volume, folder / "volume.nrrd", "volume")
        return "dicom-export", Request(
            segmentation=folder / "segments.seg.nrrd",
            source=source,
            out=self._out,
            volume=folder / "volume.nrrd",
            patient_id=self._patient_id,
        )

    def collect(self, _folder: Path, result: Result) -> dict[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        return {
            "segmentation": result.segmentation,
            "measurements": result.measurements,
            "patient": patient_line(result.patient),
            "segments": result.segments,
            "notes": result.notes,
            "added": self._add and _add_to_database((result.segmentation, result.measurements)),
        }


def patient_of(volume_node):
    """Return whose series a volume is (:class:`~MedDeepDiagnosisLib.reports.dicom_source.SourcePatient`), by one slice.

    The export itself compares all slices.

    Raises
    ------
    InputError
        If the volume was not loaded from DICOM, is no longer what was loaded, or its slice cannot be read.
    MissingPackageError
        If pydicom is not installed.
    """
    from MedDeepDiagnosisLib.reports.dicom_source import SourceSeries, source_patient
    from MedDeepRegSegLib.volumes.dicom_frames import read_dataset_header

    files = source_files(volume_node)
    header = read_dataset_header(files[0], "whose series it is", "reading whose series it is")
    if "StudyInstanceUID" not in header:
        msg = f"whose series it is cannot be read from {files[0].name} (it names no study): copy or export it again"
        raise InputError(msg)
    return source_patient(SourceSeries((header,) * len(files), None))


def _add_to_database(files: Sequence[Path]) -> bool:
    """Import exactly these files; returns whether it was done."""
    database = dicom_database()
    if database is None:
        return False
    from DICOMLib import DICOMUtils

    # Slicer imports whole folders, and other files may lie beside these. It copies files before it returns.
    with tempfile.TemporaryDirectory(prefix="meddeep-") as folder:
        for file in files:
            shutil.copyfile(file, Path(folder) / file.name)
        return bool(DICOMUtils.importDicom(folder, database, True))
