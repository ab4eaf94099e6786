"""The job "diagnose": assess one case and write the prediction and a report."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import SimpleITK as sitk

from MedDeepDiagnosisLib.casebase.doors import case_row
from MedDeepDiagnosisLib.cases import CASE_COLUMN, PATIENT_COLUMN, read_case
from MedDeepDiagnosisLib.fitting import shipped_model_folder
from MedDeepDiagnosisLib.measuring import check_inside, measured_features
from MedDeepDiagnosisLib.models.model_folder import DESCRIPTION_FILE, DiagnosisModel, read_model
from MedDeepDiagnosisLib.models.prediction import Prediction, lower_first, predict_case
from MedDeepDiagnosisLib.pathology import Pathology
from MedDeepDiagnosisLib.reports.assessment import (
    guidelines_section,
    limits_section,
    prediction_section,
    summary_fact,
    values_section,
)
from MedDeepDiagnosisLib.reports.content import Picture, PictureSection, Provenance, Report, Section
from MedDeepDiagnosisLib.reports.rendering import render_report
from MedDeepRegSegLib import __version__
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.hashing import file_sha256
from MedDeepRegSegLib.jobs.outputs import atomic_folder, write_json, write_text
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress
from MedDeepRegSegLib.jobs.schema import to_json
from MedDeepRegSegLib.segmentation.overlay import slice_picture
from MedDeepRegSegLib.segmentation.segmentation_file import read_segmentation
from MedDeepRegSegLib.segmentation.segments import Segment
from MedDeepRegSegLib.volumes.reading import read_volume, reading_note

PREDICTION_FILE = "prediction.json"
REPORT_FILE = "report.html"

_DIFFERENCE = 0.1
"""A measured value of the table that differs from the segmentation by more than this part is pointed out."""


@dataclass(frozen=True)
class Request:
    """What to assess.

    Attributes
    ----------
    model:
        Model folder; None for the lung nodule model that ships.
    table:
        CSV with one row: feature values by name (numbers or words of the scales), optionally ``case``. None when the
        segmentation gives all that is required.
    out:
        Folder for ``prediction.json`` and ``report.html``.
    image:
        CT for the pictures of the report.
    segmentation:
        Holds the lesion. Features that the table lacks are measured on it.
    segment:
        Name or identifier of the lesion's segment; None if there is only one.
    db, case:
        Case base and the case in it whose values are used, in place of ``table``.
    """

    model: Path | None
    table: Path | None
    out: Path
    image: Path | None = None
    segmentation: Path | None = None
    segment: str | None = None
    db: str | None = None
    case: str | None = None


@dataclass(frozen=True)
class Result:
    """The assessment in short, and where the whole is. See :class:`~MedDeepDiagnosisLib.models.prediction.Prediction`."""

    probability: float | None
    low: float
    high: float
    abstains: bool
    variant: str
    summary: tuple[str, ...]
    prediction: Path
    report: Path


@dataclass(frozen=True)
class Lesion:
    """The segment to assess, and the image behind it where there is one."""

    labels: sitk.Image
    segment: Segment
    image: sitk.Image | None = None


def run(request: Request, *, progress: Progress = no_progress, cancel: CancelToken | None = None) -> Result:
    """Read, measure, predict and write.

    Raises
    ------
    InputError
        If the model, the table, the segmentation or a value cannot be used.
    Canceled
        If ``cancel`` was set; nothing is written then.
    """
    if request.table is None and request.segmentation is None and request.db is None:
        msg = "there is nothing to assess: give a table with one row, or a segmentation of the lesion"
        raise InputError(msg)
    progress(0.0, "reading the model")
    folder = shipped_model_folder("lung_nodule") if request.model is None else request.model
    model = read_model(folder)
    row = _read_row(request, model.pathology)
    _look(cancel)
    progress(0.1, "reading the lesion")
    lesion = _read_lesion(request)
    _look(cancel)
    progress(0.5, "measuring and assessing")
    case = str(row.get(CASE_COLUMN) or (lesion.segment.name if lesion else "case"))
    prediction, sections = assess(model, row, case=case, lesion=lesion, cancel=cancel)
    report = Report(
        title=f"Assessment: {model.pathology.title.lower()}",
        subject=case,
        summary=(summary_fact(prediction),),
        sections=sections,
        provenance=_provenance(request, folder, model),
    )
    progress(0.9, "writing the report")
    page = render_report(report)
    _look(cancel)
    with atomic_folder(request.out) as temporary:
        write_json(temporary / PREDICTION_FILE, to_json(prediction))
        write_text(temporary / REPORT_FILE, page)
    progress(1.0, "done")
    return Result(
        probability=prediction.probability,
        low=prediction.low,
        high=prediction.high,
        abstains=prediction.abstains,
        variant=prediction.variant,
        summary=summary_lines(prediction),
        prediction=request.out / PREDICTION_FILE,
        report=request.out / REPORT_FILE,
    )


def assess(
    model: DiagnosisModel,
    row: dict[str, object],
    *,
    case: str = "case",
    lesion: Lesion | None = None,
    cancel: CancelToken | None = None,
) -> tuple[Prediction, tuple[Section, ...]]:
    """Assess one case and return the prediction and the sections of its report.

    What the table lacks is measured on the lesion. Where both have a value the table's is used, and a difference of
    more than a tenth becomes a caution, and so does a remark on how the image was read.

    Raises
    ------
    InputError
        If the lesion lies outside of its image, a value is implausible, or a required one is neither given nor
        measured.
    """
    values = dict(row)
    sources: dict[str, str] = {}
    cautions = _unknown_columns(model.pathology, row)
    if lesion is not None and lesion.image is not None:
        check_inside(lesion.labels, lesion.segment, lesion.image)
        cautions += [note for note in (reading_note(lesion.image),) if note]
    if lesion is not None:
        for name, measured in measured_features(lesion.labels, lesion.segment, model.pathology, cancel=cancel).items():
            if str(values.get(name) or "").strip():
                cautions += _difference(model.pathology, name, values[name], measured)
            else:
                values[name] = measured
                sources[name] = "measured on the segmentation"
    prediction = predict_case(model, values, case=case, cautions=tuple(cautions))
    sections: list[Section] = [prediction_section(prediction, model)]
    if lesion is not None and lesion.image is not None:
        sections.append(lesion_pictures(lesion.image, lesion))
    sections += [
        values_section(prediction, model, sources=sources),
        limits_section(model),
        guidelines_section(model),
    ]
    return prediction, tuple(sections)


def lesion_pictures(image: sitk.Image, lesion: Lesion) -> PictureSection:
    """Return axial, coronal and sagittal pictures through the lesion."""
    legend = ((lesion.segment.name, lesion.segment.color),)
    pictures = tuple(
        Picture(
            slice_picture(image, axis, labels=lesion.labels, segments=(lesion.segment,), margin_mm=30.0, fill=0.0),
            caption=f"{axis.capitalize()} slice where the lesion is largest.",
            description=f"{axis.capitalize()} picture of the lesion with its outline.",
            legend=legend,
        )
        for axis in ("axial", "coronal", "sagittal")
    )
    return PictureSection("The lesion", pictures, columns=3)


def summary_lines(prediction: Prediction) -> tuple[str, ...]:
    """Return the assessment in a few lines of plain text."""
    fact = summary_fact(prediction)
    strongest = [part for part in prediction.contributions[:3] if part.given]
    reasons = ", ".join(
        f"{lower_first(part.title)} ({part.value}) {'raises' if part.log_odds > 0 else 'lowers'} it"
        for part in strongest
    )
    return tuple(
        line
        for line in (
            f"{fact.label}: {fact.value} ({fact.note})",
            *(f"Abstains: {reason}" for reason in prediction.abstention_reasons),
            *(f"Caution: {caution}" for caution in prediction.cautions),
            f"Why: {reasons}" if reasons else "",
            prediction.reference,
            prediction.statement,
        )
        if line
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
    if request.db is not None and request.case is not None:
        if request.table is not None:
            msg = "a table and a case of the case base are given, expected one of them"
            raise InputError(msg)
        return dict(case_row(request.db, request.case, pathology))
    return {} if request.table is None else dict(read_case(request.table))


def _read_lesion(request: Request) -> Lesion | None:
    if request.segmentation is None:
        if request.segment is not None:
            msg = f"segment {request.segment!r} was named without a segmentation: give the file that holds it"
            raise InputError(msg)
        return None
    labels, segments = read_segmentation(request.segmentation)
    segment = choose_segment(segments, request.segment, file_name=request.segmentation.name)
    image = None if request.image is None else read_volume(request.image)
    return Lesion(labels, segment, image)


def _unknown_columns(pathology: Pathology, row: dict[str, object]) -> list[str]:
    """Point out columns that no feature has: a misspelled sign would otherwise silently not count."""
    known = {CASE_COLUMN, PATIENT_COLUMN, pathology.target.name, *(feature.name for feature in pathology.features)}
    unknown = [name for name in row if name not in known]
    if not unknown:
        return []
    names = ", ".join(feature.name for feature in pathology.features)
    return [
        f"these columns of the table are no features and did not count: {', '.join(unknown)}; the features are {names}"
    ]


def _difference(pathology: Pathology, name: str, given: object, measured: float) -> list[str]:
    feature = pathology.feature(name)
    value = feature.parse(given)
    if abs(value - measured) <= _DIFFERENCE * abs(measured):
        return []
    return [
        f"{feature.title}: the table says {feature.display(value)}, the segmentation measures "
        f"{feature.display(measured)}; the table's value was used"
    ]


def _provenance(request: Request, model_folder: Path, model: DiagnosisModel) -> Provenance:
    files = {"Table": request.table, "Segmentation": request.segmentation, "Image": request.image}
    inputs = [
        (f"{title} {path.name}", file_sha256(path) if path.is_file() else "folder")
        for title, path in files.items()
        if path is not None
    ]
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
