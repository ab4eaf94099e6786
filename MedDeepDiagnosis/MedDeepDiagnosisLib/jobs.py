"""Adds the jobs of this library and what can be run over a table to the registries, and runs one from its folder.

``python -m MedDeepDiagnosisLib.jobs JOB_FOLDER`` runs the job in that folder, as
``python -m MedDeepRegSegLib.jobs`` does for the jobs of the other library.
"""

import sys

from MedDeepRegSegLib.jobs.batch_kinds import register_batches
from MedDeepRegSegLib.jobs.registry import register_jobs

register_jobs(
    {
        "associations": "MedDeepDiagnosisLib.associations_job",
        "demo": "MedDeepDiagnosisLib.demo.job",
        "diagnose": "MedDeepDiagnosisLib.diagnose_job",
        "dicom-export": "MedDeepDiagnosisLib.dicom_export_job",
        "dicom-read": "MedDeepRegSegLib.volumes.dicom_job",
        "export-cases": "MedDeepDiagnosisLib.casebase.export_job",
        "fit": "MedDeepDiagnosisLib.fit_job",
        "import-cases": "MedDeepDiagnosisLib.casebase.import_job",
        "show-cases": "MedDeepDiagnosisLib.casebase.show_job",
        "stroke": "MedDeepDiagnosisLib.stroke.measure_job",
    }
)
register_batches({"diagnose": "MedDeepDiagnosisLib.diagnose_batch"})

if __name__ == "__main__":
    from MedDeepRegSegLib.jobs.inside import main

    sys.exit(main())
