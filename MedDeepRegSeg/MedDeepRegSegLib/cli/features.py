"""``meddeep features``: what the shared encoder sees in an image, in color, in numbers and for every voxel."""

import argparse
from pathlib import Path
from typing import Any

from MedDeepRegSegLib.cli.command import Command, HelpLines
from MedDeepRegSegLib.cli.options import common_options, existing, millimeters, output_folder

BACKENDS = ("auto", "torch", "torch-bf16", "openvino")  # as in features.backends, which imports numpy

_EPILOG = """\
DIR gets features.png and colored.nrrd (places that the network takes for alike in alike colors, on the grid of IMAGE),
local.nrrd and context.nrrd (16 and 32 features a voxel, on grids of their own), and with SEG features.csv: one row for each
segment, with the mean and the standard deviation of every feature. CT and MR both work. The colors are chosen anew for
each image: compare features between images, not colors.

examples:
  meddeep features ct.nii.gz --out features
  meddeep features ct.nii.gz organs.seg.nrrd --no-dense --out features
  meddeep features mr.nii.gz --spacing 1.5 --device cuda --out features
"""


def _add_parser(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "features",
        help="compute features of an image and of its segments",
        description="Compute the features of an image that MedDeep's shared network sees, and those of segments.",
        epilog=_EPILOG,
        formatter_class=HelpLines,
        parents=[common_options(uses_gpu=True)],
    )
    parser.add_argument("image", type=Path, metavar="IMAGE", help="a CT or MR volume, or a folder of one DICOM series")
    parser.add_argument("segmentation", type=Path, nargs="?", metavar="SEG", help=".seg.nrrd, or any label map")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write to")
    parser.add_argument(
        "--spacing",
        type=millimeters,
        metavar="MM",
        help="voxel size to work at, 1 to 4; smaller: finer and slower (default: 2, or chosen by the size of the image)",
    )
    parser.add_argument(
        "--backend",
        choices=BACKENDS,
        default="auto",
        help="what computes the network: torch (auto), torch in half precision (twice as fast, differs by up to .01), or OpenVINO",
    )
    parser.add_argument(
        "--model", type=Path, metavar="FOLDER", help="model folder of another encoder (default: the shipped one)"
    )
    parser.add_argument(
        "--no-dense", action="store_true", help="do not write local.nrrd and context.nrrd, which are large"
    )
    parser.add_argument(
        "--no-cache", action="store_true", help="neither use nor fill the cache of features in your cache folder"
    )
    return parser


def _request(args: argparse.Namespace) -> Any:
    existing(args.image, "IMAGE")
    if args.segmentation is not None:
        existing(args.segmentation, "SEG")
    if args.model is not None:
        existing(args.model, "--model")
    output_folder(args.out)
    from MedDeepRegSegLib.features.features_job import Request

    return Request(
        image=args.image,
        out=args.out,
        segmentation=args.segmentation,
        spacing_mm=args.spacing,
        model=args.model,
        device=args.device,
        backend=args.backend,
        seed=args.seed,
        save_dense=not args.no_dense,
        cache=not args.no_cache,
    )


def _summary(result: Any) -> list[str]:
    lines = [
        f"encoded at {result.spacing_mm:g} mm with {result.model} ({result.backend}); encoding took {result.seconds:.1f} s",
    ]
    if result.table is not None:
        count = len(result.rows)
        lines.append(f"features of {count} segment{'' if count == 1 else 's'} in {result.table.name}")
    return [*lines, f"wrote {result.folder}"]


COMMAND = Command(
    name="features", add_parser=_add_parser, summary=_summary, job="features", request=_request, uses_gpu=True
)
