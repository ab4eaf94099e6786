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
DIR gets transform.h5 (fixed to moving points, LPS, as ITK and 3D Slicer read it), inverse.h5, registered.nii.gz
and quality.json (distances in mm).

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
    return parser


def _request(args: argparse.Namespace) -> Any:
    existing(args.fixed, "FIXED")
    existing(args.moving, "MOVING")
    for option in ("fixed_mask", "moving_mask", "fixed_points", "moving_points", "initial"):
        path = getattr(args, option)
        if path is not None:
            existing(path, f"--{option.replace('_', '-')}")
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
    lines = [f"quality: {quality.light}", *(f"  {reason}" for reason in quality.reasons)]
    errors = quality.landmark_errors_mm
    if errors:
        pairs = "pair" if len(errors) == 1 else "pairs"
        mean, largest = sum(errors) / len(errors), max(errors)
        lines.append(f"error at the {len(errors)} {pairs} of points: mean {mean:.1f} mm, largest {largest:.1f} mm")
    return [*lines, f"wrote {result.transform.parent}"]


COMMAND = Command(name="register", add_parser=_add_parser, summary=_summary, job="register", request=_request)
