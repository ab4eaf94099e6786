"""``meddeep demo``: the whole path on real images, in one command."""

import argparse
from pathlib import Path
from typing import Any

from MedDeepRegSegLib.cli.command import Command, HelpLines
from MedDeepRegSegLib.cli.options import common_options, output_folder

_EPILOG = """\
DIR gets report.html, the scene, the transforms (.h5), the segmentation (.seg.nrrd) and the tables (.csv).

examples:
  meddeep demo --out demo
  meddeep demo --offline --out demo
"""


def _add_parser(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "demo",
        help="the whole path on real sample images, with a report",
        description=(
            "Register a head MR to a head CT, grow and measure a structure, assess a lung nodule, and write a report."
        ),
        epilog=_EPILOG,
        formatter_class=HelpLines,
        parents=[common_options()],
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write to")
    parser.add_argument(
        "--offline", action="store_true", help="use phantoms instead of real sample images; nothing is downloaded"
    )
    return parser


def _request(args: argparse.Namespace) -> Any:
    output_folder(args.out)
    from MedDeepDiagnosisLib.demo.job import Request

    return Request(out=args.out, offline=args.offline, seed=args.seed)


def _summary(result: Any) -> list[str]:
    lines = []
    if result.consistency_after_mm is not None:
        change = f"{result.consistency_before_mm:.1f} mm before, {result.consistency_after_mm:.1f} mm after"
        lines.append(f"head MR to head CT: moved and unmoved MR disagree by {change}")
    change = f"{result.phantom_before_mm:.1f} mm before, {result.phantom_after_mm:.1f} mm after"
    lines.append(f"head phantom: target registration error {change}")
    return [*lines, *result.nodule_summary, f"wrote {result.report}"]


COMMAND = Command(
    name="demo",
    add_parser=_add_parser,
    summary=_summary,
    job="demo",
    request=_request,
    module="MedDeepDiagnosisLib.jobs",
)
