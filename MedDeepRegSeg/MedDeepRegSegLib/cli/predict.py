"""``meddeep predict``: segment images with a model of one's own."""

import argparse
from pathlib import Path
from typing import Any

from MedDeepRegSegLib.cli.command import Command, HelpLines
from MedDeepRegSegLib.cli.options import common_options, existing, output_file

_EPILOG = """\
MODEL_DIR is a folder that 'meddeep train' wrote. Give one IMAGE for each channel of the model, in its order; all lie in one
space. What the model finds is kept as it is. The map of uncertainty is 0 where the model is sure and 1 where all classes
are equally likely.

examples:
  meddeep predict liver_model ct.nii.gz --out liver.seg.nrrd
  meddeep predict brain_model t1.nii.gz flair.nii.gz --out brain.seg.nrrd --uncertainty unsure.nrrd
"""


def _add_parser(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "predict",
        help="segment images with a model that you trained",
        description="Segment images with a model that you trained.",
        epilog=_EPILOG,
        formatter_class=HelpLines,
        parents=[common_options(uses_gpu=True)],
    )
    parser.add_argument("model", type=Path, metavar="MODEL_DIR", help="folder of a model")
    parser.add_argument("images", type=Path, nargs="+", metavar="IMAGE", help="volume, or folder of one DICOM series")
    parser.add_argument("--out", type=Path, required=True, metavar="SEG.seg.nrrd", help="segmentation to write")
    parser.add_argument("--uncertainty", type=Path, metavar="FILE.nrrd", help="write where the model is unsure, 0 to 1")
    parser.add_argument(
        "--mirrored", action="store_true", help="average with the mirrored image: twice the time, often a little better"
    )
    return parser


def _request(args: argparse.Namespace) -> Any:
    existing(args.model, "MODEL_DIR")
    for image in args.images:
        existing(image, "IMAGE")
    output_file(args.out, ".seg.nrrd", inputs=args.images)
    if args.uncertainty is not None:
        output_file(args.uncertainty, args.uncertainty.suffix or ".nrrd", inputs=[*args.images, args.out])
    from MedDeepRegSegLib.prediction.predict_job import Request

    return Request(
        model=args.model,
        images=tuple(args.images),
        out=args.out,
        uncertainty=args.uncertainty,
        mirrored=args.mirrored,
        device=args.device,
    )


def _summary(result: Any) -> list[str]:
    lines = [f"{name}: {ml:.1f} ml" for name, ml in zip(result.segments, result.volumes_ml, strict=True)]
    files = [result.segmentation] + ([result.uncertainty] if result.uncertainty else [])
    return [*lines, f"found by {result.model}", *(f"wrote {file}" for file in files)]


COMMAND = Command(
    name="predict", add_parser=_add_parser, summary=_summary, job="predict", request=_request, uses_gpu=True
)
