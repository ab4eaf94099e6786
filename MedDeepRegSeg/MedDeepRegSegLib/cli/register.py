"""``meddeep register``: one image brought onto another."""

import argparse
import sys
from pathlib import Path
from typing import Any

from MedDeepRegSegLib.cli.command import Command, HelpLines
from MedDeepRegSegLib.cli.options import common_options, existing, output_folder
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.volumes.point_files import read_points
from MedDeepRegSegLib.volumes.point_pairs import Point, pair_points

_EPILOG = """\
DIR gets transform.h5 (fixed to moving points, LPS, as ITK and 3D Slicer read it), inverse.h5, registered.nii.gz
and quality.json (distances in mm).

Pairs of points (the same places in both files, with the same names or in the same order) measure how far the
result is off, in mm.

examples:
  meddeep register ct.nii.gz mr.nii.gz --out registered
  meddeep register ct.nii.gz mr.nii.gz --kind rigid --out registered
  meddeep register ct.nii.gz mr.nii.gz --fixed-points ct.mrk.json --moving-points mr.mrk.json --out registered
"""


def _add_parser(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "register",
        help="register a moving image to a fixed image",
        description="Register MOVING to FIXED, CT or MR in any combination.",
        epilog=_EPILOG,
        formatter_class=HelpLines,
        parents=[common_options()],
    )
    parser.add_argument("fixed", type=Path, metavar="FIXED", help="image that stays; or a folder of one DICOM series")
    parser.add_argument("moving", type=Path, metavar="MOVING", help="image that is brought onto it")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write to")
    parser.add_argument("--preset", metavar="NAME", help="not in this version yet")
    parser.add_argument(
        "--kind",
        choices=("rigid", "affine", "deformable"),
        default="deformable",
        help="how MOVING may change (default: deformable)",
    )
    parser.add_argument(
        "--engine",
        choices=("meddeep", "elastix", "landmarks"),
        default="meddeep",
        help="which engine; this version has meddeep (default)",
    )
    parser.add_argument("--fixed-mask", type=Path, metavar="F", help="label map: compare only here in FIXED")
    parser.add_argument("--moving-mask", type=Path, metavar="M", help="label map: compare only here in MOVING")
    parser.add_argument("--fixed-points", type=Path, metavar="F.fcsv", help="points in FIXED (.fcsv or .mrk.json)")
    parser.add_argument("--moving-points", type=Path, metavar="M.fcsv", help="the same places in MOVING")
    parser.add_argument("--initial", type=Path, metavar="T.h5", help="transform to start from (fixed to moving points)")
    return parser


def _request(args: argparse.Namespace) -> Any:
    if args.preset is not None:
        msg = "--preset: this version has no presets yet: leave it out"
        raise InputError(msg)
    if args.engine != "meddeep":
        msg = f"--engine {args.engine}: this version has only the engine meddeep: leave it out"
        raise InputError(msg)
    existing(args.fixed, "FIXED")
    existing(args.moving, "MOVING")
    for option in ("fixed_mask", "moving_mask", "fixed_points", "moving_points", "initial"):
        path = getattr(args, option)
        if path is not None:
            existing(path, f"--{option.replace('_', '-')}")
    output_folder(args.out)
    fixed_points, moving_points = _point_pairs(args.fixed_points, args.moving_points, quiet=args.quiet)
    from MedDeepRegSegLib.registration.job import Request
    from MedDeepRegSegLib.registration.settings import RegistrationSettings

    return Request(
        fixed=args.fixed,
        moving=args.moving,
        out=args.out,
        settings=RegistrationSettings(kind=args.kind, seed=args.seed),
        fixed_mask=args.fixed_mask,
        moving_mask=args.moving_mask,
        fixed_points=fixed_points,
        moving_points=moving_points,
        initial=args.initial,
    )


def _point_pairs(
    fixed: Path | None, moving: Path | None, *, quiet: bool
) -> tuple[tuple[Point, ...], tuple[Point, ...]]:
    if fixed is None and moving is None:
        return (), ()
    if fixed is None or moving is None:
        msg = "points in one image only, expected --fixed-points and --moving-points together"
        raise InputError(msg)
    pairs = pair_points(read_points(fixed), read_points(moving), str(fixed), str(moving))
    if pairs.note and not quiet:
        print(f"note: {pairs.note}", file=sys.stderr)
    return pairs.fixed, pairs.moving


def _summary(result: Any) -> list[str]:
    quality = result.quality
    lines = [f"quality: {quality.light}", *(f"  {reason}" for reason in quality.reasons)]
    errors = quality.landmark_errors_mm
    if errors:
        pairs = "pair" if len(errors) == 1 else "pairs"
        mean, largest = sum(errors) / len(errors), max(errors)
        lines.append(f"error at the {len(errors)} {pairs} of points: mean {mean:.1f} mm, largest {largest:.1f} mm")
    return [*lines, f"wrote {result.transform.parent}"]


COMMAND = Command(name="register", add_parser=_add_parser, summary=_summary, job="register", request=_request)
