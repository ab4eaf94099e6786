"""The job that ranks the cases of a dataset that are not labeled yet: which to label next."""

import csv
from dataclasses import asdict, dataclass
from pathlib import Path

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.outputs import atomic_path
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of
from MedDeepRegSegLib.wording import counted

COLUMNS = ("rank", "case", "patient", "uncertainty", "distance", "score", "reason")
"""Of the table."""


@dataclass(frozen=True)
class Request:
    """What to rank."""

    model: Path
    """Folder of a model."""
    dataset: Path
    """File of a dataset."""
    out: Path
    """Table to write, ``.csv``."""
    count: int = 5
    """How many cases to name."""
    device: str = "auto"
    """``auto``, ``cpu`` or ``cuda``."""


@dataclass(frozen=True)
class Result:
    """What was chosen."""

    table: Path
    """A row for each case, the first one to be labeled first."""
    cases: tuple[str, ...]
    """Their names."""
    reasons: tuple[str, ...]
    """Why each was chosen."""


def run(request: Request, *, progress: Progress = no_progress, cancel: CancelToken | None = None) -> Result:
    """Rank the cases and write the table.

    Raises
    ------
    InputError
        If a file or the model cannot be used, or there is no case to rank.
    MissingPackageError
        If a package is not installed.
    Canceled
        If ``cancel`` was set. Nothing was written then.
    """
    from MedDeepRegSegLib.datasets.dataset import read_dataset
    from MedDeepRegSegLib.models.segmenter_folder import load_segmenter
    from MedDeepRegSegLib.prediction.selection import select

    cancel = CancelToken() if cancel is None else cancel
    if request.out.suffix.lower() != ".csv":
        msg = f"{request.out.name} is not the name of a table, expected one that ends in .csv"
        raise InputError(msg)
    progress(0.0, "Reading")
    dataset = read_dataset(request.dataset)
    loaded = load_segmenter(request.model, request.device)
    choices = select(dataset, loaded, count=request.count, progress=part_of(progress, 0.0, 0.98), cancel=cancel)
    cancel.raise_if_canceled()
    with atomic_path(request.out) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for choice in choices:
            row = asdict(choice)
            for name in ("uncertainty", "distance", "score"):
                row[name] = "" if row[name] is None else float(f"{row[name]:.4g}")
            writer.writerow(row)
    progress(1.0, f"Chose {counted(len(choices), 'case')}")
    return Result(
        table=request.out,
        cases=tuple(choice.case for choice in choices),
        reasons=tuple(choice.reason for choice in choices),
    )
