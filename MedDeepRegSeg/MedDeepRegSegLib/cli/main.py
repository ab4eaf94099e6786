"""The ``meddeep`` command line.

Exit codes: 0 success, 2 bad input (one line on standard error), 130 canceled, 1 internal error.
"""

import argparse
import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Iterable, Sequence
from typing import Any

from MedDeepRegSegLib import __version__
from MedDeepRegSegLib.cli.command import Command, HelpLines
from MedDeepRegSegLib.cli.options import OneLineParser, join_negative_values
from MedDeepRegSegLib.cli.progress_bar import ProgressBar
from MedDeepRegSegLib.cli.running import CANCELED, run_here, run_in_child
from MedDeepRegSegLib.errors import Canceled, InputError, MissingPackageError

SUCCESS, INTERNAL_ERROR, BAD_INPUT = 0, 1, 2

_COMMANDS = (
    *("samples", "register", "foreground", "contours", "grow", "measure", "subdivide", "features", "batch"),
    *("augment", "dataset", "train", "predict", "evaluate", "select", "bundle"),
)
_DESCRIPTION = """\
Register CT and MR, grow and measure structures, assess findings and report: MedDeep without a window.

Images are anything SimpleITK reads (.nii.gz, .nrrd, .mha, ...), or a folder with one DICOM series.
Points are R,A,S in millimeters, as 3D Slicer shows them. Outputs appear only when they are complete.
MedDeep is research software, not a medical device.
"""
_EPILOG = """\
examples:
  meddeep samples --list
  meddeep register ct.nii.gz mr.nii.gz --out registered
  meddeep grow ct.nii.gz --positive 12.5,-30,41 --out liver.seg.nrrd
  meddeep COMMAND --help

exit codes: 0 success, 2 bad input, 130 canceled, 1 internal error
"""


def main(argv: Sequence[str] | None = None, extra_commands: Iterable[Command] = ()) -> int:
    """Run ``meddeep`` and return its exit code.

    Parameters
    ----------
    argv:
        The arguments without the name of the program; ``sys.argv`` by default.
    extra_commands:
        Subcommands of another library.
    """
    words = join_negative_values(sys.argv[1:] if argv is None else argv)
    as_json, debug = "--json" in words, "--debug" in words
    name = None
    try:
        commands = {command.name: command for command in [*_own_commands(), *extra_commands]}
        name = _command_name(words, commands)
        args = _parser(commands).parse_args(words)
        if args.command is None:
            _parser(commands).print_help()
            return SUCCESS
        return _run(commands[args.command], args)
    except (InputError, MissingPackageError) as error:
        return _tell(name, error, BAD_INPUT, as_json=as_json, debug=debug)
    except (Canceled, KeyboardInterrupt) as error:
        return _tell(name, error, CANCELED, as_json=as_json, debug=False)
    except BrokenPipeError:  # the reader of our output went away, for example "head"
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return SUCCESS
    except Exception as error:  # the last door: whatever is wrong becomes one clear line
        return _tell(name, error, INTERNAL_ERROR, as_json=as_json, debug=debug)


def _own_commands() -> list[Command]:
    # Each of these files imports nothing heavy, so that --help is there at once.
    return [importlib.import_module(f"MedDeepRegSegLib.cli.{name}").COMMAND for name in _COMMANDS]


def _command_name(words: Sequence[str], commands: dict[str, Command]) -> str | None:
    """Return the subcommand on the command line, or None."""
    name = next((word for word in words if not word.startswith("-")), None)
    return name if name in commands else None


def _parser(commands: dict[str, Command]) -> argparse.ArgumentParser:
    parser = OneLineParser(prog="meddeep", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=HelpLines)
    parser.add_argument("--version", action="version", version=f"meddeep {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for command in commands.values():
        command.add_parser(subparsers)
    return parser


def _run(command: Command, args: argparse.Namespace) -> int:
    if args.device == "cuda" and not command.uses_gpu:
        msg = f"--device cuda: meddeep {command.name} computes on the CPU only: use --device auto or --device cpu"
        raise InputError(msg)
    began = time.monotonic()
    with ProgressBar(quiet=args.quiet) as display:
        result = _work(command, args, display)
    seconds = time.monotonic() - began
    if args.json:
        from MedDeepRegSegLib.jobs.schema import to_json

        data = result if isinstance(result, dict) else to_json(result)
        print(
            json.dumps({"command": command.name, "version": __version__, "seconds": round(seconds, 2), "result": data})
        )
    elif not args.quiet:
        for line in command.summary(result):
            print(line)
    sys.stdout.flush()
    return SUCCESS


def _work(command: Command, args: argparse.Namespace, display: ProgressBar) -> Any:
    run = command.run
    if run is not None:
        return run_here(lambda progress, cancel: run(args, progress=progress, cancel=cancel), display)
    if command.job is None or command.request is None:
        msg = f"the command {command.name!r} has neither a job nor work of its own"
        raise TypeError(msg)
    job = command.job if isinstance(command.job, str) else command.job(args)
    request = command.request(args)
    if args.in_process:
        from MedDeepRegSegLib.jobs.runner import run_job

        return run_here(lambda progress, cancel: run_job(job, request, progress=progress, cancel=cancel), display)
    return run_in_child(job, request, command.module, display)


def _tell(name: str | None, error: BaseException, code: int, *, as_json: bool, debug: bool) -> int:
    """Tell what went wrong in one line on standard error, and as JSON on standard output if wanted."""
    from MedDeepRegSegLib.jobs.failures import describe, one_line

    kind, message = describe(error)
    told = one_line(str(error)) if type(error).__name__ == "JobFailed" else message
    line = f"meddeep {name}: {told}" if name else f"meddeep: {told}"
    if code == INTERNAL_ERROR:
        line += " (an internal error: run again with --debug and report it with the command that you used)"
    if debug:
        traceback.print_exception(error)
    print(line, file=sys.stderr)
    if as_json:
        print(json.dumps({"command": name, "version": __version__, "error": {"kind": kind, "message": told}}))
    return code
