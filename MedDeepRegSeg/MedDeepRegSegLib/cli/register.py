"""``meddeep register``: one image brought onto another."""

import argparse
import sys
from pathlib import Path
from typing import Any

from MedDeepRegSegLib.cli.command import Command, HelpLines
from MedDeepRegSegLib.cli.options import common_options, existing, output_folder
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.registration.choices import choose_settings
from MedDeepRegSegLib.registration.presets import load_preset, preset_names
from MedDeepRegSegLib.registration.requests import check_needs_points, paired_points

# Written out, because the engines' own list is not there before heavy packages are.
ENGINES = ("meddeep", "classic", "elastix", "landmarks")

_EPILOG = """\
DIR gets transform.h5 (fixed to moving points, LPS, as ITK, ANTs and 3D Slicer read it), inverse.h5, registered.nii.gz,
quality.json (distances in mm), linear.tfm (the linear map alone), pictures (checkerboard.png, edges.png, curve.png), of
a deformable registration deformation.nii.gz (the field alone: it bends the fixed space first, the linear map follows)
and jacobian.nii.gz (1 keeps volume, below 1 shrinks), and what was asked for: displacement.nii.gz,
registered_labels.nii.gz, registered_points.mrk.json.

Pairs of points (the same places in both files, with the same names or in the same order) measure how far the
result is off, in mm. With --landmarks-start the search starts from them; the engine landmarks uses nothing else.

presets (--kind and --engine override them):
%(presets)s

examples:
  meddeep register ct.nii.gz mr.nii.gz --out registered
  meddeep register ct.nii.gz mr.nii.gz --kind rigid --out registered
  meddeep register ct.nii.gz mr.nii.gz --preset ct-mr-head --out registered
  meddeep register ct.nii.gz mr.nii.gz --fixed-points ct.mrk.json --moving-points mr.mrk.json --out registered
"""


def _add_parser(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "register",
        help="register a moving image to a fixed image",
        description="Register MOVING to FIXED, CT or MR in any combination.",
        epilog=_EPILOG % {"presets": _preset_lines()},
        formatter_class=HelpLines,
        parents=[common_options()],
    )
    parser.add_argument("fixed", type=Path, metavar="FIXED", help="image that stays; or a folder of one DICOM series")
    parser.add_argument("moving", type=Path, metavar="MOVING", help="image that is brought onto it")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write to")
    parser.add_argument("--preset", metavar="NAME", help="settings for a common task; see below")
    parser.add_argument(
        "--kind",
        choices=("rigid", "similarity", "affine", "deformable"),
        help="how MOVING may change (default: that of the preset, else deformable)",
    )
    parser.add_argument(
        "--engine",
        choices=ENGINES,
        help="which method; classic needs no PyTorch, elastix needs itk-elastix, landmarks looks at points alone",
    )
    parser.add_argument("--fixed-mask", type=Path, metavar="F", help="label map: compare only here in FIXED")
    parser.add_argument("--moving-mask", type=Path, metavar="M", help="label map: compare only here in MOVING")
    parser.add_argument("--fixed-points", type=Path, metavar="F.fcsv", help="points in FIXED (.fcsv or .mrk.json)")
    parser.add_argument("--moving-points", type=Path, metavar="M.fcsv", help="the same places in MOVING")
    parser.add_argument("--landmarks-start", action="store_true", help="start from the points, not only measure")
    parser.add_argument("--initial", type=Path, metavar="T.h5", help="transform to start from (fixed to moving points)")
    parser.add_argument(
        "--fixed-labels", type=Path, metavar="F", help="label map of FIXED, to measure the overlap with --moving-labels"
    )
    parser.add_argument("--moving-labels", type=Path, metavar="M", help="label map of MOVING to bring to FIXED, too")
    parser.add_argument(
        "--carry-points", type=Path, metavar="M.mrk.json", help="points in MOVING to bring to FIXED, too (or .fcsv)"
    )
    parser.add_argument(
        "--interpolation",
        choices=("linear", "nearest", "bspline", "lanczos"),
        default="linear",
        help="of the registered image (default: linear); bspline and lanczos are sharper and slower",
    )
    parser.add_argument("--displacement", action="store_true", help="write the displacement of every voxel of FIXED")
    return parser


def _request(args: argparse.Namespace) -> Any:
    existing(args.fixed, "FIXED")
    existing(args.moving, "MOVING")
    files = ("fixed_mask", "moving_mask", "fixed_points", "moving_points", "initial")
    for option in (*files, "fixed_labels", "moving_labels", "carry_points"):
        path = getattr(args, option)
        if path is not None:
            existing(path, f"--{option.replace('_', '-')}")
    if args.fixed_labels is not None and args.moving_labels is None:
        msg = "--fixed-labels without --moving-labels, expected both to measure the overlap: add --moving-labels"
        raise InputError(msg)
    output_folder(args.out)
    names = ("--fixed-points", "--moving-points")
    settings = choose_settings(
        args.preset,
        kind=args.kind,
        engine=args.engine,
        seed=args.seed,
        points="start" if args.landmarks_start else None,
    )
    pairs = paired_points(args.fixed_points, args.moving_points, names)
    check_needs_points(settings, pairs, names)
    if pairs and pairs.note and not args.quiet:
        print(f"note: {pairs.note}", file=sys.stderr)
    from MedDeepRegSegLib.registration.job import Request

    return Request(
        fixed=args.fixed,
        moving=args.moving,
        out=args.out,
        settings=settings,
        fixed_mask=args.fixed_mask,
        moving_mask=args.moving_mask,
        fixed_points=pairs.fixed if pairs else (),
        moving_points=pairs.moving if pairs else (),
        initial=args.initial,
        fixed_labels=args.fixed_labels,
        moving_labels=args.moving_labels,
        carry_points=args.carry_points,
        interpolation=args.interpolation,
        displacement=args.displacement,
    )


def _preset_lines() -> str:
    """Return the presets, one or two lines each."""
    lines = []
    for name in preset_names():
        try:
            described = load_preset(name).description
        except InputError:  # told when it is asked for; the help of all commands must not fail by it
            described = "its file is damaged"
        lines.append(f"  {name:<20}{described}")
    return "\n".join(lines)


def _summary(result: Any) -> list[str]:
    quality = result.quality
    lines = [f"quality: {quality.light} (score {quality.score:.2f})", *(f"  {reason}" for reason in quality.reasons)]
    errors = quality.landmark_errors_mm
    if errors:
        pairs = "pair" if len(errors) == 1 else "pairs"
        mean, largest = sum(errors) / len(errors), max(errors)
        lines.append(f"error at the {len(errors)} {pairs} of points: mean {mean:.1f} mm, largest {largest:.1f} mm")
    return [*lines, f"wrote {result.transform.parent}"]


COMMAND = Command(name="register", add_parser=_add_parser, summary=_summary, job="register", request=_request)
