"""From readers' outlines and ratings to a table of cases, measured as the extension measures its own segments."""

from collections.abc import Sequence

import SimpleITK as sitk

from MedDeepDiagnosisLib.cases import CASE_COLUMN, PATIENT_COLUMN, CaseTable, table_from_rows
from MedDeepDiagnosisLib.lidc import Annotation, annotation_mask
from MedDeepDiagnosisLib.pathology import Pathology
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress
from MedDeepRegSegLib.segmentation.measurements import measure
from MedDeepRegSegLib.segmentation.segments import Segment

INDETERMINATE = 3
"""The malignancy rating that says neither; such readings are left out of learning."""


def measured_features(labels: sitk.Image, segment: Segment, pathology: Pathology) -> dict[str, float]:
    """Measure one segment and return the features of the pathology that the extension measures.

    Parameters
    ----------
    labels:
        Label map that holds the segment.

    Returns
    -------
    Feature name to value in the feature's units. A measurement that a tiny segment does not allow is absent.

    Raises
    ------
    InputError
        If the segment is empty, or the extension knows no measurement of a name that the pathology wants.
    """
    (measured,) = measure(labels, (segment,))
    known = {measurement.name: measurement for measurement in measured.measurements}
    values = {}
    for feature in pathology.features:
        if feature.measurement is None:
            continue
        if feature.measurement not in known:
            msg = f"feature {feature.name}: there is no measurement {feature.measurement!r}, expected one of {', '.join(known)}"
            raise InputError(msg)
        values[feature.name] = known[feature.measurement].value
    return values


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
    segment = Segment(1, "nodule", (1.0, 0.0, 0.0))
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
                **measured_features(annotation_mask(annotation), segment, pathology),
                PATIENT_COLUMN: annotation.scan.patient,
                CASE_COLUMN: f"{annotation.scan.patient}/{annotation.nodule}/{annotation.identifier}",
                pathology.target.name: int(annotation.ratings["malignancy"] > INDETERMINATE),
            }
        )
    return table_from_rows(pathology, rows)
