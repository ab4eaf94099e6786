"""``meddeep select``: which cases to label next."""

import argparse
from pathlib import Path
from typing import Any

from MedDeepRegSegLib.cli.command import Command, HelpLines
from MedDeepRegSegLib.cli.options import common_options, existing, output_file

_EPILOG = """\
Cases of DATASET.json without labels, or of the role "unused", are ranked: first those that the model is unsure of and that
are unlike the cases that are labeled or chosen already. Label them, make the dataset anew, and train again.

examples:
  meddeep select liver_model dataset.json --count 5 --out next.csv
"""


def _add_parser(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "select",
        help="choose which cases to label next",
        description="Rank the cases that are not labeled yet by how much a model would learn from them.",
        epilog=_EPILOG,
        formatter_class=HelpLines,
        parents=[common_options(uses_gpu=True)],
    )
    parser.add_argument("model", type=Path, metavar="MODEL_DIR", help="folder of a model")
    parser.add_argument("dataset", type=Path, metavar="DATASET.json", help="dataset, as 'meddeep dataset' writes it")
    parser.add_argument("--count", type=int, default=5, metavar="N", help="how many cases (default: 5)")
    parser.add_argument("--out", type=Path, required=True, metavar="TABLE.csv", help="table to write")
    return parser


def _request(args: argparse.Namespace) -> Any:
    existing(args.model, "MODEL_DIR")
    existing(args.dataset, "DATASET.json")
    output_file(args.out, ".csv", inputs=[args.dataset])
    from MedDeepRegSegLib.prediction.select_job import Request

    return Request(model=args.model, dataset=args.dataset, out=args.out, count=args.count, device=args.device)


def _summary(result: Any) -> list[str]:
    lines = [
        f"{number}. {case}: {reason}"
        for number, (case, reason) in enumerate(zip(result.cases, result.reasons, strict=True), start=1)
    ]
    return [*lines, f"wrote {result.table}"]


COMMAND = Command(
    name="select", add_parser=_add_parser, summary=_summary, job="select", request=_request, uses_gpu=True
)
