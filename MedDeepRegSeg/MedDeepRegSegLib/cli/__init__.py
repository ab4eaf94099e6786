"""The ``meddeep`` command: one file per subcommand, each a thin door to a job."""

from MedDeepRegSegLib.cli.main import main

__all__ = ["main"]
