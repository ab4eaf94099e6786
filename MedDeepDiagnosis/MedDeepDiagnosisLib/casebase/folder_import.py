"""Cases from a folder of folders: one for each patient, with image, segmentation of the finding, and table."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from MedDeepDiagnosisLib.casebase.checking import parse_cells
from MedDeepDiagnosisLib.casebase.mapping import STUDY_COLUMN, TableMapping
from MedDeepDiagnosisLib.casebase.records import (
    CaseRecord,
    ImportOptions,
    ImportReport,
    Origin,
    RowProblem,
    values_of,
)
from MedDeepDiagnosisLib.casebase.source_table import SourceTable, read_source_table
from MedDeepDiagnosisLib.casebase.suggestion import suggest_mapping
from MedDeepDiagnosisLib.cases import CASE_COLUMN, PATIENT_COLUMN
from MedDeepDiagnosisLib.pathology import Pathology
from MedDeepDiagnosisLib.pathology.features import is_missing
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress

if TYPE_CHECKING:
    from MedDeepDiagnosisLib.casebase.case_base import CaseBase

_TABLES = (".csv", ".tsv", ".xlsx")
_IMAGES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")
_DRAWN = re.compile(r"(^|[ ._-])(seg|segs|segmentation|label|labels|labelmap|mask|lesion|roi)([ ._-]|$)", re.IGNORECASE)


@dataclass(frozen=True)
class PatientFolder:
    """What lies in the folder of one patient; None where there is none. ``image`` may be a folder of one DICOM series."""

    folder: Path
    image: Path | None
    segmentation: Path | None
    table: Path | None


def find_patients(folder: Path) -> tuple[list[PatientFolder], list[RowProblem]]:
    """Return the folders of patients in ``folder``, sorted by name, and what is wrong with others.

    A segmentation is a ``.seg.nrrd`` file or one with ``seg``, ``mask``, ``label``, ``lesion`` or ``roi`` in its name.

    Raises
    ------
    InputError
        If there are no folders in it.
    """
    if not Path(folder).is_dir():
        msg = f"{folder} is no folder, expected one with a folder for each patient"
        raise InputError(msg)
    entries = sorted(entry for entry in Path(folder).iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not entries:
        msg = f"{folder} holds no folders, expected one for each patient with image, segmentation and table"
        raise InputError(msg)
    found, problems = [], []
    for entry in entries:
        try:
            found.append(_patient_folder(entry))
        except InputError as error:
            problems.append(RowProblem(entry.name, "missing", str(error)))
    return found, problems


def import_folder(
    base: "CaseBase",
    folder: Path,
    pathology: Pathology,
    *,
    segment: str | None = None,
    mapping: TableMapping | None = None,
    features: bool = False,
    who: str = "",
    options: ImportOptions | None = None,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> ImportReport:
    """Measure the finding of each patient, read the table beside it, and store image and segment by reference.

    The patient and the case are called as the folder unless the table says otherwise. A value of the table goes before
    the measured one; a note says where they differ by more than a tenth.

    Parameters
    ----------
    segment:
        Name of the segment that is the finding, where segmentations have several.
    features:
        Also store the vector that the encoder that ships makes of each finding with an image.

    Raises
    ------
    InputError
        If there are no folders, or there are problems to be refused.
    Canceled
        If ``cancel`` was set; nothing is stored then.
    """
    found, problems = find_patients(folder)
    records: list[CaseRecord] = []
    notes: list[str] = []
    for number, patient in enumerate(found):
        if cancel is not None:
            cancel.raise_if_canceled()
        progress(0.95 * number / len(found), f"measuring {patient.folder.name} ({number + 1} of {len(found)})")
        wrong: list[str] = []
        try:
            record = _record(
                patient, pathology, segment, mapping, features=features, wrong=wrong, notes=notes, cancel=cancel
            )
            records.append(record)
        except InputError as error:
            wrong.append(str(error))
        if wrong:
            records = [record for record in records if record.place != patient.folder.name]
            problems += [RowProblem(patient.folder.name, "implausible", message) for message in wrong]
    progress(0.95, "storing")
    origin = Origin("folder", Path(folder).absolute().name, _content(found), who)
    return base.import_records(records, pathology, origin, problems=problems, notes=tuple(notes), options=options)


def _content(found: list[PatientFolder]) -> str:
    """Return one hash over the tables; images and segmentations have their own."""
    import hashlib

    from MedDeepRegSegLib.hashing import file_sha256

    tables = [file_sha256(patient.table) for patient in found if patient.table is not None]
    return hashlib.sha256("".join(tables).encode()).hexdigest()


def _patient_folder(folder: Path) -> PatientFolder:
    files = [entry for entry in sorted(folder.iterdir()) if not entry.name.startswith(".")]
    images = [file for file in files if file.is_file() and file.name.lower().endswith(_IMAGES)]
    drawn = [file for file in images if _is_drawn(file)]
    plain = [file for file in images if file not in drawn]
    if not plain:
        plain = [entry for entry in files if entry.is_dir()]
    tables = [file for file in files if file.suffix.lower() in _TABLES]
    for kind, several in (("images", plain), ("segmentations", drawn), ("tables", tables)):
        if len(several) > 1:
            names = ", ".join(file.name for file in several[:3])
            msg = f"the folder holds {len(several)} {kind} ({names}), expected one: move the others away"
            raise InputError(msg)
    if not drawn and not tables:
        msg = "the folder holds neither segmentation nor table, expected one of them"
        raise InputError(msg)
    return PatientFolder(
        folder, plain[0] if plain else None, drawn[0] if drawn else None, tables[0] if tables else None
    )


def _is_drawn(file: Path) -> bool:
    name = file.name.lower()
    return name.endswith(".seg.nrrd") or _DRAWN.search(name.partition(".")[0]) is not None


def _record(
    patient: PatientFolder,
    pathology: Pathology,
    segment: str | None,
    mapping: TableMapping | None,
    *,
    features: bool,
    wrong: list[str],
    notes: list[str],
    cancel: CancelToken | None,
) -> CaseRecord:
    from MedDeepDiagnosisLib.casebase.lesion_features import lesion_features
    from MedDeepDiagnosisLib.casebase.references import segment_reference, volume_reference
    from MedDeepDiagnosisLib.diagnose_job import choose_segment
    from MedDeepDiagnosisLib.measuring import check_inside, measured_features
    from MedDeepRegSegLib.segmentation.segmentation_file import read_segmentation
    from MedDeepRegSegLib.volumes.reading import read_volume

    name = patient.folder.name
    cells, how = _cells(patient, pathology, mapping, notes)
    volumes, segments, vectors = [], [], []
    image = None if patient.image is None else read_volume(patient.image, cancel=cancel)
    if image is not None:
        assert patient.image is not None
        volumes.append(volume_reference(image, patient.image.name, patient.image))
    if patient.segmentation is not None:
        labels, all_segments = read_segmentation(patient.segmentation)
        chosen = choose_segment(all_segments, segment, file_name=patient.segmentation.name)
        if image is not None:
            check_inside(labels, chosen, image)
            if features:
                vectors.append(lesion_features(image, labels, chosen, cancel=cancel))
        drawn_on = volumes[0].name if volumes else ""
        segments.append(segment_reference(labels, chosen, patient.segmentation, volume=drawn_on))
        for feature, value in measured_features(labels, chosen, pathology, cancel=cancel).items():
            if not is_missing(cells.get(feature)):
                notes += _difference(name, feature, cells[feature], value)
            else:
                cells[feature] = value
                how[feature] = f"measured on segment {chosen.name!r}"
    numbers, said = parse_cells(cells, pathology)
    wrong += said
    return CaseRecord(
        place=name,
        patient=str(cells.get(PATIENT_COLUMN) or name).strip(),
        case=str(cells.get(CASE_COLUMN) or name).strip(),
        study=str(cells.get(STUDY_COLUMN) or "").strip(),
        volumes=tuple(volumes),
        segments=tuple(segments),
        deep_features=tuple(vectors),
        **values_of(pathology, numbers, how),
    )


def _cells(
    patient: PatientFolder, pathology: Pathology, mapping: TableMapping | None, notes: list[str]
) -> tuple[dict[str, object], dict[str, str]]:
    """Return the cells of the patient's table by feature, and where each comes from."""
    if patient.table is None:
        return {}, {}
    table = read_source_table(patient.table)
    if len(table.rows) != 1:
        msg = f"table {patient.table.name} has {len(table.rows)} rows, expected the one of this patient"
        raise InputError(msg)
    chosen = mapping or _suggested(table, pathology, notes)
    row: Mapping[str, str] = table.rows[0]
    cells = {name: mapped.read(row.get(mapped.column)) for name, mapped in chosen.columns.items()}
    return cells, {name: f"{mapped.how} of {patient.table.name}" for name, mapped in chosen.columns.items()}


def _suggested(table: SourceTable, pathology: Pathology, notes: list[str]) -> TableMapping:
    suggestion = suggest_mapping(pathology, table.header, table.rows)
    notes += [note for note in suggestion.notes if note not in notes]
    return suggestion.mapping


def _difference(place: str, feature: str, given: object, measured: float) -> list[str]:
    from MedDeepDiagnosisLib.measuring import agrees_with_measured

    try:
        value = float(str(given))
    except ValueError:
        return []  # told as implausible
    if agrees_with_measured(value, measured):
        return []
    return [
        f"{place}: {feature} is {value:.4g} in the table and {measured:.4g} by the segmentation; the table's was taken"
    ]
