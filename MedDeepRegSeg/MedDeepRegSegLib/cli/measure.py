"""``meddeep measure``: shape, place, intensity and texture of segments as a table."""

import argparse
from pathlib import Path
from typing import Any

from MedDeepRegSegLib.cli.command import Command, HelpLines
from MedDeepRegSegLib.cli.options import common_options, existing, output_file
from MedDeepRegSegLib.segmentation.measurement_families import FAMILIES, family_names
from MedDeepRegSegLib.wording import counted

_EPILOG = """\
The table has one row for each segment; the head of each column names its units. --json tells every column's UCUM
units, DICOM code and description too.

families:
{families}
Without --families all but texture are measured. Texture makes 56 columns that depend on the gray levels: those of CT are
25 HU wide, all other images have 32 between the least and the largest value in the segment. Say which you used.

examples:
  meddeep measure ct.nii.gz liver.seg.nrrd --out liver.csv
  meddeep measure mr.nii.gz tumor.seg.nrrd --families shape intensity texture --bin-count 64 --out tumor.csv
"""


def _families() -> str:
    lines = [f"  {family.name:10} {family.description}" for family in FAMILIES]
    shape = ", ".join(family.name for family in FAMILIES if family.group == "shape")
    return "\n".join([f"  {'shape':10} {shape}", *lines]) + "\n"


def _add_parser(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "measure",
        help="measure segments into a table",
        description="Measure shape, place, intensity and texture of every segment into a CSV table.",
        epilog=_EPILOG.format(families=_families()),
        formatter_class=HelpLines,
        parents=[common_options()],
    )
    parser.add_argument("image", type=Path, metavar="IMAGE", help="the volume that the segments were drawn on")
    parser.add_argument("segmentation", type=Path, metavar="SEG", help=".seg.nrrd, DICOM SEG, or any label map")
    parser.add_argument("--out", type=Path, required=True, metavar="TABLE.csv", help="table to write")
    parser.add_argument(
        "--families", nargs="+", choices=family_names(), default=[], metavar="NAME", help="what to measure, see below"
    )
    levels = parser.add_mutually_exclusive_group()
    levels.add_argument(
        "--bin-width", type=float, metavar="W", help="texture: width of a gray level in the image's units"
    )
    levels.add_argument("--bin-count", type=int, metavar="N", help="texture: number of gray levels")
    return parser


def _request(args: argparse.Namespace) -> Any:
    existing(args.image, "IMAGE")
    existing(args.segmentation, "SEG")
    output_file(args.out, ".csv", inputs=[args.image, args.segmentation])
    from MedDeepRegSegLib.segmentation.measure_job import Request

    return Request(
        image=args.image,
        segmentation=args.segmentation,
        out=args.out,
        families=tuple(args.families),
        bin_width=args.bin_width,
        bin_count=args.bin_count,
    )


def _summary(result: Any) -> list[str]:
    return [
        f"measured {counted(len(result.rows), 'segment')}",
        *(f"note: {note}" for note in result.notes),
        f"wrote {result.table}",
    ]


COMMAND = Command(name="measure", add_parser=_add_parser, summary=_summary, job="measure", request=_request)
