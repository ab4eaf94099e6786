"""``meddeep batch``: one command over a table of cases."""

import argparse
from pathlib import Path
from typing import Any

from MedDeepRegSegLib.cli.command import Command, HelpLines
from MedDeepRegSegLib.cli.options import common_options, existing, output_folder
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress

_MOST_WORKERS = 64
_EPILOG = """\
TABLE.csv has a header and one case a row. Relative paths start where the table lies; empty cells are left out. The column
name is the folder of a case in DIR; without it they are called case-1, case-2, ... Docs/Batch.md lists the columns:

  register  fixed, moving; preset, kind, engine, fixed_mask, moving_mask, initial, fixed_points, moving_points,
            fixed_labels, moving_labels
  grow      image, positive; negative, box, segment, foreground, previous, method, model, adapt, uncertainty.
            Points are R A S in mm, separated by ";" as in "12.5 -30 41; 10 -28 44", or a file of points
  predict   model, image; image_2, image_3, ..., mirrored, uncertainty
  measure   segmentation; image, families, bin_width, bin_count
  diagnose  model; table, db, case, image, segmentation, segment, formats, and a column for each value of the case

DIR/summary.csv tells what became of each case. A case that fails does not stop the others; the exit code is then 2. What
is done is not done again when the command is repeated, unless its row or its files have changed.

With --scheduler, workers of Dask run the cases, also on other machines. These need the package meddeep in this version,
and must see the table's files and DIR under the same names.

examples:
  meddeep batch cases.csv --command register --out registered
  meddeep batch livers.csv --command measure --out measured --workers 4
  meddeep batch cases.csv --command predict --out predicted --scheduler tcp://10.0.0.5:8786
"""


def _add_parser(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "batch",
        help="run a command over a table of cases",
        description="Run a command over a table of cases, each in a process and a folder of its own.",
        epilog=_EPILOG,
        formatter_class=HelpLines,
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
        "--scheduler", metavar="ADDRESS", help="scheduler of Dask whose workers run the cases, as tcp://HOST:8786"
    )
    parser.add_argument("--again", action="store_true", help="also run the cases that are done")
    return parser


def _workers(text: str) -> int:
    """Return a number of workers."""
    value = int(text) if text.isdecimal() else 0
    if not 1 <= value <= _MOST_WORKERS:
        msg = f"{text!r} is not a number of workers: expected a whole number from 1 to {_MOST_WORKERS}"
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
    return [*lines, f"wrote {' and '.join(files)}"]


COMMAND = Command(name="batch", add_parser=_add_parser, summary=_summary, run=_run, uses_gpu=True)
