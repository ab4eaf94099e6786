"""``meddeep evaluate``: how good a model of one's own is on the cases of a dataset."""

import argparse
from pathlib import Path
from typing import Any

from MedDeepRegSegLib.cli.command import Command, HelpLines
from MedDeepRegSegLib.cli.options import common_options, existing, millimeters, output_folder
from MedDeepRegSegLib.wording import counted

_EPILOG = """\
Only cases that neither trained the model nor chose its weights (--role test) tell how good it is on new ones. DIR gets
metrics.csv (a row for each case and class), summary.json (means with 95 % confidence intervals over patients) and
report.html (for the screen and for printing, with the worst cases as pictures). Classes are matched by their names.

examples:
  meddeep evaluate liver_model dataset.json --out evaluation
  meddeep evaluate liver_model dataset.json --role validation --tolerance 3 --out evaluation
"""


def _add_parser(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "evaluate",
        help="compare what your model finds with the truth, case by case",
        description="Segment the cases of a dataset with a model and compare with their labels.",
        epilog=_EPILOG,
        formatter_class=HelpLines,
        parents=[common_options(uses_gpu=True)],
    )
    parser.add_argument("model", type=Path, metavar="MODEL_DIR", help="folder of a model")
    parser.add_argument("dataset", type=Path, metavar="DATASET.json", help="dataset, as 'meddeep dataset' writes it")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write to")
    parser.add_argument(
        "--role", choices=("test", "validation", "training"), default="test", help="which cases (default: test)"
    )
    parser.add_argument(
        "--tolerance",
        type=millimeters,
        default=2.0,
        metavar="MM",
        help="surfaces so close count as the same in the surface Dice (default: 2)",
    )
    return parser


def _request(args: argparse.Namespace) -> Any:
    existing(args.model, "MODEL_DIR")
    existing(args.dataset, "DATASET.json")
    output_folder(args.out)
    from MedDeepRegSegLib.prediction.evaluate_job import Request

    return Request(
        model=args.model,
        dataset=args.dataset,
        out=args.out,
        role=args.role,
        tolerance_mm=args.tolerance,
        device=args.device,
        seed=args.seed,
    )


def _summary(result: Any) -> list[str]:
    lines = [
        f"{name}: no case has it" if dice is None else f"{name}: mean Dice {dice:.3f}"
        for name, dice in zip(result.classes, result.dice, strict=True)
    ]
    return [f"evaluated {counted(result.cases, 'case')}", *lines, *result.notes, f"wrote {result.report}"]


COMMAND = Command(
    name="evaluate", add_parser=_add_parser, summary=_summary, job="evaluate", request=_request, uses_gpu=True
)
