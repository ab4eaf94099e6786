"""All files of one assessment, written together: report, PDF, JSON, CSV, DICOM SR and SEG."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import SimpleITK as sitk

from MedDeepDiagnosisLib.models.prediction import Prediction
from MedDeepDiagnosisLib.pathology import Pathology
from MedDeepDiagnosisLib.reports.content import Report
from MedDeepDiagnosisLib.reports.dicom_seg import segmentation_object
from MedDeepDiagnosisLib.reports.dicom_source import (
    SourcePatient,
    SourceSeries,
    is_dicom_series,
    read_source_series,
    source_patient,
)
from MedDeepDiagnosisLib.reports.dicom_sr import measurement_report
from MedDeepDiagnosisLib.reports.guideline_sections import GuidelineResult
from MedDeepDiagnosisLib.reports.pdf import write_pdf
from MedDeepDiagnosisLib.reports.rendering import render_report
from MedDeepDiagnosisLib.reports.tables import Assessment, assessment_json, case_values, measurements_csv
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.outputs import atomic_folder, write_json, write_text
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress
from MedDeepRegSegLib.jobs.schema import to_json
from MedDeepRegSegLib.segmentation.measurement import Measurement
from MedDeepRegSegLib.segmentation.measurements import measure
from MedDeepRegSegLib.segmentation.segments import Segment

Format = Literal["html", "json", "csv", "pdf", "sr", "seg"]

FILES: dict[str, str] = {
    "html": "report.html",
    "json": "prediction.json",
    "csv": "measurements.csv",
    "pdf": "report.pdf",
    "sr": "report.dcm",
    "seg": "segmentation.dcm",
}
"""Name of the file of each format."""

PLAIN_FORMATS: tuple[Format, ...] = ("html", "json", "csv")
"""Those that need no further package and no DICOM series."""

_DICOM = ("sr", "seg")


@dataclass(frozen=True)
class Outputs:
    """What was written.

    Attributes
    ----------
    files:
        Format to file.
    notes:
        What to know about them, for example that the segmentation was resampled onto the DICOM slices.
    patient:
        Whose name and ID the DICOM files carry; None where there are none.
    """

    files: dict[Format, Path]
    notes: tuple[str, ...] = ()
    patient: SourcePatient | None = None


def possible_formats(image_source: Path | None, segmentation: sitk.Image | None) -> tuple[Format, ...]:
    """Return the formats that can be written for an assessment, whatever packages are installed.

    Parameters
    ----------
    image_source:
        Where the image was read from. DICOM results need the folder of a series; whether its slices are an even stack
        is found out when they are written.
    segmentation:
        Label map of the lesion; without it there is no SEG.
    """
    formats: list[Format] = [*PLAIN_FORMATS, "pdf"]
    if is_dicom_series(image_source):
        formats.append("sr")
        if segmentation is not None:
            formats.append("seg")
    return tuple(formats)


def check_formats(formats: Collection[str], image_source: Path | None, segmentation: sitk.Image | None) -> None:
    """Raise InputError unless all formats are known and can be written for an assessment."""
    known = get_args(Format)
    unknown = [name for name in formats if name not in known]
    if unknown:
        msg = f"format {unknown[0]!r} is not known, expected some of {', '.join(known)}"
        raise InputError(msg)
    dicom = [name for name in _DICOM if name in formats]
    if dicom and not is_dicom_series(image_source):
        given = "no image" if image_source is None else f"{Path(image_source).name}"
        msg = f"{given} is given for DICOM {dicom[0].upper()}, expected the folder of one DICOM series: give it, or leave out {' and '.join(dicom)}"
        raise InputError(msg)
    if "seg" in formats and segmentation is None:
        msg = "DICOM SEG is asked for without a segmentation, expected one with the lesion: give it, or leave out seg"
        raise InputError(msg)


def write_outputs(
    report: Report,
    folder: Path,
    *,
    prediction: Prediction,
    pathology: Pathology,
    values: Mapping[str, object],
    sources: Mapping[str, str] | None = None,
    guidelines: Sequence[GuidelineResult] = (),
    image_source: Path | None = None,
    segmentation: sitk.Image | None = None,
    segment: Segment | None = None,
    formats: Collection[str] = PLAIN_FORMATS,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> Outputs:
    """Write an assessment in several formats, all or none.

    Parameters
    ----------
    report:
        What report and PDF show.
    folder:
        Where to write; made if it is absent. Files of an earlier assessment are replaced, and those of formats that are
        not written now are removed, with a note, lest files of two cases lie side by side.
    prediction, pathology:
        What was predicted, and of what.
    values, sources:
        Feature name to the value that went in, and to where it came from
        (:func:`~MedDeepDiagnosisLib.reports.tables.case_values`).
    guidelines:
        What guidelines say; ``prediction.json`` has it under this name.
    image_source:
        Where the image was read from.
    segmentation, segment:
        Label map with the lesion, in the space of the image, and the lesion. Both or none.
    formats:
        Keys of :data:`FILES`. An SR of a segmented lesion refers to the SEG, so that is written with it.

    Raises
    ------
    InputError
        If a format is unknown or cannot be written for this case, or the lesion does not lie on the DICOM series.
    MissingPackageError
        If a format needs a package that is not installed; it is named.
    Canceled
        If ``cancel`` was set; nothing is written then.
    """
    if (segmentation is None) != (segment is None):
        msg = "a segmentation and its segment belong together, expected both or none"
        raise InputError(msg)
    wanted = [name for name in get_args(Format) if name in formats]
    check_formats(formats, image_source, segmentation)
    if "sr" in wanted and segmentation is not None and "seg" not in wanted:
        wanted.append("seg")
    cancel = CancelToken() if cancel is None else cancel
    progress(0.0, "measuring")
    parsed = case_values(pathology, values, sources)
    measurements: tuple[Measurement, ...] = ()
    if segmentation is not None and segment is not None:
        (measured,) = measure(segmentation, (segment,), cancel=cancel)
        measurements = measured.measurements
    assessment = Assessment(prediction, pathology, parsed, measurements)
    notes: tuple[str, ...] = ()
    patient: SourcePatient | None = None
    with atomic_folder(folder) as temporary:
        if any(name in wanted for name in _DICOM) and image_source is not None:
            progress(0.3, "writing DICOM")
            source = read_source_series(image_source, cancel=cancel)
            patient = source_patient(source)
            dicom, notes = _dicom_objects(assessment, source, segmentation, segment, cancel)
            for name in _DICOM:
                if name in wanted:
                    dicom[name].save_as(temporary / FILES[name], enforce_file_format=True)
        if "json" in wanted:
            said = [to_json(result) for result in guidelines]
            write_json(temporary / FILES["json"], assessment_json(assessment) | {"guidelines": said})
        if "csv" in wanted:
            write_text(temporary / FILES["csv"], measurements_csv(assessment))
        if "html" in wanted:
            cancel.raise_if_canceled()
            progress(0.7, "writing the report")
            write_text(temporary / FILES["html"], render_report(report))
        if "pdf" in wanted:
            cancel.raise_if_canceled()
            progress(0.8, "writing the PDF")
            write_pdf(report, temporary / FILES["pdf"])
        cancel.raise_if_canceled()
        notes += _without_earlier(Path(folder), wanted)
    progress(1.0, "done")
    return Outputs({name: Path(folder) / FILES[name] for name in wanted}, notes, patient)


def _without_earlier(folder: Path, wanted: Sequence[str]) -> tuple[str, ...]:
    """Remove files of an earlier assessment that are not replaced, and say so; a folder without one is left alone."""
    if not (folder / FILES["json"]).is_file():
        return ()
    stale = [file for name, file in FILES.items() if name not in wanted and (folder / file).is_file()]
    for file in stale:
        (folder / file).unlink()
    return tuple(f"{file} of an earlier assessment in this folder was removed" for file in stale)


def _dicom_objects(
    assessment: Assessment,
    source: SourceSeries,
    segmentation: sitk.Image | None,
    segment: Segment | None,
    cancel: CancelToken,
) -> tuple[dict[str, Any], tuple[str, ...]]:
    objects: dict[str, Any] = {}
    lesion = None
    if segmentation is not None and segment is not None:
        lesion = segmentation_object(segmentation, (segment,), source)
        objects["seg"] = lesion.dataset
        cancel.raise_if_canceled()
    objects["sr"] = measurement_report(assessment, source, segmentation=lesion, segment=segment)
    return objects, lesion.notes if lesion else ()
