"""Adds the jobs of this library to the registry, and runs one from its folder.

``python -m MedDeepDiagnosisLib.jobs JOB_FOLDER`` runs the job in that folder, as
``python -m MedDeepRegSegLib.jobs`` does for the jobs of the other library.
"""

import sys

from MedDeepRegSegLib.jobs.registry import register_jobs

register_jobs(
    {
        "demo": "MedDeepDiagnosisLib.demo.job",
        "diagnose": "MedDeepDiagnosisLib.diagnose_job",
        "fit": "MedDeepDiagnosisLib.fit_job",
    }
)

if __name__ == "__main__":
    from MedDeepRegSegLib.jobs.inside import main

    sys.exit(main())
