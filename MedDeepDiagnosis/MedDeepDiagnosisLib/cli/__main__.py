"""``python -m MedDeepDiagnosisLib.cli``: the ``meddeep`` command where it is not on the path."""

import sys

from MedDeepDiagnosisLib.cli import main

if __name__ == "__main__":
    sys.exit(main())
