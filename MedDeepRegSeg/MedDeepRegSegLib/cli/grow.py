"""``meddeep grow``: a structure grown from clicks."""

import argparse
from pathlib import Path
from typing import Any

from MedDeepRegSegLib.cli.command import Command, HelpLines
from MedDeepRegSegLib.cli.options import (
    box,
    common_options,
    existing,
    lps_box_from_ras,
    lps_from_ras,
    output_file,
    point,
)

_EPILOG = """\
Points and boxes are R,A,S in millimeters, as 3D Slicer shows them. Give an option again for more points.

examples:
  meddeep grow ct.nii.gz --positive 12.5,-30,41 --out liver.seg.nrrd
  meddeep grow ct.nii.gz --positive -20,15,3 --negative -35,15,3 --box -60,-20,-30,20,60,40 --out kidney.seg.nrrd
  meddeep grow ct.nii.gz --positive -20,15,3 --previous first.seg.nrrd --out second.seg.nrrd
  meddeep grow mr.nii.gz --positive 8,12,20 --uncertainty doubt.nrrd --out ventricle.seg.nrrd
  meddeep grow ct.nii.gz --positive 12.5,-30,41 --foreground body.seg.nrrd --method classic --out liver.seg.nrrd
"""


def _add_parser(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "grow",
        help="grow a structure from points inside it",
        description="Grow a structure from points inside it; points outside it and a box hold it back.",
        epilog=_EPILOG,
        formatter_class=HelpLines,
        parents=[common_options(uses_gpu=True)],
    )
    parser.add_argument("image", type=Path, metavar="IMAGE", help="a CT or MR volume, or a folder of one DICOM series")
    parser.add_argument(
        "--positive", type=point, action="append", default=[], metavar="R,A,S", help="point inside (mm); at least one"
    )
    parser.add_argument(
        "--negative", type=point, action="append", default=[], metavar="R,A,S", help="point outside (mm)"
    )
    parser.add_argument("--box", type=box, metavar="R,A,S,R,A,S", help="stay inside this box (mm)")
    parser.add_argument(
        "--foreground", type=Path, metavar="SEG", help="segmentation to stay in: all of its segments together"
    )
    parser.add_argument(
        "--method",
        choices=("network", "classic"),
        default="network",
        help="network: the growing network (default); classic: bands of intensity, needs no PyTorch",
    )
    parser.add_argument(
        "--model",
        type=Path,
        metavar="MODEL_DIR",
        help="growing network of your own, from 'meddeep train --network growing' (method network only)",
    )
    parser.add_argument(
        "--adapt",
        action="store_true",
        help="let the network learn from negative points that lie in what it grew (method network only)",
    )
    parser.add_argument(
        "--previous", type=Path, metavar="SEG", help="segmentation to go on from; its other segments stay"
    )
    parser.add_argument(
        "--name",
        default="Structure",
        metavar="NAME",
        help="name of the segment, for example Liver (default: Structure)",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="SEG.seg.nrrd", help="segmentation to write")
    parser.add_argument(
        "--uncertainty",
        type=Path,
        metavar="FILE.nrrd",
        help="image to write: how unsure the network is, 0 (sure) to 1 (could be either)",
    )
    return parser


def _request(args: argparse.Namespace) -> Any:
    from MedDeepRegSegLib.errors import InputError

    if not args.positive:
        msg = "no point inside the structure, expected at least one --positive R,A,S: click one in 3D Slicer"
        raise InputError(msg)
    if not args.name.strip():
        msg = "--name: the name is empty, expected for example Liver"
        raise InputError(msg)
    existing(args.image, "IMAGE")
    if args.previous is not None:
        existing(args.previous, "--previous")
    if args.foreground is not None:
        existing(args.foreground, "--foreground")
    if args.model is not None:
        existing(args.model, "--model")
    networks = (("--adapt", args.adapt), ("--uncertainty", args.uncertainty), ("--model", args.model))
    option = next((name for name, value in networks if value), None)
    if args.method == "classic" and option is not None:
        msg = f"{option} needs the growing network, which --method classic does without: leave one of them out"
        raise InputError(msg)
    output_file(args.out, ".seg.nrrd", inputs=[args.image])
    if args.uncertainty is not None:
        sources = [args.image, args.previous, args.foreground]
        output_file(args.uncertainty, ".nrrd", inputs=sources, option="--uncertainty")
    from MedDeepRegSegLib.segmentation.grow_job import Request
    from MedDeepRegSegLib.segmentation.growing_settings import GrowingSettings

    return Request(
        image=args.image,
        positive=tuple(lps_from_ras(each) for each in args.positive),
        negative=tuple(lps_from_ras(each) for each in args.negative),
        box=lps_box_from_ras(args.box) if args.box is not None else None,
        foreground=args.foreground,
        previous=args.previous,
        settings=GrowingSettings(method=args.method, adapt=args.adapt),
        uncertainty=args.uncertainty,
        model=args.model,
        device=args.device,
        name=args.name.strip(),
        out=args.out,
    )


def _summary(result: Any) -> list[str]:
    lines = [f"{result.segment}: {result.volume_ml:.1f} ml"]
    if result.adapted:
        lines.append("the network has adapted to the negative points")
    lines += [f"note: {note}" for note in result.notes]
    if result.suggestion is not None:
        option = "--positive" if result.suggestion.inside else "--negative"
        place = ",".join(f"{part:g}" for part in result.suggestion.ras_mm)
        lines.append(f"a next point would help most at R,A,S {place}: {option} {place} if it looks right there")
    lines.append(f"wrote {result.segmentation}")
    if result.uncertainty is not None:
        lines.append(f"wrote {result.uncertainty}")
    return lines


COMMAND = Command(name="grow", add_parser=_add_parser, summary=_summary, job="grow", request=_request, uses_gpu=True)
