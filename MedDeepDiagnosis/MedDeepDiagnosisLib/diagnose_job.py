"""The job "diagnose": assess one case and write the prediction and a report."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import SimpleITK as sitk

from MedDeepDiagnosisLib.assessing import assess, guideline_lines, named_alike, summary_lines
from MedDeepDiagnosisLib.casebase.doors import case_row
from MedDeepDiagnosisLib.cases import CASE_COLUMN, read_case
from MedDeepDiagnosisLib.dicom_export_job import patient_line
from MedDeepDiagnosisLib.fitting import shipped_model_folder
from MedDeepDiagnosisLib.lesion import Lesion
from MedDeepDiagnosisLib.models.model_folder import DESCRIPTION_FILE, DiagnosisModel, read_model
from MedDeepDiagnosisLib.pathology import Pathology
from MedDeepDiagnosisLib.pathology.features import is_missing
from MedDeepDiagnosisLib.reports.assessment import summary_fact
from MedDeepDiagnosisLib.reports.content import Provenance, Report
from MedDeepDiagnosisLib.reports.guideline_sections import fact_columns
from MedDeepDiagnosisLib.reports.outputs import FILES, PLAIN_FORMATS, check_formats, possible_formats, write_outputs
from MedDeepDiagnosisLib.scope import scope_columns
from MedDeepRegSegLib import __version__
from MedDeepRegSegLib.errors import InputError, MissingPackageError
from MedDeepRegSegLib.hashing import file_sha256
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of
from MedDeepRegSegLib.segmentation.segmentation_file import read_segmentation
from MedDeepRegSegLib.segmentation.segments import Segment
from MedDeepRegSegLib.volumes.reading import read_volume

PREDICTION_FILE, REPORT_FILE = FILES["json"], FILES["html"]


@dataclass(frozen=True)
class Request:
    """What to assess.

    Attributes
    ----------
    model:
        Model folder; None for the lung nodule model that ships.
    table:
        CSV, TSV or Excel table with one row: feature values by name (numbers or words of the scales), optionally ``case``. None when the
        segmentation gives all that is required.
    out:
        Folder for ``report.html``, ``prediction.json``, ``measurements.csv`` and what else is asked for.
    image:
        Volume for the pictures of the report. Where it is the folder of a DICOM series, DICOM SR and SEG are written too.
    segmentation:
        Holds the lesion. Features that the table lacks are measured on it.
    segment:
        Name or identifier of the lesion's segment; None if there is only one.
    db, case:
        Case base and the case in it whose values are used, in place of ``table``.
    facts:
        Facts for guidelines and scope beside those of the table or case: name and value.
    values:
        The row itself, name and value, in place of ``table``.
    formats:
        Further files to write: ``pdf``, ``sr``, ``seg``. DICOM that was not asked for is left out, with a note, where it
        cannot be written.
    dicom:
        Whether DICOM SR and SEG that were not asked for are written where they can be. They carry name and ID of the
        patient.
    """

    model: Path | None
    table: Path | None
    out: Path
    image: Path | None = None
    segmentation: Path | None = None
    segment: str | None = None
    db: str | None = None
    case: str | None = None
    formats: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    values: tuple[tuple[str, str], ...] = ()
    dicom: bool = True


@dataclass(frozen=True)
class Result:
    """The assessment in short, and where the whole is. See :class:`~MedDeepDiagnosisLib.models.prediction.Prediction`.

    Attributes
    ----------
    summary:
        In lines of plain text: the prediction, what guidelines say apart from it, and notes on the files.
    prediction, report:
        Two of the files.
    files:
        All that were written.
    not_counted:
        Columns of the row that are neither features nor facts, and so did not count.
    """

    probability: float | None
    value: float | None
    low: float
    high: float
    abstains: bool
    variant: str
    summary: tuple[str, ...]
    prediction: Path
    report: Path
    files: tuple[Path, ...]
    not_counted: tuple[str, ...] = ()


def run(request: Request, *, progress: Progress = no_progress, cancel: CancelToken | None = None) -> Result:
    """Read, measure, predict and write.

    Raises
    ------
    InputError
        If the model, the table, the segmentation or a value cannot be used, or a format that is asked for cannot be
        written.
    MissingPackageError
        If a format that is asked for needs a package that is not installed.
    Canceled
        If ``cancel`` was set; nothing is written then.
    """
    if not (request.table or request.segmentation or request.db or request.values):
        msg = "there is nothing to assess: give a table with one row, or a segmentation of the lesion"
        raise InputError(msg)
    progress(0.0, "reading the model")
    folder = shipped_model_folder("lung_nodule") if request.model is None else request.model
    model = read_model(folder)
    row = named_alike(model.pathology, _read_row(request, model.pathology))
    row |= _facts(request, model.pathology, row)
    _look(cancel)
    progress(0.1, "reading the lesion")
    lesion = _read_lesion(request)
    check_formats(request.formats, request.image, None if lesion is None else lesion.labels)
    _look(cancel)
    progress(0.5, "measuring and assessing")
    case = str(row.get(CASE_COLUMN) or (lesion.segment.name if lesion else "case"))
    assessed = assess(model, row, case=case, lesion=lesion, cancel=cancel)
    prediction = assessed.prediction
    report = Report(
        title=f"Assessment: {model.pathology.title.lower()}",
        subject=case,
        summary=(summary_fact(prediction),),
        sections=assessed.sections,
        provenance=_provenance(request, folder, model, row),
    )

    def write(formats: Sequence[str]):
        return write_outputs(
            report,
            request.out,
            prediction=prediction,
            pathology=model.pathology,
            values=assessed.values,
            sources=assessed.sources,
            guidelines=assessed.guidelines,
            image_source=request.image,
            segmentation=None if lesion is None else lesion.labels,
            segment=None if lesion is None else lesion.segment,
            formats=formats,
            progress=part_of(progress, 0.7, 1.0),
            cancel=cancel,
        )

    wanted = {*PLAIN_FORMATS, *request.formats}
    possible = possible_formats(request.image, None if lesion is None else lesion.labels)
    offered = {name for name in ("sr", "seg") if request.dicom and name in possible} - wanted
    notes: tuple[str, ...] = ()
    try:
        outputs = write([*wanted, *offered])
    except (InputError, MissingPackageError) as error:
        if not offered:
            raise
        outputs = write([*wanted])
        notes = (f"Note: no DICOM was written: {error}",)
    notes += tuple(f"Note: {note}" for note in outputs.notes)
    if outputs.patient is not None:
        names = " and ".join(file.name for file in outputs.files.values() if file.suffix == ".dcm")
        notes += (f"Patient in {names}: {patient_line(outputs.patient)}",)
    rated = any(feature.group == "rated" for feature in model.pathology.features)
    return Result(
        probability=prediction.probability,
        value=prediction.value,
        low=prediction.low,
        high=prediction.high,
        abstains=prediction.abstains,
        variant=prediction.variant,
        summary=(*summary_lines(prediction, rated=rated), *guideline_lines(assessed.guidelines), *notes),
        prediction=request.out / PREDICTION_FILE,
        report=request.out / REPORT_FILE,
        files=tuple(outputs.files.values()),
        not_counted=assessed.not_counted,
    )


def choose_segment(segments: Sequence[Segment], wanted: str | None, *, file_name: str) -> Segment:
    """Return the segment of that name or identifier, or the only one.

    Raises
    ------
    InputError
        If there is none, or it is not clear which one is meant.
    """
    names = ", ".join(repr(segment.name) for segment in segments) or "none"
    found = [segment for segment in segments if wanted is None or wanted in (segment.name, segment.identifier)]
    if len(found) == 1:
        return found[0]
    if wanted is None:
        msg = f"segmentation {file_name} has {len(segments)} segments, expected one: say which is the lesion ({names})"
    else:
        msg = f"segmentation {file_name} has {len(found)} segments called {wanted!r}, expected one of {names}"
    raise InputError(msg)


def _read_row(request: Request, pathology: Pathology) -> dict[str, object]:
    if (request.db is None) != (request.case is None):
        msg = "a case of a case base needs both: name the case base and the case"
        raise InputError(msg)
    if sum((request.db is not None, request.table is not None, bool(request.values))) > 1:
        msg = "a table, a case of the case base and values are given together, expected one of them"
        raise InputError(msg)
    if request.values:
        return dict(request.values)
    if request.db is not None and request.case is not None:
        return dict(case_row(request.db, request.case, pathology))
    return {} if request.table is None else dict(read_case(request.table))


def _facts(request: Request, pathology: Pathology, row: Mapping[str, object]) -> dict[str, object]:
    known = fact_columns(pathology) | scope_columns(pathology)
    facts = named_alike(pathology, dict(request.facts))
    for name in facts:
        if name not in known:
            msg = f"{name!r} is no fact of the guidelines of {pathology.title}, expected some of {', '.join(sorted(known))}"
            raise InputError(msg)
        if not is_missing(row.get(name)):
            msg = f"{name!r} is given twice, in the row of the case and as a fact: leave one of them out"
            raise InputError(msg)
    return facts


def _read_lesion(request: Request) -> Lesion | None:
    if request.segmentation is None:
        if request.segment is not None:
            msg = f"segment {request.segment!r} was named without a segmentation: give the file that holds it"
            raise InputError(msg)
        return None
    image = None if request.image is None else read_volume(request.image)
    labels, segments = read_segmentation(request.segmentation, grid=image)
    segment = choose_segment(segments, request.segment, file_name=request.segmentation.name)
    return Lesion(labels, segment, image)


def _provenance(request: Request, model_folder: Path, model: DiagnosisModel, row: dict[str, object]) -> Provenance:
    files = {"Table": request.table, "Segmentation": request.segmentation, "Image": request.image}
    inputs = [
        (f"{title} {path.name}", file_sha256(path) if path.is_file() else "folder")
        for title, path in files.items()
        if path is not None
    ]
    if request.values:
        written = json.dumps(sorted(request.values), ensure_ascii=False)
        inputs.append(("Values of the case", hashlib.sha256(written.encode()).hexdigest()))
    if request.db is not None:
        from MedDeepDiagnosisLib.casebase.case_base import rows_sha256

        # Values in a case base get new versions: the hash says which ones these were.
        inputs.append(("Values of the case base", rows_sha256([row])))
    description = model.description
    return Provenance(
        created=date.today(),
        versions=(
            ("MedDeep", __version__),
            ("Model", f"{description.pathology.identifier}, made with MedDeep {description.software_version}"),
            ("SimpleITK", sitk.Version_VersionString()),
        ),
        inputs=(
            *inputs,
            (f"Model {DESCRIPTION_FILE}", file_sha256(Path(model_folder) / DESCRIPTION_FILE)),
            ("Model weights", description.weights_sha256),
        ),
        seed=description.training.seed,
    )


def _look(cancel: CancelToken | None) -> None:
    if cancel is not None:
        cancel.raise_if_canceled()
