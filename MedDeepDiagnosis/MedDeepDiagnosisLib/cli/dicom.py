"""``meddeep dicom``: list and read series, and write segments and measurements beside their study."""

import argparse
from pathlib import Path
from typing import Any

from MedDeepRegSegLib.cli.command import Command, HelpLines
from MedDeepRegSegLib.cli.options import common_options, existing, output_folder

_EPILOG = """\
Wherever an image is asked for, the folder of one series will do; where a folder holds several, give a slice of the wanted one.
Docs/Dicom.md says what is handled and what is refused.

examples:
  meddeep dicom list study/
  meddeep dicom read study/ --series 2 --out head.nrrd
  meddeep dicom export liver.seg.nrrd --source study/ct --patient 4711 --out results
"""

_OTHERS_SHOWN = 50


def _add_parser(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "dicom",
        help="list and read DICOM series, export SEG and SR",
        description="Read DICOM series as volumes, and write segments and measurements beside their study.",
        epilog=_EPILOG,
        formatter_class=HelpLines,
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", title="actions", required=True)
    about = "list the series of a folder and of those below it, what each is as a volume, and other objects"
    listed = actions.add_parser("list", help=about, description=about.capitalize() + ".", parents=[common_options()])
    about = "write a series as a volume"
    read = actions.add_parser("read", help=about, description=about.capitalize() + ".", parents=[common_options()])
    listed.add_argument("folder", type=Path, metavar="FOLDER", help="folder with DICOM files, in it or below it")
    read.add_argument("folder", type=Path, metavar="FOLDER", help="folder with DICOM files, or a slice of the series")
    read.add_argument("--series", metavar="N|UID", help="which, as 'meddeep dicom list' numbers them, or its UID")
    read.add_argument("--out", type=Path, required=True, metavar="VOLUME", help="volume to write, for example .nrrd")
    about = "write segments as DICOM SEG and their measurements as DICOM SR"
    export = actions.add_parser("export", help=about, description=about + ".", parents=[common_options()])
    export.add_argument("segmentation", type=Path, metavar="SEG", help=".seg.nrrd, DICOM SEG, or a label map")
    export.add_argument(
        "--source", type=Path, required=True, metavar="SERIES", help="folder of the series it was drawn on, or a slice"
    )
    export.add_argument("--segments", nargs="+", default=(), metavar="NAME", help="which segments (default: all)")
    export.add_argument("--patient", metavar="ID", help="patient ID that you expect; another one is refused")
    export.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write to")
    return parser


def _job(args: argparse.Namespace) -> str:
    return "dicom-export" if args.action == "export" else "dicom-read"


def _request(args: argparse.Namespace) -> Any:
    if args.action != "export":
        existing(args.folder, "FOLDER")
        from MedDeepRegSegLib.volumes.dicom_job import Request as ReadRequest

        return ReadRequest(args.folder, getattr(args, "series", None), getattr(args, "out", None))
    existing(args.segmentation, "SEG")
    existing(args.source, "--source")
    output_folder(args.out)
    from MedDeepDiagnosisLib.dicom_export_job import Request

    return Request(
        segmentation=args.segmentation,
        source=args.source,
        out=args.out,
        segments=tuple(args.segments),
        patient_id=args.patient,
    )


def _summary(result: Any) -> list[str]:
    if hasattr(result, "patient"):
        from MedDeepDiagnosisLib.dicom_export_job import patient_line

        names = ", ".join(result.segments)
        written = f"wrote {result.segmentation.name} and {result.measurements.name} to {result.segmentation.parent}"
        return [f"patient: {patient_line(result.patient)}", f"segments: {names}", *result.notes, written]
    if result.volume is not None:
        return [*([result.note] if result.note else []), f"wrote {result.volume}"]
    lines = []
    for one in result.series:
        name = " ".join(part for part in (one.modality, one.description) if part) or "unknown modality"
        files = f"{one.files} file{'' if one.files == 1 else 's'}"
        lines += [f"{one.number}. {name}: {files}, {_within(one.first, result.folder)}", f"   {one.geometry}"]
    for one in result.others[:_OTHERS_SHOWN]:
        todo = "give it as a segmentation" if one.kind == "SEG" else "no image"
        lines.append(f"{one.kind}: {_within(one.path, result.folder)}, {todo}")
    if len(result.others) > _OTHERS_SHOWN:
        lines.append(f"and {len(result.others) - _OTHERS_SHOWN} more objects that are no images")
    return [*lines, *(f"damaged: {_within(one, result.folder)}, export or copy it again" for one in result.damaged)]


def _within(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


COMMAND = Command(
    name="dicom",
    add_parser=_add_parser,
    summary=_summary,
    job=_job,
    request=_request,
    module="MedDeepDiagnosisLib.jobs",
)
