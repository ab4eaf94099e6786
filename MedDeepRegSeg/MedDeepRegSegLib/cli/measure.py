"""``meddeep measure``: shape, size and place of segments as a table."""

import argparse
from pathlib import Path
from typing import Any

from MedDeepRegSegLib.cli.command import Command, HelpLines
from MedDeepRegSegLib.cli.options import common_options, existing, output_file

_EPILOG = """\
The table has one row for each segment; the head of each column names its units.

example:
  meddeep measure ct.nii.gz liver.seg.nrrd --out liver.csv
"""


def _add_parser(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "measure",
        help="measure segments into a table",
        description="Measure shape, size, place and intensity of every segment into a CSV table.",
        epilog=_EPILOG,
        formatter_class=HelpLines,
        parents=[common_options()],
    )
    parser.add_argument("image", type=Path, metavar="IMAGE", help="the volume that the segments were drawn on")
    parser.add_argument("segmentation", type=Path, metavar="SEG", help=".seg.nrrd, or any label map")
    parser.add_argument("--out", type=Path, required=True, metavar="TABLE.csv", help="table to write")
    return parser


def _request(args: argparse.Namespace) -> Any:
    existing(args.image, "IMAGE")
    existing(args.segmentation, "SEG")
    output_file(args.out, ".csv", inputs=[args.image, args.segmentation])
    from MedDeepRegSegLib.segmentation.measure_job import Request

    return Request(image=args.image, segmentation=args.segmentation, out=args.out)


def _summary(result: Any) -> list[str]:
    count = len(result.rows)
    return [f"measured {count} segment{'' if count == 1 else 's'}", f"wrote {result.table}"]


COMMAND = Command(name="measure", add_parser=_add_parser, summary=_summary, job="measure", request=_request)
