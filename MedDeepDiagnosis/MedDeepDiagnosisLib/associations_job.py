"""The job "associations": look for what goes together in a table of cases, and write tables and a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from MedDeepDiagnosisLib.associations.experience import DISCOVERY_Q, Experience, explore
from MedDeepDiagnosisLib.associations.files import write_files
from MedDeepDiagnosisLib.associations.guessing import guessed_table
from MedDeepDiagnosisLib.associations.pictures import told
from MedDeepDiagnosisLib.associations.report import write_associations
from MedDeepDiagnosisLib.associations.table import MixedTable, table_from_pathology
from MedDeepDiagnosisLib.pathology import Pathology, load_pathology
from MedDeepDiagnosisLib.reports.content import Provenance
from MedDeepRegSegLib import __version__
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.hashing import file_sha256
from MedDeepRegSegLib.jobs.outputs import atomic_folder
from MedDeepRegSegLib.jobs.progress import NOTE, CancelToken, Progress, no_progress, part_of

REPORT_FILE = "associations.html"

_SHOWN = 5


@dataclass(frozen=True)
class Request:
    """Where the cases are, and how to look at them.

    Attributes
    ----------
    out:
        Folder to write to.
    table:
        CSV, TSV or Excel table, one row for each case; None where ``database`` has them.
    database:
        URL of a case base.
    pathology:
        Name of a pathology that ships or the path of its JSON file: gives types, ranges and outcomes. Needed for a case
        base; without it the types of a table are guessed.
    patient_column:
        Column that names the patient, where types are guessed; None for the usual names.
    outcomes:
        Columns that are outcomes, beside those of the pathology.
    kinds:
        Kinds of columns that would be guessed wrongly: ``number``, ``ordinal``, ``category`` or ``binary`` by name.
    leave_out:
        Columns not to look at, where types are guessed.
    seed:
        Of resampling and permutation.
    resamples, permutations:
        Of the bootstrap, and at most of each permutation test.
    """

    out: Path
    table: Path | None = None
    database: str | None = None
    pathology: str | None = None
    patient_column: str | None = None
    outcomes: tuple[str, ...] = ()
    kinds: dict[str, str] | None = None
    leave_out: tuple[str, ...] = ()
    seed: int = 0
    resamples: int = 400
    permutations: int = 999


@dataclass(frozen=True)
class Result:
    """What was found: ``found`` pairs of ``pairs`` below the discovery rate; ``strongest`` of them in words."""

    report: Path
    rows: int
    patients: int
    columns: int
    pairs: int
    found: int
    rules: int
    strongest: tuple[str, ...]
    guessed: tuple[str, ...]
    left_out: tuple[str, ...]


def run(request: Request, *, progress: Progress = no_progress, cancel: CancelToken | None = None) -> Result:
    """Read, look and write.

    Raises
    ------
    InputError
        If table, case base, pathology or a named column cannot be used.
    Canceled
        If ``cancel`` was set; nothing is written then.
    """
    progress(0.0, "reading the cases")
    pathology = None if request.pathology is None else load_pathology(request.pathology)
    rows = _rows(request, pathology)
    table = _table(request, rows, pathology).with_outcomes(request.outcomes)
    if not table.patients_known:
        progress(0.01, f"{NOTE}the table names no patients; each row counts as one")
    experience = explore(
        table,
        resamples=request.resamples,
        permutations=request.permutations,
        seed=request.seed,
        progress=part_of(progress, 0.02, 0.97),
        cancel=cancel,
    )
    progress(0.97, "writing")
    source = request.table.name if request.table is not None else "case base"
    subject = f"{pathology.title}: {source}" if pathology is not None else source
    with atomic_folder(request.out) as folder:
        write_files(experience, folder)
        provenance = _provenance(request, pathology, rows)
        write_associations(experience, provenance, folder / REPORT_FILE, title="Associations", subject=subject)
        if cancel is not None:
            cancel.raise_if_canceled()
    return _result(request, experience, guessed=pathology is None)


def _rows(request: Request, pathology: Pathology | None) -> Sequence[Mapping[str, object]]:
    if (request.table is None) == (request.database is None):
        msg = "expected the cases of either a table or a case base"
        raise InputError(msg)
    if request.table is not None:
        from MedDeepDiagnosisLib.casebase.source_table import read_source_table

        return read_source_table(request.table).rows
    if pathology is None:
        msg = "a case base holds cases of several pathologies, expected which one: name it with --model"
        raise InputError(msg)
    from MedDeepDiagnosisLib.casebase import open_case_base

    with open_case_base(str(request.database)) as base:
        return base.rows(pathology, with_outcome=False)


def _table(request: Request, rows: Sequence[Mapping[str, object]], pathology: Pathology | None) -> MixedTable:
    if pathology is not None:
        if request.kinds or request.leave_out or request.patient_column:
            msg = "the pathology says what the columns are: leave out --kind, --leave-out and --patient, or --model"
            raise InputError(msg)
        return table_from_pathology(pathology, rows)
    return guessed_table(rows, patient_column=request.patient_column, kinds=request.kinds, leave_out=request.leave_out)


def _provenance(request: Request, pathology: Pathology | None, rows: Sequence[Mapping[str, object]]) -> Provenance:
    import scipy

    versions = [("MedDeep", __version__), ("scipy", scipy.__version__)]
    if pathology is not None:
        versions.insert(1, ("Pathology", f"{pathology.identifier} {pathology.version}"))
    if request.table is not None:
        inputs = ((f"Table {request.table.name}", file_sha256(request.table)),)
    else:
        from MedDeepDiagnosisLib.casebase.case_base import rows_sha256

        inputs = (("Rows of the case base", rows_sha256(rows)),)
    return Provenance(created=date.today(), versions=tuple(versions), inputs=inputs, seed=request.seed)


def _result(request: Request, experience: Experience, *, guessed: bool) -> Result:
    table, pairs = experience.table, experience.associations
    labels = {column.name: column.label for column in table.columns}
    strongest = sorted(pairs.below(DISCOVERY_Q), key=lambda pair: -pair.strength)[:_SHOWN]
    return Result(
        report=request.out / REPORT_FILE,
        rows=len(table),
        patients=table.patient_count,
        columns=len(table.columns),
        pairs=len(pairs.pairs),
        found=experience.found,
        rules=len(experience.rules.rules),
        strongest=tuple(told(pair, labels) for pair in strongest),
        guessed=tuple(f"{column.name}: {column.kind}, {column.why}" for column in table.columns) if guessed else (),
        left_out=tuple(f"{name}: {reason}" for name, reason in table.left_out),
    )
