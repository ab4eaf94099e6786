"""``meddeep cases``: the case base: import tables and folders, list, show with history, export."""

import argparse
from pathlib import Path
from typing import Any

from MedDeepDiagnosisLib.casebase.opening import resolved_url
from MedDeepRegSegLib.cli.command import Command, HelpLines
from MedDeepRegSegLib.cli.options import common_options, existing, output_file
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.wording import counted

_SHOWN = 40

_EPILOG = """\
URL is the file of the case base (it is made by the first import), or a URL such as postgresql+psycopg://user@host/cases.
Patients get pseudonyms, made with a key that lies beside the file: cases.sqlite.key. Keep both; hand on only the first.

examples:
  meddeep cases import patients.xlsx --model lung_nodule --db cases.sqlite --trial
  meddeep cases import patients.xlsx --model lung_nodule --db cases.sqlite --trial --save-mapping mapping.json
  meddeep cases import patients.xlsx --model lung_nodule --db cases.sqlite --mapping mapping.json --on-implausible skip
  meddeep cases import folders/ --model lung_nodule --db cases.sqlite --segment Nodule
  meddeep cases list --db cases.sqlite
  meddeep cases show C017 --db cases.sqlite
  meddeep cases export --db cases.sqlite --model lung_nodule --out table.csv
"""

_MAPPING_EPILOG = """\
Columns are found by the names and titles of the features, with units: "Volume (ml)" becomes volume_mm3 x 1000. What was
used is shown, and remembered for tables with the same columns. MAPPING.json says it otherwise:
  {"patient": "ID", "volume_mm3": {"column": "Vol", "factor": 1000}, "sex": {"column": "Sex", "words": {"M": "male"}}}

"--trial --save-mapping MAPPING.json" writes the suggested one in this form, to correct a column and give it back. A word that
a scale lacks gets its meaning in "words".

SOURCE may be a folder: one folder for each patient, with image, segmentation of the finding, and a table of one row.
"""


def _add_parser(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "cases",
        help="keep cases in a case base: import, list, show, export",
        description="Keep patients, measurements, findings and outcomes in one database, with history.",
        epilog=_EPILOG,
        formatter_class=HelpLines,
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", title="actions", required=True)
    _add_import(actions)
    for name, about in (("list", "one line for each case"), ("show", "one case, with every version of every value")):
        action = actions.add_parser(name, help=about, description=f"Show {about}.", parents=[common_options()])
        if name == "show":
            action.add_argument(
                "case",
                metavar="CASE",
                help="name of the case, its own or the one that it had in its source; of a patient, it tells the cases",
            )
            _add_key(action)
        _add_base(action)
    export = actions.add_parser(
        "export", help="the current values as one table", description="Write a table.", parents=[common_options()]
    )
    _add_base(export)
    export.add_argument("--model", metavar="PATHOLOGY", help="only the cases and columns of a pathology")
    export.add_argument("--out", type=Path, required=True, metavar="TABLE.csv", help="file to write (.csv or .tsv)")
    return parser


def _add_import(actions: Any) -> None:
    parser: argparse.ArgumentParser = actions.add_parser(
        "import",
        help="cases of a table or a folder",
        description="Check cases and store them in one transaction, as asked, or none.",
        epilog=_MAPPING_EPILOG,
        formatter_class=HelpLines,
        parents=[common_options()],
    )
    parser.add_argument("source", type=Path, metavar="SOURCE", help="table (.csv, .tsv, .xlsx) or folder of patients")
    parser.add_argument(
        "--model", required=True, metavar="PATHOLOGY", help="name of a pathology that ships, or its JSON file"
    )
    _add_base(parser)
    _add_key(parser)
    parser.add_argument("--mapping", type=Path, metavar="MAPPING.json", help="which column is what, see below")
    parser.add_argument(
        "--save-mapping", type=Path, metavar="FILE.json", help="write the mapping of a table, to correct and give"
    )
    parser.add_argument("--sheet", metavar="NAME", help="sheet of an Excel file (default: the first)")
    parser.add_argument("--segment", metavar="NAME", help="which segment is the finding, for folders")
    parser.add_argument(
        "--features", action="store_true", help="store the encoder's features of the finding, for folders"
    )
    parser.add_argument(
        "--on-conflict",
        choices=("refuse", "skip", "update"),
        default="refuse",
        help="rows that say otherwise than what is stored: import nothing, leave them out, or store new versions (default: refuse)",
    )
    parser.add_argument(
        "--on-implausible",
        choices=("refuse", "skip"),
        default="refuse",
        help="rows with values that cannot be: import nothing, or leave them out (default: refuse)",
    )
    parser.add_argument("--keep-names", action="store_true", help="store patients' names as they are, no pseudonyms")
    parser.add_argument("--trial", action="store_true", help="show what would be imported, and write nothing")
    parser.add_argument("--who", default="", metavar="NAME", help="who imports, for the record (default: the user)")


def _add_key(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--key", type=Path, metavar="FILE", help="key of the pseudonyms (default: beside the database)")


def _add_base(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--db", required=True, metavar="URL", help="the case base")


def _job(args: argparse.Namespace) -> str:
    return {"import": "import-cases", "export": "export-cases"}.get(args.action, "show-cases")


def _request(args: argparse.Namespace) -> Any:
    db = resolved_url(args.db)
    if args.action == "export":
        suffix = ".tsv" if args.out.suffix.lower() == ".tsv" else ".csv"
        output_file(args.out, suffix)
        from MedDeepDiagnosisLib.casebase.export_job import Request as ExportRequest

        return ExportRequest(db=db, out=args.out, pathology=args.model)
    if args.action != "import":
        from MedDeepDiagnosisLib.casebase.show_job import Request as ShowRequest

        return ShowRequest(db=db, case=getattr(args, "case", None), key=getattr(args, "key", None))
    existing(args.source, "SOURCE")
    if args.mapping is not None:
        existing(args.mapping, "--mapping")
    if not args.source.is_dir() and (args.segment is not None or args.features):
        msg = "--segment and --features are for a folder of patients, SOURCE is a table: leave them away"
        raise InputError(msg)
    from MedDeepDiagnosisLib.casebase.import_job import Request
    from MedDeepDiagnosisLib.casebase.records import ImportOptions

    if args.save_mapping is not None:
        output_file(args.save_mapping, ".json", inputs=(args.source, args.mapping), option="--save-mapping")
    options = ImportOptions(args.keep_names, args.on_conflict, args.on_implausible, args.trial)
    return Request(
        source=args.source,
        pathology=args.model,
        db=db,
        mapping=args.mapping,
        sheet=args.sheet,
        segment=args.segment,
        features=args.features,
        key=args.key,
        who=args.who,
        options=options,
        save_mapping=args.save_mapping,
    )


def _summary(result: Any) -> list[str]:
    if hasattr(result, "report"):
        return _imported(result)
    if hasattr(result, "table"):
        return [f"wrote {result.table}: {counted(result.cases, 'case')}, {counted(result.columns, 'column')}"]
    if result.history:
        return _shown(result)
    lines = [
        f"{case.case}  patient {case.patient}  {', '.join(case.pathologies)}  {counted(case.values, 'value')}"
        + (f" ({counted(case.versions - case.values, 'earlier version')})" if case.versions > case.values else "")
        for case in result.cases
    ]
    return [*lines, f"{counted(len(result.cases), 'case')} in {result.db}"]


def _imported(result: Any) -> list[str]:
    from MedDeepDiagnosisLib.casebase.records import grouped

    report = result.report
    lines = [f"mapping ({report.mapping_from}):"] if report.mapping else []
    lines += [f"  {name}: {column}" for name, column in report.mapping.items()]
    lines += [f"note: {note}" for note in report.notes]
    fate = "cannot be taken" if report.refusal else "left out"
    groups = grouped(report.problems)
    lines += [f"{fate}: {group.text}" for group in groups[:_SHOWN]]
    if len(groups) > _SHOWN:
        lines.append(f"{fate}: and {len(groups) - _SHOWN} more, see --json")
    if result.mapping is not None:
        lines.append(f"wrote {result.mapping}: the mapping; correct it and give it with --mapping")
    if report.refusal:
        lines.append(f"refused as things stand: {report.refusal}")
    counts = (
        f"{report.new_cases} new, {report.updated_cases} updated, {report.unchanged_cases} unchanged, "
        f"{report.skipped_rows} left out; {report.new_values} new values, {report.changed_values} changed"
    )
    would = "" if report.written else "trial, nothing was written: "
    if report.refusal:
        would = "trial, nothing was written; with these rows left out: "
    return [*lines, f"{would}{counted(report.rows, 'row')} to {result.db}: {counts}"]


def _shown(result: Any) -> list[str]:
    (case,) = result.cases
    lines = [f"{case.case}  patient {case.patient}  study {case.study}  {', '.join(case.pathologies)}"]
    for entry in result.history:
        state = "" if entry.current else "  (earlier)"
        lines.append(f"  {entry.name}: {entry.value}{state}  version {entry.version} of {entry.what}")
        how = f"{entry.how}, " if entry.how else ""
        lines.append(f"      {how}{entry.source}, {entry.recorded_at} by {entry.recorded_by} with {entry.software}")
    return lines


COMMAND = Command(
    name="cases",
    add_parser=_add_parser,
    summary=_summary,
    job=_job,
    request=_request,
    module="MedDeepDiagnosisLib.jobs",
)
