"""``meddeep dataset``: a dataset of a folder of images and labels, checked and split by patient."""

import argparse
from pathlib import Path
from typing import Any

from MedDeepRegSegLib.cli.command import Command, HelpLines
from MedDeepRegSegLib.cli.options import common_options, existing, output_file
from MedDeepRegSegLib.wording import counted

_EPILOG = """\
layouts (chosen by what the folder holds):
  msd     Medical Segmentation Decathlon: dataset.json with a list of cases
  nnunet  nnU-Net raw: imagesTr/CASE_0000.nii.gz, labelsTr/CASE.nii.gz, dataset.json
  bids    sub-*/anat/..., labels (_dseg, _mask) in derivatives/
  pairs   NAME and NAME_seg, NAME-label or NAME.seg.nrrd beside each other, or the folders images/ and labels/
  others  by --image-pattern and --label-pattern: regular expressions with (?P<case>...), and where there are several
          images of a case (?P<channel>...)

The images stay where they are and are never written to; DATASET.json refers to them. What the checks find is printed and
written to DATASET_checks.csv and .txt. Cases with errors are left out, with the reason.

examples:
  meddeep dataset heads --out heads.json --validation 0.2 --test 0.2
  meddeep dataset slabs --out slabs.json --image-pattern 'ilist(?P<case>.*)\\.nii\\.gz' --label-pattern 'slist(?P<case>.*)\\.nii\\.gz'
  meddeep dataset scans --out scans.json --patient-pattern '^([^_]+)_' --classes names.json --folds 5
      names.json: {"liver": 1, "kidneys": [2, 3], "background": 4, "ignored": 255}
"""


def _add_parser(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "dataset",
        help="make a dataset of a folder, check it and split it by patient",
        description="Find images and labels in a folder, check them, and say which cases are for training and validation.",
        epilog=_EPILOG,
        formatter_class=HelpLines,
        parents=[common_options()],
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="images and labels")
    parser.add_argument("--out", type=Path, required=True, metavar="DATASET.json", help="file to write")
    parser.add_argument("--name", default="", help="name of the dataset (default: that of the folder)")
    where = parser.add_argument_group("cases")
    where.add_argument("--layout", choices=("auto", "msd", "nnunet", "bids", "pairs"), default="auto", help="see below")
    where.add_argument("--image-pattern", metavar="RE", help="names of images, with (?P<case>...)")
    where.add_argument("--label-pattern", metavar="RE", help="names of labels, with (?P<case>...)")
    where.add_argument("--patient-pattern", metavar="RE", help="part of the name of a case that says whose it is")
    where.add_argument("--patients", type=Path, metavar="TABLE.csv", help="columns case and patient")
    names = parser.add_argument_group("classes")
    names.add_argument("--classes", type=Path, metavar="NAMES.json", help="names of label values, see below")
    names.add_argument(
        "--rename", action="append", default=[], metavar="OLD=NEW", help="a segment's name, and its class"
    )
    names.add_argument(
        "--absent",
        choices=("background", "unknown"),
        default="background",
        help="a class that a case lacks altogether: is not there, or was not looked for (default: background)",
    )
    names.add_argument("--keep-empty", action="store_true", help="keep cases without any labeled voxel")
    roles = parser.add_argument_group("split by patient")
    roles.add_argument("--validation", type=float, default=0.2, metavar="SHARE", help="default: 0.2")
    roles.add_argument("--test", type=float, default=0.0, metavar="SHARE", help="default: 0")
    roles.add_argument(
        "--folds", type=int, default=0, metavar="N", help="also write DATASET_fold1.json ... for N folds"
    )
    return parser


def _request(args: argparse.Namespace) -> Any:
    existing(args.folder, "FOLDER")
    for path, option in ((args.patients, "--patients"), (args.classes, "--classes")):
        if path is not None:
            existing(path, option)
    output_file(args.out, ".json", inputs=[args.patients, args.classes])
    from MedDeepRegSegLib.datasets.dataset_job import Request

    return Request(
        folder=args.folder,
        out=args.out,
        name=args.name,
        layout=args.layout,
        image_pattern=args.image_pattern,
        label_pattern=args.label_pattern,
        patient_pattern=args.patient_pattern,
        patients=args.patients,
        classes=args.classes,
        renames=tuple(args.rename),
        absent=args.absent,
        keep_empty=args.keep_empty,
        validation=args.validation,
        test=args.test,
        folds=args.folds,
        seed=args.seed,
    )


def _summary(result: Any) -> list[str]:
    from MedDeepRegSegLib.datasets.report import counts_text, report_text

    roles = ", ".join(f"{count} {role}" for role, count in result.roles.items() if count)
    lines = [
        report_text(result.findings),
        "",
        f"checks: {counts_text(result.findings)}",
        f"layout: {result.layout}",
        f"{counted(result.cases, 'case')} of {counted(result.patients, 'patient')}: {roles}",
        f"classes: {', '.join(result.classes) or 'none'}",
    ]
    if result.fingerprint is not None:
        size = "x".join(map(str, result.fingerprint.size))
        spacing = "x".join(f"{length:.3g}" for length in result.fingerprint.spacing_mm)
        lines.append(f"median image: {size} voxels of {spacing} mm")
    return [*lines, *(f"wrote {path}" for path in (result.dataset, *result.folds, result.table, result.text))]


COMMAND = Command(name="dataset", add_parser=_add_parser, summary=_summary, job="dataset", request=_request)
