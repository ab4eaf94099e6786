"""``meddeep diagnose``: assess one case with a fitted model and write a report."""

import argparse
from pathlib import Path
from typing import Any

from MedDeepRegSegLib.cli.command import Command, HelpLines
from MedDeepRegSegLib.cli.options import common_options, existing, output_folder
from MedDeepRegSegLib.errors import InputError

_EPILOG = """\
DIR gets report.html and prediction.json.

examples:
  meddeep diagnose nodule_model --table case.csv --out report
  meddeep diagnose nodule_model --table case.csv --image ct.nii.gz --segmentation nodule.seg.nrrd --out report
"""


def _add_parser(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "diagnose",
        help="assess one case and write a report",
        description="Assess one case with a fitted model: probability, what it rests on, and a report.",
        epilog=_EPILOG,
        formatter_class=HelpLines,
        parents=[common_options()],
    )
    parser.add_argument("model", type=Path, metavar="MODEL_DIR", help="model folder that 'meddeep fit' wrote")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--case", metavar="ID", help="case in the case base; not in this version yet")
    source.add_argument("--table", type=Path, metavar="ROW.csv", help="CSV table with the one row of the case")
    parser.add_argument("--db", metavar="URL", help="case base; not in this version yet")
    parser.add_argument("--image", type=Path, metavar="IMAGE", help="volume for the pictures of the report")
    parser.add_argument("--segmentation", type=Path, metavar="SEG", help="segmentation of the finding in it")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write to")
    return parser


def _request(args: argparse.Namespace) -> Any:
    if args.db is not None or args.case is not None:
        msg = "--case and --db: this version has no case base yet: give the row of the case with --table"
        raise InputError(msg)
    if (args.image is None) != (args.segmentation is None):
        msg = "only one of --image and --segmentation, expected both or none"
        raise InputError(msg)
    existing(args.model, "MODEL_DIR")
    existing(args.table, "--table")
    for path, option in ((args.image, "--image"), (args.segmentation, "--segmentation")):
        if path is not None:
            existing(path, option)
    output_folder(args.out)
    from MedDeepDiagnosisLib.diagnose_job import Request

    return Request(model=args.model, table=args.table, image=args.image, segmentation=args.segmentation, out=args.out)


def _summary(result: Any) -> list[str]:
    return [f"wrote {result.report}"]


COMMAND = Command(
    name="diagnose",
    add_parser=_add_parser,
    summary=_summary,
    job="diagnose",
    request=_request,
    module="MedDeepDiagnosisLib.jobs",
)
