"""``meddeep bundle``: a model as a MONAI bundle, and back."""

import argparse
from pathlib import Path
from typing import Any

from MedDeepRegSegLib.cli.command import Command, HelpLines
from MedDeepRegSegLib.cli.options import common_options, existing, output_folder

_EPILOG = """\
The bundle holds no pickle: its weights are models/model.safetensors. Networks of MONAI run with MONAI alone, the network
"encoder" needs the package meddeep beside it. --import takes bundles that MedDeep exported, trained on perhaps.

examples:
  meddeep bundle my_model --out my_bundle
  meddeep bundle --import my_bundle --out my_model
"""


def _add_parser(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "bundle",
        help="write a model of yours as a MONAI bundle, or the way back",
        description="Write the folder of a model as a MONAI bundle, or a bundle of MedDeep as such a folder.",
        epilog=_EPILOG,
        formatter_class=HelpLines,
        parents=[common_options()],
    )
    parser.add_argument("model", type=Path, nargs="?", metavar="MODEL_DIR", help="folder of a model")
    parser.add_argument("--import", dest="bundle", type=Path, metavar="DIR", help="folder of a bundle")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    return parser


def _request(args: argparse.Namespace) -> Any:
    from MedDeepRegSegLib.errors import InputError

    if (args.model is None) == (args.bundle is None):
        msg = "expected either MODEL_DIR or --import DIR: name the model to export, or the bundle to import"
        raise InputError(msg)
    source = args.model if args.bundle is None else args.bundle
    existing(source, "MODEL_DIR" if args.bundle is None else "--import")
    output_folder(args.out)
    from MedDeepRegSegLib.models.bundle_job import Request

    return Request(source=source, out=args.out, direction="export" if args.bundle is None else "import")


def _summary(result: Any) -> list[str]:
    lines = [f"wrote {result.folder}"]
    return [*lines, "MONAI needs the package meddeep to run it"] if result.needs_meddeep else lines


COMMAND = Command(name="bundle", add_parser=_add_parser, summary=_summary, job="bundle", request=_request)
