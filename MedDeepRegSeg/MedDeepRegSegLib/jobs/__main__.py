"""``python -m MedDeepRegSegLib.jobs JOB_FOLDER`` runs the job in that folder."""

import sys

from MedDeepRegSegLib.jobs.inside import main

if __name__ == "__main__":
    sys.exit(main())
