"""``meddeep foreground``: a mask of the body, or of a large part of it."""

import argparse
from pathlib import Path
from typing import Any

from MedDeepRegSegLib.cli.command import Command, HelpLines
from MedDeepRegSegLib.cli.options import common_options, existing, output_file

WHAT = ("body", "lungs", "thorax", "head", "skull", "brain")

_EPILOG = """\
examples:
  meddeep foreground chest_ct.nii.gz --what lungs --out lungs.seg.nrrd
  meddeep foreground dicom_folder --what head --out head.seg.nrrd
"""


def _add_parser(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "foreground",
        help="mask the body, the lungs, the thorax, the head, the skull or the brain",
        description="Mask what is not air around the patient, or a large part of the body.",
        epilog=_EPILOG,
        formatter_class=HelpLines,
        parents=[common_options()],
    )
    parser.add_argument("image", type=Path, metavar="IMAGE", help="a CT or MR volume, or a folder of one DICOM series")
    parser.add_argument("--what", choices=WHAT, required=True, help="what to mask")
    parser.add_argument("--out", type=Path, required=True, metavar="SEG.seg.nrrd", help="segmentation to write")
    return parser


def _request(args: argparse.Namespace) -> Any:
    existing(args.image, "IMAGE")
    output_file(args.out, ".seg.nrrd", inputs=[args.image])
    from MedDeepRegSegLib.segmentation.foreground_job import Request

    return Request(image=args.image, what=args.what, out=args.out)


def _summary(result: Any) -> list[str]:
    lines = [f"{name}: {ml:.0f} ml" for name, ml in zip(result.segments, result.volumes_ml, strict=True)]
    return [*lines, f"wrote {result.segmentation}"]


COMMAND = Command(name="foreground", add_parser=_add_parser, summary=_summary, job="foreground", request=_request)
