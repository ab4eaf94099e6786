"""``meddeep stroke``: measure a stroke lesion in MNI space against the arterial territories."""

import argparse
from pathlib import Path
from typing import Any

from MedDeepRegSegLib.cli.command import Command, HelpLines
from MedDeepRegSegLib.cli.options import common_options, existing, output_file

_EPILOG = """\
The lesion must be in MNI space: register the brain to the MNI template and move the lesion along first.
TABLE.csv gets one row with what the pathology acute_stroke needs; add age, sex, prior_stroke and bmi to it.
With the folder of the SOOP data (OpenNeuro ds004889, lesions in MNI space) it is the table to learn from.

examples:
  meddeep samples arterial-atlas
  meddeep stroke lesion_mni.nii.gz --out lesion.csv
  meddeep stroke StrokeOutcomeOptimizationProjectDemo --out soop.csv
"""


def _add_parser(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "stroke",
        help="measure a stroke lesion against the arterial territories",
        description="Measure where a stroke lesion in MNI space lies among the arterial territories.",
        epilog=_EPILOG,
        formatter_class=HelpLines,
        parents=[common_options()],
    )
    parser.add_argument("source", type=Path, metavar="LESION|FOLDER", help="mask or segmentation, or the SOOP data")
    parser.add_argument("--atlas", type=Path, metavar="ATLAS", help="arterial atlas (default: sample arterial-atlas)")
    parser.add_argument("--segment", metavar="NAME", help="which segment is the lesion, if there are several")
    parser.add_argument("--out", type=Path, required=True, metavar="TABLE.csv", help="table to write")
    return parser


def _request(args: argparse.Namespace) -> Any:
    existing(args.source, "LESION|FOLDER")
    if args.atlas is not None:
        existing(args.atlas, "--atlas")
    output_file(args.out, ".csv")
    from MedDeepDiagnosisLib.stroke.measure_job import Request

    return Request(source=args.source, out=args.out, atlas=args.atlas, segment=args.segment)


def _summary(result: Any) -> list[str]:
    return [*result.notes, f"wrote {result.table}"]


COMMAND = Command(
    name="stroke",
    add_parser=_add_parser,
    summary=_summary,
    job="stroke",
    request=_request,
    module="MedDeepDiagnosisLib.jobs",
)
