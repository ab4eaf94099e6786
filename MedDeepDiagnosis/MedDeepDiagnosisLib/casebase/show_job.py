"""The job "show-cases": the list of cases, or one case with its history."""

from dataclasses import dataclass
from pathlib import Path

from MedDeepDiagnosisLib.casebase.opening import open_case_base
from MedDeepDiagnosisLib.casebase.records import CaseSummary, HistoryEntry
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress


@dataclass(frozen=True)
class Request:
    """What to show: one case, or the list where ``case`` is None. ``key`` is the file of the key of the pseudonyms."""

    db: str
    case: str | None = None
    key: Path | None = None


@dataclass(frozen=True)
class Result:
    """The cases; and the history of the one that was asked for."""

    db: str
    cases: tuple[CaseSummary, ...]
    history: tuple[HistoryEntry, ...] = ()


def run(request: Request, *, progress: Progress = no_progress, cancel: CancelToken | None = None) -> Result:
    """Read; raises InputError if there is no such case base or case."""
    progress(0.0, "reading the case base")
    with open_case_base(request.db, key_file=request.key) as base:
        if request.case is None:
            return Result(base.database.name, base.cases())
        return Result(base.database.name, (base.summary(request.case),), base.history(request.case))
