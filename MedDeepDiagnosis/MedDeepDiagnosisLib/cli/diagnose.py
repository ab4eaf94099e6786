"""``meddeep diagnose``: assess one case with a fitted model and write a report."""

import argparse
from collections.abc import Collection
from pathlib import Path
from typing import Any

from MedDeepDiagnosisLib.casebase.opening import resolved_url
from MedDeepRegSegLib.cli.command import Command, HelpLines
from MedDeepRegSegLib.cli.options import common_options, existing, output_folder
from MedDeepRegSegLib.errors import InputError

NO_DICOM = "no-dicom"
FORMATS = ("pdf", "sr", "seg", NO_DICOM)

_SHIPPED = ("acute_stroke_outcome", "acute_stroke_severity", "lung_nodule")
_EPILOG = """\
DIR gets report.html, prediction.json and measurements.csv. A name in place of a model folder means a model that ships:
lung_nodule, acute_stroke_severity, acute_stroke_outcome (Docs/Stroke.md).
What ROW.csv lacks is measured on the segmentation of the finding, where there is one. Columns that the guidelines ask for,
for example age and known_cancer, are facts of theirs (Docs/Guidelines.md).
Where IMAGE is the folder of a DICOM series, DICOM SR (report.dcm) and SEG (segmentation.dcm) are written as well, with the
name and ID of its patient; the output says which. --formats no-dicom leaves them out.

examples:
  meddeep diagnose lung_nodule --table case.csv --out report
  meddeep diagnose nodule_model --table case.csv --image ct.nii.gz --segmentation nodule.seg.nrrd --out report
  meddeep diagnose nodule_model --case C017 --db cases.sqlite --out report
"""


def _add_parser(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "diagnose",
        help="assess one case and write a report",
        description="Assess one case with a fitted model: probability, what it rests on, and a report.",
        epilog=_EPILOG,
        formatter_class=HelpLines,
        parents=[common_options()],
    )
    parser.add_argument(
        "model",
        type=Path,
        metavar="MODEL_DIR",
        help=f"model folder that 'meddeep fit' wrote, or a model that ships: {', '.join(_SHIPPED)}",
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--case", metavar="ID", help="case in the case base, as 'meddeep cases list' calls it")
    source.add_argument(
        "--table", type=Path, metavar="ROW.csv", help="table (.csv, .tsv, .xlsx) with the one row of the case"
    )
    parser.add_argument("--db", metavar="URL", help="case base of the case")
    parser.add_argument("--image", type=Path, metavar="IMAGE", help="volume for the pictures of the report")
    parser.add_argument("--segmentation", type=Path, metavar="SEG", help="segmentation of the finding in it")
    parser.add_argument("--segment", metavar="NAME", help="which segment is the finding, if there are several")
    parser.add_argument(
        "--facts",
        nargs="+",
        metavar="NAME=VALUE",
        default=(),
        help="for guidelines, for example age=61 known_cancer=no",
    )
    parser.add_argument(
        "--formats",
        nargs="+",
        choices=FORMATS,
        default=(),
        help="further files to write; no-dicom leaves out the DICOM files of a DICOM series",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write to")
    return parser


def _request(args: argparse.Namespace) -> Any:
    if (args.db is None) != (args.case is None):
        missing = "--db URL" if args.db is None else "--case ID"
        msg = f"{missing} is missing, expected both: --case ID --db URL"
        raise InputError(msg)
    if args.table is None and args.segmentation is None and args.case is None:
        msg = "nothing to assess, expected --table ROW.csv, --case ID --db URL or --segmentation SEG"
        raise InputError(msg)
    if args.image is not None and args.segmentation is None:
        msg = "--image without --segmentation, expected both: the pictures show the finding"
        raise InputError(msg)
    check_no_dicom(args.formats)
    model = _model(args.model)
    for path, option in ((args.table, "--table"), (args.image, "--image"), (args.segmentation, "--segmentation")):
        if path is not None:
            existing(path, option)
    output_folder(args.out)
    from MedDeepDiagnosisLib.diagnose_job import Request

    return Request(
        model=model,
        table=args.table,
        out=args.out,
        image=args.image,
        segmentation=args.segmentation,
        segment=args.segment,
        db=None if args.db is None else resolved_url(args.db),
        case=args.case,
        formats=tuple(name for name in args.formats if name != NO_DICOM),
        dicom=NO_DICOM not in args.formats,
        facts=tuple(_fact(words) for words in args.facts),
    )


def check_no_dicom(formats: Collection[str]) -> None:
    """Raise InputError where DICOM files are asked for and left out at once."""
    both = [name for name in ("sr", "seg") if name in formats]
    if NO_DICOM in formats and both:
        msg = f"formats: {NO_DICOM} and {both[0]} contradict each other, expected one of them"
        raise InputError(msg)


def _fact(words: str) -> tuple[str, str]:
    name, sign, value = words.partition("=")
    if not (sign and name.strip() and value.strip()):
        msg = f"--facts: {words!r} is no fact, expected NAME=VALUE, for example age=61"
        raise InputError(msg)
    return name.strip(), value.strip()


def _model(path: Path) -> Path:
    """Return the folder, or that of the model that ships under this name."""
    if not path.exists():
        from MedDeepDiagnosisLib.fitting import find_shipped

        return find_shipped(str(path), "MODEL_DIR")
    return existing(path, "MODEL_DIR")


def _summary(result: Any) -> list[str]:
    return [*result.summary, f"wrote {', '.join(file.name for file in result.files)} to {result.report.parent}"]


COMMAND = Command(
    name="diagnose",
    add_parser=_add_parser,
    summary=_summary,
    job="diagnose",
    request=_request,
    module="MedDeepDiagnosisLib.jobs",
)
