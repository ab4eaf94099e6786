"""``meddeep batch``: one command over a table of cases."""

import argparse
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from MedDeepRegSegLib.cli.command import Command, HelpLines
from MedDeepRegSegLib.cli.options import common_options, existing, output_folder
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress

_COLUMNS = "{columns}"
_EPILOG = f"""\
TABLE.csv has a header and one case a row. Relative paths start where the table lies; empty cells are left out. The column
name is the folder of a case in DIR; without it they are called case-1, case-2, ... Columns, the needed ones first, of which
Docs/Batch.md tells more:

{_COLUMNS}

Points are R A S in mm, separated by ";" as in "12.5 -30 41; 10 -28 44", or a file of points.

DIR/summary.csv tells what became of each case. A case that fails does not stop the others; the exit code is then 2. What
is done is not done again when the command is repeated, unless its row or its files have changed. Files that you changed in
DIR are not overwritten without --again.

With --scheduler, workers of Dask run the cases, also on other machines. These need the package meddeep in this version,
and must see the table's files and DIR under the same names. Name only a scheduler that you trust: Dask unpickles what it
sends, so that it can run programs on this computer. Plain tcp:// is not encrypted.

examples:
  meddeep batch cases.csv --command register --out registered
  meddeep batch livers.csv --command measure --out measured --workers 4
  meddeep batch cases.csv --command predict --out predicted --scheduler tcp://10.0.0.5:8786
"""


class _Help(HelpLines):
    """Tells the columns of all commands, which are looked up only when somebody asks for help."""

    def add_text(self, text: str | None) -> None:
        """See argparse."""
        super().add_text(text.replace(_COLUMNS, _columns()) if text else text)


def _columns() -> str:
    """Return the columns of all commands, in lines."""
    from MedDeepRegSegLib.jobs.batch_kinds import BATCHES, batch_kind

    width = max(map(len, BATCHES))
    lines: list[str] = []
    for command in BATCHES:
        kind = batch_kind(command)
        text = f"{', '.join(kind.REQUIRED)}; {', '.join(kind.OPTIONAL)}"
        if kind.OTHERS:
            text += ", and a column for each value of the case"
        lines += textwrap.wrap(text, 118, initial_indent=f"  {command:{width}}  ", subsequent_indent=" " * (width + 4))
    return "\n".join(lines)


def _add_parser(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "batch",
        help="run a command over a table of cases",
        description="Run a command over a table of cases, each in a process and a folder of its own.",
        epilog=_EPILOG,
        formatter_class=_Help,
        parents=[common_options(uses_gpu=True)],
    )
    parser.add_argument("table", type=Path, metavar="TABLE.csv", help="the cases, one a row")
    parser.add_argument(
        "--command",
        dest="job",
        required=True,
        metavar="NAME",
        help="what to do: register, grow, predict, measure or diagnose",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write to")
    parser.add_argument(
        "--workers",
        type=_workers,
        metavar="N",
        help="how many cases at the same time (default: 1; with --scheduler as many as its workers have threads)",
    )
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="scheduler of Dask whose workers run the cases, as tcp://HOST:8786; only one that you trust: it can run "
        "programs on this computer, and plain tcp:// is not encrypted",
    )
    parser.add_argument(
        "--again",
        action="store_true",
        help="also run the cases that are done, and overwrite files that you changed in DIR",
    )
    return parser


def _workers(text: str) -> int:
    """Return a number of workers."""
    from MedDeepRegSegLib.jobs.batch_crew import MOST_WORKERS

    value = int(text) if text.isdecimal() else 0
    if not 1 <= value <= MOST_WORKERS:
        msg = f"{text!r} is not a number of workers: expected a whole number from 1 to {MOST_WORKERS}"
        raise argparse.ArgumentTypeError(msg)
    return value


def _run(args: argparse.Namespace, *, progress: Progress, cancel: CancelToken) -> dict[str, Any]:
    # Not in a child process: that would only start further ones.
    from MedDeepRegSegLib.jobs.batch_job import Request, run
    from MedDeepRegSegLib.jobs.batch_kinds import batch_kind

    batch_kind(args.job)
    existing(args.table, "TABLE.csv")
    output_folder(args.out)
    result = run(
        Request(
            table=args.table,
            command=args.job,
            out=args.out,
            workers=args.workers,
            scheduler=args.scheduler,
            again=args.again,
            seed=args.seed,
            device=args.device,
        ),
        progress=progress,
        cancel=cancel,
    )
    failed = result.failed
    if failed:
        msg = (
            f"{len(failed)} of {len(result.cases)} cases failed, first {failed[0].name} ({failed[0].error}): "
            f"see {result.summary}, correct them and run it again; the others are done"
        )
        lost = _lost_columns([one.figures for one in result.cases])
        msg = f"{msg}; {lost}" if lost else msg
        raise InputError(msg)
    cases = [
        {"name": one.name, "status": one.status, "seconds": one.seconds, "figures": one.figures} for one in result.cases
    ]
    joined = None if result.joined is None else str(result.joined)
    return {"out": str(args.out), "summary": str(result.summary), "joined": joined, "cases": cases}


def _summary(result: dict[str, Any]) -> list[str]:
    cases = result["cases"]
    width = max(len(case["name"]) for case in cases)
    lines = [
        f"{case['name']:{width}}  {case['status']:<8} {next(iter(case['figures'].values()), '')}".rstrip()
        for case in cases
    ]
    files = [result["summary"], *([result["joined"]] if result["joined"] else [])]
    lost = _lost_columns([case["figures"] for case in cases])
    return [*lines, *([f"Caution: {lost}"] if lost else []), f"wrote {' and '.join(files)}"]


def _lost_columns(figures: Sequence[Mapping[str, str]]) -> str:
    """Return which columns of the table had no effect; empty where all had one."""
    from MedDeepRegSegLib.jobs.batch_kinds import NOT_COUNTED

    names = dict.fromkeys(name for one in figures for name in one.get(NOT_COUNTED, "").split("; ") if name)
    return f"columns that did not count: {', '.join(names)}" if names else ""


COMMAND = Command(name="batch", add_parser=_add_parser, summary=_summary, run=_run, uses_gpu=True)
