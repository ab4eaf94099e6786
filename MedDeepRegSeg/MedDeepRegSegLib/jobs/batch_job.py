"""The job that runs one command over a table of cases."""

from dataclasses import dataclass
from pathlib import Path

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.batch import SUMMARY, claim_folder, run_batch
from MedDeepRegSegLib.jobs.batch_case import Outcome
from MedDeepRegSegLib.jobs.batch_crew import MOST_WORKERS, make_crew
from MedDeepRegSegLib.jobs.batch_kinds import batch_kind
from MedDeepRegSegLib.jobs.batch_table import read_table
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress


@dataclass(frozen=True)
class Request:
    """What to run over which cases."""

    table: Path
    """CSV with one case a row."""
    command: str
    """One of :data:`MedDeepRegSegLib.jobs.batch_kinds.BATCHES`."""
    out: Path
    """Folder of all results: ``summary.csv``, ``batch.json``, and a folder for each case. New, or of the same command."""
    workers: int | None = None
    """How many cases run at the same time; without, 1 here and as many as the workers have threads at a scheduler."""
    scheduler: str | None = None
    """Address of a scheduler of Dask, for example ``tcp://10.0.0.5:8786``."""
    again: bool = False
    """Also run the cases that are done."""
    seed: int = 0
    """Of every case."""
    device: str = "auto"
    """``auto``, ``cpu`` or ``cuda``."""

    def if_canceled(self) -> str:
        """Return what a person is told who canceled."""
        return f"canceled by the user; what is done stays done, see {self.out / SUMMARY}: run it again to go on"


@dataclass(frozen=True)
class Result:
    """What became of the cases."""

    summary: Path
    """Table with one row for each case."""
    cases: tuple[Outcome, ...]
    """In the order of the table."""
    joined: Path | None = None
    """The rows of the tables of all cases, where the command writes tables."""

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """The cases that failed."""
        return tuple(case for case in self.cases if case.status == "failed")


def run(request: Request, *, progress: Progress = no_progress, cancel: CancelToken | None = None) -> Result:
    """Run the cases. Those that fail are in the result; they are no error.

    Raises
    ------
    InputError
        If the table or the folder cannot be used, or the scheduler or its workers cannot.
    MissingPackageError
        If a scheduler is asked for and Dask is not installed.
    Canceled
        If ``cancel`` was set. What was done before stays.
    """
    kind = batch_kind(request.command)
    if request.device == "cuda" and not kind.USES_GPU:
        msg = f"device cuda: {request.command} computes on the CPU only: use auto or cpu"
        raise InputError(msg)
    if request.workers is not None and not 1 <= request.workers <= MOST_WORKERS:
        msg = f"{request.workers} is not a number of workers, expected 1 to {MOST_WORKERS}"
        raise InputError(msg)
    rows = read_table(request.table, kind.REQUIRED, kind.OPTIONAL, others=kind.OTHERS)
    crew = make_crew(request.workers, request.scheduler)
    claim_folder(request.out, request.command, kind, request.table)
    outcomes = run_batch(
        kind,
        rows,
        request.out,
        crew=crew,
        seed=request.seed,
        device=request.device,
        again=request.again,
        progress=progress,
        cancel=cancel,
    )
    joined = request.out / kind.JOINED if kind.JOINED else None
    if joined is not None and not joined.is_file():
        joined = None
    return Result(request.out / SUMMARY, tuple(outcomes), joined)
