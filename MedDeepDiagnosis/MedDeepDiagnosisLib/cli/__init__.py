"""The ``meddeep`` command with the subcommands of both libraries."""

from collections.abc import Sequence

import MedDeepDiagnosisLib.jobs  # noqa: F401  # adds the jobs of this library to the registry
from MedDeepDiagnosisLib.cli import associations, cases, demo, diagnose, dicom, fit, stroke
from MedDeepRegSegLib.cli.main import main as _main


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``meddeep`` and return its exit code: 0 success, 2 bad input, 130 canceled, 1 internal error."""
    return _main(
        argv,
        extra_commands=(
            cases.COMMAND,
            associations.COMMAND,
            fit.COMMAND,
            diagnose.COMMAND,
            stroke.COMMAND,
            dicom.COMMAND,
            demo.COMMAND,
        ),
    )
