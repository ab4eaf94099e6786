"""The jobs of this library on MRML nodes: one path for the module logic and the panels. See MedDeepRegSegLib.mrml.tasks."""

import MedDeepDiagnosisLib.jobs  # noqa: F401  # adds the job kinds of this library
from MedDeepDiagnosisLib.mrml.assess_task import AssessTask
from MedDeepDiagnosisLib.mrml.associations_task import AssociationsTask
from MedDeepDiagnosisLib.mrml.case_base_tasks import ExportCasesTask, ImportCasesTask, ShowCasesTask
from MedDeepDiagnosisLib.mrml.dicom_export_task import DicomExportTask
from MedDeepDiagnosisLib.mrml.fit_task import FitTask

__all__ = [
    "AssessTask",
    "AssociationsTask",
    "DicomExportTask",
    "ExportCasesTask",
    "FitTask",
    "ImportCasesTask",
    "ShowCasesTask",
]
