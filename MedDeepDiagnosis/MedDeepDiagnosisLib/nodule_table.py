"""From readers' outlines and ratings to a table of cases, measured as the extension measures its own segments."""

from collections.abc import Sequence

from MedDeepDiagnosisLib.cases import CASE_COLUMN, PATIENT_COLUMN, CaseTable, table_from_rows
from MedDeepDiagnosisLib.lidc import Annotation, annotation_mask
from MedDeepDiagnosisLib.measuring import quickly_measured_features
from MedDeepDiagnosisLib.pathology import Pathology
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress

INDETERMINATE = 3
"""The malignancy rating that says neither; such readings are left out of learning."""


def nodule_table(
    annotations: Sequence[Annotation],
    pathology: Pathology,
    *,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> CaseTable:
    """Measure every reading whose malignancy is rated other than 3 and return the table to learn from.

    Raises
    ------
    InputError
        If a measured or rated value is implausible.
    Canceled
        If ``cancel`` was set.
    """
    decided = [annotation for annotation in annotations if annotation.ratings["malignancy"] != INDETERMINATE]
    rows: list[dict[str, object]] = []
    for number, annotation in enumerate(decided):
        if number % 50 == 0:
            progress(number / len(decided), f"measuring nodule {number + 1} of {len(decided)}")
        if cancel is not None:
            cancel.raise_if_canceled()
        rows.append(
            {
                **annotation.ratings,
                **quickly_measured_features(annotation_mask(annotation), pathology),
                PATIENT_COLUMN: annotation.scan.patient,
                CASE_COLUMN: f"{annotation.scan.patient}/{annotation.nodule}/{annotation.identifier}",
                pathology.target.name: int(annotation.ratings["malignancy"] > INDETERMINATE),
            }
        )
    return table_from_rows(pathology, rows)
