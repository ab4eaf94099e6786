"""``meddeep associations``: which findings go together in a table of cases."""

import argparse
from pathlib import Path
from typing import Any

from MedDeepRegSegLib.cli.command import Command, HelpLines
from MedDeepRegSegLib.cli.options import common_options, existing, output_folder
from MedDeepRegSegLib.errors import InputError

_KINDS = ("number", "ordinal", "category", "binary")
_EPILOG = """\
DIR gets associations.html (network, heat map, sortable table, rules, missing data), associations.csv, rules.csv,
missing.csv and associations.json. With --model a pathology says what the columns are; without, it is guessed and told.

examples:
  meddeep associations --table participants.tsv --outcome nihss --out experience
  meddeep associations --table cases.csv --kind grade=category --leave-out comment --out experience
  meddeep associations --db cases.sqlite --model lung_nodule --out experience
"""


def _add_parser(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "associations",
        help="which findings go together in a table of cases",
        description="Measure which findings go together, with intervals, correction for many tests and sample sizes.",
        epilog=_EPILOG,
        formatter_class=HelpLines,
        parents=[common_options()],
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--table", type=Path, metavar="TABLE", help="CSV, TSV or Excel table with one row for each case"
    )
    source.add_argument("--db", metavar="URL", help="case base, for example cases.sqlite; needs --model")
    parser.add_argument("--model", metavar="PATHOLOGY", help="name of a pathology that ships, or its JSON file")
    parser.add_argument("--patient", metavar="COLUMN", help="column that names the patient, if not 'patient' or alike")
    parser.add_argument("--outcome", action="append", default=[], metavar="COLUMN", help="an outcome; may be repeated")
    parser.add_argument(
        "--kind",
        action="append",
        default=[],
        type=_kind,
        metavar="COLUMN=KIND",
        help="number, ordinal, category or binary, where the guess is wrong; may be repeated",
    )
    parser.add_argument(
        "--leave-out", action="append", default=[], metavar="COLUMN", help="a column not to look at; may be repeated"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write to")
    return parser


def _kind(text: str) -> tuple[str, str]:
    name, _, kind = text.rpartition("=")
    if not name or kind not in _KINDS:
        msg = f"{text!r} is no kind of a column: expected COLUMN=KIND with one of {', '.join(_KINDS)}"
        raise argparse.ArgumentTypeError(msg)
    return name, kind


def _request(args: argparse.Namespace) -> Any:
    if args.table is not None:
        existing(args.table, "--table")
    elif args.model is None:
        msg = "--db without --model, expected both: a case base holds cases of several pathologies"
        raise InputError(msg)
    output_folder(args.out)
    from MedDeepDiagnosisLib.associations_job import Request

    return Request(
        out=args.out,
        table=args.table,
        database=args.db,
        pathology=args.model,
        patient_column=args.patient,
        outcomes=tuple(args.outcome),
        kinds=dict(args.kind) or None,
        leave_out=tuple(args.leave_out),
        seed=args.seed,
    )


def _summary(result: Any) -> list[str]:
    lines = [f"looked at {result.columns} columns of {result.rows} rows of {result.patients} patients"]
    if result.guessed:
        lines.append("columns, as guessed:")
        lines += [f"  {line}" for line in result.guessed]
    if result.left_out:
        lines.append("left out:")
        lines += [f"  {line}" for line in result.left_out]
    lines.append(f"{result.found} of {result.pairs} pairs go together (false discovery rate below 5 %)")
    lines += [f"  {line}" for line in result.strongest]
    return [*lines, f"wrote {result.report}"]


COMMAND = Command(
    name="associations",
    add_parser=_add_parser,
    summary=_summary,
    job="associations",
    request=_request,
    module="MedDeepDiagnosisLib.jobs",
)
