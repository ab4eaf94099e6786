"""``python -m MedDeepRegSegLib.cli``: the commands of this library alone."""

import sys

from MedDeepRegSegLib.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
