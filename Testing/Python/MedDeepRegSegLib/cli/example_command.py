"""``meddeep example OUT BEHAVIOR``: the example job of the job tests as a subcommand; run as a script too."""

import sys
from pathlib import Path

from MedDeepRegSegLib.cli.command import Command
from MedDeepRegSegLib.cli.main import main
from MedDeepRegSegLib.cli.options import common_options
from MedDeepRegSegLib.jobs.registry import register_jobs


def _add_parser(subparsers):
    parser = subparsers.add_parser("example", parents=[common_options()])
    parser.add_argument("out", type=Path)
    parser.add_argument("behavior")
    return parser


def _add_broken_parser(subparsers):
    return subparsers.add_parser("broken", parents=[common_options()])


def _request(args):
    from example_job import Request

    return Request(out=args.out, behavior=args.behavior)


COMMANDS = [
    Command(
        name="example",
        add_parser=_add_parser,
        summary=lambda result: [f"value {result.value}"],
        job="example",
        request=_request,
        module="run_example",
    ),
    Command(name="broken", add_parser=_add_broken_parser, summary=lambda result: []),
]

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1] / "jobs"))
    register_jobs({"example": "example_job"})
    sys.exit(main(extra_commands=COMMANDS))
