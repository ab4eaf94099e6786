"""``meddeep diagnose``: assess one case with a fitted model and write a report."""

import argparse
from pathlib import Path
from typing import Any

from MedDeepDiagnosisLib.casebase.opening import resolved_url
from MedDeepRegSegLib.cli.command import Command, HelpLines
from MedDeepRegSegLib.cli.options import common_options, existing, output_folder
from MedDeepRegSegLib.errors import InputError

SHIPPED = "lung_nodule"
"""Stands for the model that ships, in place of a model folder."""

_EPILOG = """\
DIR gets report.html and prediction.json. The model folder "lung_nodule" means the model that ships.
What ROW.csv lacks is measured on the segmentation of the finding, where there is one.

examples:
  meddeep diagnose lung_nodule --table case.csv --out report
  meddeep diagnose nodule_model --table case.csv --image ct.nii.gz --segmentation nodule.seg.nrrd --out report
  meddeep diagnose nodule_model --case C017 --db cases.sqlite --out report
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
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--case", metavar="ID", help="case in the case base, as 'meddeep cases list' calls it")
    source.add_argument("--table", type=Path, metavar="ROW.csv", help="CSV table with the one row of the case")
    parser.add_argument("--db", metavar="URL", help="case base of the case")
    parser.add_argument("--image", type=Path, metavar="IMAGE", help="volume for the pictures of the report")
    parser.add_argument("--segmentation", type=Path, metavar="SEG", help="segmentation of the finding in it")
    parser.add_argument("--segment", metavar="NAME", help="which segment is the finding, if there are several")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write to")
    return parser


def _request(args: argparse.Namespace) -> Any:
    if (args.db is None) != (args.case is None):
        missing = "--db URL" if args.db is None else "--case ID"
        msg = f"{missing} is missing, expected both: --case ID --db URL"
        raise InputError(msg)
    if args.table is None and args.segmentation is None and args.case is None:
        msg = "nothing to assess, expected --table ROW.csv, --case ID --db URL or --segmentation SEG"
        raise InputError(msg)
    if args.image is not None and args.segmentation is None:
        msg = "--image without --segmentation, expected both: the pictures show the finding"
        raise InputError(msg)
    shipped = str(args.model) == SHIPPED and not args.model.exists()
    if not shipped:
        existing(args.model, "MODEL_DIR")
    for path, option in ((args.table, "--table"), (args.image, "--image"), (args.segmentation, "--segmentation")):
        if path is not None:
            existing(path, option)
    output_folder(args.out)
    from MedDeepDiagnosisLib.diagnose_job import Request

    return Request(
        model=None if shipped else args.model,
        table=args.table,
        out=args.out,
        image=args.image,
        segmentation=args.segmentation,
        segment=args.segment,
        db=None if args.db is None else resolved_url(args.db),
        case=args.case,
    )


def _summary(result: Any) -> list[str]:
    return [*result.summary, f"wrote {result.report}"]


COMMAND = Command(
    name="diagnose",
    add_parser=_add_parser,
    summary=_summary,
    job="diagnose",
    request=_request,
    module="MedDeepDiagnosisLib.jobs",
)
