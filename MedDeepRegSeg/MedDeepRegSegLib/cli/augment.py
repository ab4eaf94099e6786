"""``meddeep augment``: samples of an image as training sees them."""

import argparse
from pathlib import Path
from typing import Any

from MedDeepRegSegLib.cli.command import Command, HelpLines
from MedDeepRegSegLib.cli.options import common_options, existing, output_folder
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.resources import resource_path
from MedDeepRegSegLib.wording import counted

_EPILOG = """\
presets: {presets}; or a .json file of your own (see Docs/Augmentation.md)

Writes image_001.nii.gz, ..., with a segmentation image_001.seg.nrrd, ..., preview.png (all beside the original) and
applied.json (what was drawn). The image keeps its units; the segmentation is changed as the image is. A folder that holds
samples of an earlier run is refused.

examples:
  meddeep augment ct.nii.gz organs.seg.nrrd --preset CT --count 8 --out samples
  meddeep augment mr.nii.gz --preset strong --seed 3 --out samples
  meddeep augment t2.nii.gz --record samples/applied.json --out samples_t2
"""


def _presets() -> str:
    return ", ".join(sorted(path.stem for path in resource_path("Presets", "augmentation").glob("*.json")))


def _count(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= 9999):
        msg = f"{text!r} is not a count: expected a whole number from 1 to 9999"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def _add_parser(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "augment",
        help="make random samples of an image and its segmentation",
        description="Make random samples of an image and its segmentation, as the training of a network sees them.",
        epilog=_EPILOG.format(presets=_presets()),
        formatter_class=HelpLines,
        parents=[common_options()],
    )
    parser.add_argument("image", type=Path, metavar="IMAGE", help="a CT or MR volume, or a folder of one DICOM series")
    parser.add_argument(
        "segmentation", type=Path, nargs="?", metavar="SEG", help=".seg.nrrd, or any label map of the image"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--preset", default="default", metavar="NAME", help="what may happen, see below (default: default)"
    )
    what.add_argument("--record", type=Path, metavar="FILE", help="applied.json of another run: do the same again")
    parser.add_argument("--count", type=_count, default=8, metavar="N", help="how many samples (default: 8)")
    parser.add_argument("--preview-only", action="store_true", help="write only preview.png and applied.json")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write to")
    return parser


def _request(args: argparse.Namespace) -> Any:
    existing(args.image, "IMAGE")
    if args.segmentation is not None:
        existing(args.segmentation, "SEG")
    if args.record is not None:
        existing(args.record, "--record")
    output_folder(args.out)
    _keep_inputs(args)
    from MedDeepRegSegLib.augmentation.augment_job import Request

    return Request(
        image=args.image,
        segmentation=args.segmentation,
        out=args.out,
        preset=args.preset,
        count=args.count,
        seed=args.seed,
        record=args.record,
        files=not args.preview_only,
    )


def _keep_inputs(args: argparse.Namespace) -> None:
    """Refuse a folder in which a sample could take the place of an input."""
    inputs = [path for path in (args.image, args.segmentation, args.record) if path is not None]
    if any(path.absolute().parent.resolve() == args.out.absolute().resolve() for path in inputs):
        msg = f"--out: {args.out} holds an input, which a sample could replace: choose another folder"
        raise InputError(msg)


def _summary(result: Any) -> list[str]:
    made = f"made {counted(len(result.happened), 'sample')} (preset {result.preset})"
    return [made, *result.notes, f"wrote {result.preview} and {result.record}"]


COMMAND = Command(name="augment", add_parser=_add_parser, summary=_summary, job="augment", request=_request)
