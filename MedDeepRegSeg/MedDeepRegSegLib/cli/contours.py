"""``meddeep contours``: contours of an image or segmentation with fitted curves, or contours aligned to a mask."""

import argparse
import math
from pathlib import Path
from typing import Any

from MedDeepRegSegLib.cli.command import Command, HelpLines
from MedDeepRegSegLib.cli.options import common_options, existing, millimeters, output_folder
from MedDeepRegSegLib.errors import InputError

FITS = ("ellipse", "line")
AXES = ("axial", "coronal", "sagittal")
KINDS = ("rigid", "similarity", "affine")  # as in segmentation.contour_alignment, which imports numpy

_EPILOG = """\
DIR gets contours.mrk.json and fits.mrk.json (3D Slicer opens them as curves and lines), contours.csv (a row for each
contour, with residuals in mm and confidence), structures.csv (axes of each segment through the slices), contours.png
and projection.nrrd (contours and labels in color on the slices). Of an image, edges are outlined, or with --level what
lies above a value.

With --align-to, the outlines of SEG are brought onto the mask of another segmentation instead: DIR gets transform.h5
(from points of the mask to points of SEG, LPS), inverse.h5, alignment.json (errors in mm) and alignment.png.

examples:
  meddeep contours organs.seg.nrrd --image ct.nii.gz --fit ellipse --out contours
  meddeep contours ct.nii.gz --level 300 --fit line --axis sagittal --out bone
  meddeep contours head_mr.seg.nrrd --align-to head_ct.seg.nrrd --kind rigid --out aligned
"""


def _add_parser(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "contours",
        help="outline slices and fit ellipses or lines, or align outlines to a mask",
        description="Outline an image or segmentation in its slices and fit curves, or align outlines to a mask.",
        epilog=_EPILOG,
        formatter_class=HelpLines,
        parents=[common_options()],
    )
    parser.add_argument(
        "source", type=Path, metavar="IMAGE|SEG", help="volume, folder of a DICOM series, .seg.nrrd or label map"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write to")
    parser.add_argument("--fit", choices=FITS, help="curve to fit to each contour (default: ellipse)")
    parser.add_argument("--axis", choices=AXES, help="orientation of the slices (default: axial)")
    parser.add_argument(
        "--source-is", choices=("image", "segmentation"), help="what the source is (default: as it looks)"
    )
    parser.add_argument("--image", type=Path, metavar="IMAGE", help="image that SEG was drawn on, for the pictures")
    parser.add_argument("--level", type=_level, metavar="VALUE", help="outline what is above a value, for example 300")
    parser.add_argument("--minimum-length", type=millimeters, metavar="MM", help="shortest edge (default: 20)")
    parser.add_argument("--align-to", type=Path, metavar="OTHER_SEG", help="mask to bring the outlines of SEG onto")
    parser.add_argument("--kind", choices=KINDS, help="with --align-to: what may change (default: rigid)")
    return parser


def _level(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        msg = f"{text!r} is not a level: expected a number in the units of the image, for example 300"
        raise argparse.ArgumentTypeError(msg)
    return value


def _job(args: argparse.Namespace) -> str:
    return "contours" if args.align_to is None else "align-contours"


def _request(args: argparse.Namespace) -> Any:
    existing(args.source, "IMAGE|SEG")
    if args.image is not None:
        existing(args.image, "--image")
    output_folder(args.out)
    if args.align_to is not None:
        return _alignment(args)
    if args.kind is not None:
        msg = "--kind says how to align, expected it with --align-to only: add --align-to OTHER_SEG or leave it out"
        raise InputError(msg)
    from MedDeepRegSegLib.segmentation.contours_job import Request

    optional = {} if args.minimum_length is None else {"minimum_length_mm": args.minimum_length}
    return Request(
        source=args.source,
        out=args.out,
        fit=args.fit or "ellipse",
        axis=args.axis or "axial",
        source_is=args.source_is or "auto",
        image=args.image,
        level=args.level,
        seed=args.seed,
        **optional,
    )


def _alignment(args: argparse.Namespace) -> Any:
    existing(args.align_to, "--align-to")
    for option in ("fit", "axis", "level", "minimum_length", "source_is"):
        if getattr(args, option) is not None:
            msg = f"--{option.replace('_', '-')} is for contours, expected it without --align-to: leave one out"
            raise InputError(msg)
    from MedDeepRegSegLib.segmentation.align_contours_job import Request

    return Request(
        contours=args.source,
        mask=args.align_to,
        out=args.out,
        kind=args.kind or "rigid",
        image=args.image,
        seed=args.seed,
    )


def _summary(result: Any) -> list[str]:
    if hasattr(result, "mean_mm"):
        lines = [
            f"{result.kind} alignment: {result.mean_mm:.2f} mm mean, {result.p95_mm:.2f} mm 95th percentile",
            f"{result.matched_share:.0%} of the contours have a counterpart; turned by {result.rotation_degrees:.1f} degrees,"
            f" moved by {result.shift_mm:.1f} mm, scaled by {result.scale:.3f}",
        ]
    else:
        lines = [
            f"{result.contours} contours of the {result.source_was}; {result.fitted} have a curve,"
            f" mean confidence {result.mean_confidence:.2f}"
        ]
    return [*lines, *result.notes, f"wrote {result.folder}"]


COMMAND = Command(name="contours", add_parser=_add_parser, summary=_summary, job=_job, request=_request)
