"""``python -m MedDeepRegSegLib.training``; under ``torchrun`` too."""

import sys

from MedDeepRegSegLib.training.command import main

if __name__ == "__main__":
    sys.exit(main())
