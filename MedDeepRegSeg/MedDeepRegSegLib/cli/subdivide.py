"""``meddeep subdivide``: the named parts of a structure."""

import argparse
from pathlib import Path
from typing import Any

from MedDeepRegSegLib.cli.command import Command, HelpLines
from MedDeepRegSegLib.cli.options import common_options, existing, output_file

_EPILOG = """\
The model "brain" names 16 parts of the brain, left and right, in CT and MR. The orientation in the header of IMAGE must be
right: it tells left from right. With SEG, parts are found only inside its segment NAME (inside all segments without one).

examples:
  meddeep subdivide t1.nii.gz --out parts.seg.nrrd
  meddeep subdivide head_ct.nii.gz brain.seg.nrrd --segment Brain --out parts.seg.nrrd
  meddeep subdivide ct.nii.gz --model my_model --out parts.seg.nrrd
"""


def _add_parser(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "subdivide",
        help="divide the brain, or a structure of your own model, into its named parts",
        description="Divide a structure into its named parts with a network.",
        epilog=_EPILOG,
        formatter_class=HelpLines,
        parents=[common_options(uses_gpu=True)],
    )
    parser.add_argument("image", type=Path, metavar="IMAGE", help="a CT or MR volume, or a folder of one DICOM series")
    parser.add_argument(
        "segmentation", type=Path, nargs="?", metavar="SEG", help="segmentation that holds the structure"
    )
    parser.add_argument("--segment", default="", metavar="NAME", help="name of the structure among the segments of SEG")
    parser.add_argument(
        "--model",
        default="brain",
        metavar="NAME",
        help="brain, or the folder of a model that you trained (default: brain)",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="SEG.seg.nrrd", help="segmentation to write")
    return parser


def _request(args: argparse.Namespace) -> Any:
    from MedDeepRegSegLib.errors import InputError

    existing(args.image, "IMAGE")
    if args.segmentation is not None:
        existing(args.segmentation, "SEG")
    elif args.segment:
        msg = f"--segment {args.segment}: there is no SEG, expected the segmentation that holds it after IMAGE"
        raise InputError(msg)
    output_file(args.out, ".seg.nrrd", inputs=[args.image, args.segmentation])
    from MedDeepRegSegLib.segmentation.subdivide_job import Request

    return Request(
        image=args.image,
        out=args.out,
        model=args.model,
        segmentation=args.segmentation,
        segment=args.segment,
        device=args.device,
    )


def _summary(result: Any) -> list[str]:
    lines = [f"{name}: {ml:.1f} ml" for name, ml in zip(result.segments, result.volumes_ml, strict=True)]
    return [*lines, f"found by {result.model}", f"wrote {result.segmentation}"]


COMMAND = Command(
    name="subdivide", add_parser=_add_parser, summary=_summary, job="subdivide", request=_request, uses_gpu=True
)
