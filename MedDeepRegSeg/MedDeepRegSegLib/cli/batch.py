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
TABLE.csv has a header and one case a row. Relative paths start where the table lies; empty cells are left out.
For register: fixed, moving; optional name, preset, kind, engine, fixed_mask, moving_mask, initial, fixed_points,
moving_points, fixed_labels, moving_labels.

Each case gets the folder DIR/NAME; DIR/summary.csv tells what became of each. A case that fails does not stop the
others; the exit code is then 2. What is done is not done again when the command is repeated, unless its row or its
files have changed.

examples:
  meddeep batch cases.csv --command register --out registered
  meddeep batch cases.csv --command register --out registered --workers 4
"""


def _add_parser(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "batch",
        help="run a command over a table of cases",
        description="Run a command over a table of cases, each in a process and a folder of its own.",
        epilog=_EPILOG,
        formatter_class=HelpLines,
        parents=[common_options()],
    )
    parser.add_argument("table", type=Path, metavar="TABLE.csv", help="the cases, one a row")
    parser.add_argument("--command", dest="job", required=True, metavar="NAME", help="what to do; register")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write to")
    parser.add_argument(
        "--workers", type=_workers, default=1, metavar="N", help="how many cases at the same time (default: 1)"
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
    from MedDeepRegSegLib.jobs.batch import SUMMARY, batch_kind, run_batch
    from MedDeepRegSegLib.jobs.batch_table import read_table

    kind = batch_kind(args.job)
    existing(args.table, "TABLE.csv")
    output_folder(args.out)
    rows = read_table(args.table, kind.REQUIRED, kind.OPTIONAL)
    outcomes = run_batch(
        kind,
        rows,
        args.out.absolute(),
        workers=args.workers,
        seed=args.seed,
        again=args.again,
        progress=progress,
        cancel=cancel,
    )
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    if failed:
        msg = (
            f"{len(failed)} of {len(outcomes)} cases failed, first {failed[0].name} ({failed[0].error}): "
            f"see {args.out / SUMMARY}, correct them and run it again; the others are done"
        )
        raise InputError(msg)
    cases = [
        {"name": one.name, "status": one.status, "seconds": one.seconds, "figures": one.figures} for one in outcomes
    ]
    return {"out": str(args.out), "summary": str(args.out / SUMMARY), "cases": cases}


def _summary(result: dict[str, Any]) -> list[str]:
    cases = result["cases"]
    width = max(len(case["name"]) for case in cases)
    lines = [
        f"{case['name']:{width}}  {case['status']:<8} {case['figures'].get('light', '')}".rstrip() for case in cases
    ]
    return [*lines, f"wrote {result['summary']}"]


COMMAND = Command(name="batch", add_parser=_add_parser, summary=_summary, run=_run)
