"""What a subcommand of ``meddeep`` consists of."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class HelpLines(argparse.RawDescriptionHelpFormatter):
    """Help that keeps the lines of examples, with room for the longest option."""

    def __init__(self, prog: str, **options: object) -> None:
        options.setdefault("max_help_position", 26)
        super().__init__(prog, **options)  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True)
class Command:
    """A subcommand. It either makes the request of a job, or does its short work itself.

    Attributes
    ----------
    name:
        As typed by the user.
    add_parser:
        Adds the parser with the command's own options to ``subparsers`` and returns it.
    summary:
        Turns the ``Result`` of the job into lines for a person.
    job, request:
        Name of the job, or what tells it from the parsed arguments; and what makes its ``Request`` from these. Points
        become LPS here.
    module:
        The package that runs the job in a child process.
    run:
        For a command without a job: ``run(args, progress=..., cancel=...)`` returns a dictionary of JSON types.
    uses_gpu:
        Whether the command can compute on a GPU; ``--device cuda`` is refused for all others.
    """

    name: str
    add_parser: Callable[[Any], argparse.ArgumentParser]
    summary: Callable[[Any], list[str]]
    job: str | Callable[[argparse.Namespace], str] | None = None
    request: Callable[[argparse.Namespace], Any] | None = None
    module: str = "MedDeepRegSegLib.jobs"
    run: Callable[..., dict[str, Any]] | None = None
    uses_gpu: bool = False
