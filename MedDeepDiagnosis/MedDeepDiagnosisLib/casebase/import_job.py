"""The job "import-cases": a table, or a folder of patients, into the case base."""

from dataclasses import dataclass, field
from pathlib import Path

from MedDeepDiagnosisLib.casebase.folder_import import import_folder
from MedDeepDiagnosisLib.casebase.mapping import read_mapping
from MedDeepDiagnosisLib.casebase.opening import open_case_base
from MedDeepDiagnosisLib.casebase.records import ImportOptions, ImportReport
from MedDeepDiagnosisLib.casebase.table_import import import_table
from MedDeepDiagnosisLib.pathology import load_pathology
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.outputs import write_json
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress


@dataclass(frozen=True)
class Request:
    """What to import, and where to.

    Attributes
    ----------
    source:
        A table, or a folder with one folder for each patient.
    pathology:
        Name of a pathology that ships, or the path of its JSON file.
    db:
        URL or file of the case base.
    mapping:
        JSON file: column of each feature; None for the remembered or the suggested one.
    sheet:
        Of an Excel file.
    segment:
        Name of the segment that is the finding, for folders.
    features:
        Store the encoder's vector of each finding, for folders.
    key:
        File of the key of the pseudonyms; None for the one beside the database.
    who:
        Who imports, for the record; the user of the machine if empty.
    options:
        What to do with problems, and with names.
    save_mapping:
        JSON file to write the mapping of a table to, in a trial too; None for none.
    """

    source: Path
    pathology: str
    db: str
    mapping: Path | None = None
    sheet: str | None = None
    segment: str | None = None
    features: bool = False
    key: Path | None = None
    who: str = ""
    options: ImportOptions = field(default_factory=ImportOptions)
    save_mapping: Path | None = None


@dataclass(frozen=True)
class Result:
    """What was done, or would be; the case base; and the file of the mapping, if one was asked for."""

    report: ImportReport
    db: str
    mapping: Path | None = None


def run(request: Request, *, progress: Progress = no_progress, cancel: CancelToken | None = None) -> Result:
    """Read, check and store.

    Raises
    ------
    InputError
        If the source, the mapping or the case base cannot be used, or there are problems to be refused.
    Canceled
        If ``cancel`` was set; nothing is stored then.
    """
    pathology = load_pathology(request.pathology)
    mapping = None if request.mapping is None else read_mapping(request.mapping)
    progress(0.0, "reading the cases")
    with open_case_base(request.db, key_file=request.key) as base:
        if request.source.is_dir():
            if request.save_mapping is not None:
                msg = f"{request.source} is a folder, where each table has its own mapping: save none, or name a table"
                raise InputError(msg)
            if request.sheet is not None:
                msg = f"sheet {request.sheet!r} was named, but {request.source} is a folder: leave the sheet away"
                raise InputError(msg)
            report = import_folder(
                base,
                request.source,
                pathology,
                segment=request.segment,
                mapping=mapping,
                features=request.features,
                who=request.who,
                options=request.options,
                progress=progress,
                cancel=cancel,
            )
        else:
            if request.segment is not None or request.features:
                msg = f"{request.source} is a table without images, expected a folder of patients for a segment or features"
                raise InputError(msg)
            report = import_table(
                base,
                request.source,
                pathology,
                mapping=mapping,
                sheet=request.sheet,
                who=request.who,
                options=request.options,
            )
        if request.save_mapping is not None and report.columns is not None:
            write_json(request.save_mapping, report.columns.to_json())
        progress(1.0, "imported")
        return Result(report, base.database.name, request.save_mapping)
