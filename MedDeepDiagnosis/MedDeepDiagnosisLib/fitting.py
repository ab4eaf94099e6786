"""Validate and fit all models of a pathology on one table."""

from pathlib import Path

from MedDeepDiagnosisLib.cases import CaseTable
from MedDeepDiagnosisLib.models.additive import fit_additive
from MedDeepDiagnosisLib.models.model_folder import DiagnosisModel, ModelDescription, ScoredMethod, TrainingRecord
from MedDeepDiagnosisLib.models.validation import OUTER_FOLDS, Validation, check_enough_cases, validate_variants
from MedDeepDiagnosisLib.pathology import Pathology
from MedDeepRegSegLib import __version__
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of

DRAWS = 100
"""Refits on resampled patients that are kept for the interval of a prediction."""


def fit_model(
    table: CaseTable,
    pathology: Pathology,
    *,
    data_sha256: str,
    seed: int = 0,
    excluded_patients: tuple[str, ...] = (),
    notes: tuple[str, ...] = (),
    draws: int = DRAWS,
    bootstrap_repeats: int = 1000,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> tuple[DiagnosisModel, tuple[Validation, ...]]:
    """Score every variant by nested, patient-grouped cross-validation, then fit it on all rows.

    Parameters
    ----------
    data_sha256, excluded_patients, notes:
        For the record; see :class:`~MedDeepDiagnosisLib.models.model_folder.TrainingRecord`.
    seed:
        Of the folds and the resampling. The same seed gives the same model.

    Returns
    -------
    The model, with the hash of its weights still empty (writing sets it), and the validations with their
    out-of-fold probabilities.

    Raises
    ------
    InputError
        If there are too few cases for the number of features.
    Canceled
        If ``cancel`` was set.
    """
    for variant in pathology.variants:
        check_enough_cases(table, len(pathology.features_of(variant.name)))
    validations = validate_variants(
        table,
        pathology,
        seed=seed,
        bootstrap_repeats=bootstrap_repeats,
        progress=part_of(progress, 0, 0.7),
        cancel=cancel,
    )
    fitted = {}
    for number, variant in enumerate(pathology.variants):
        start = 0.7 + 0.3 * number / len(pathology.variants)
        features = pathology.features_of(variant.name)
        fitted[variant.name] = fit_additive(
            features,
            table.select([feature.name for feature in features]),
            table.target,
            table.patients,
            seed=seed,
            draws=draws,
            progress=part_of(progress, start, start + 0.3 / len(pathology.variants)),
            cancel=cancel,
        )
    record = TrainingRecord(
        data=pathology.training_data,
        license=pathology.training_license,
        data_sha256=data_sha256,
        cases=len(table),
        positive_cases=int(table.target.sum()),
        patients=len(set(table.patients)),
        excluded_patients=tuple(sorted(excluded_patients)),
        notes=notes,
        seed=seed,
        folds=OUTER_FOLDS,
    )
    description = ModelDescription(
        format="meddeep-additive-logistic",
        format_version=2,
        software_version=__version__,
        license=f"Apache-2.0, trained on data under {pathology.training_license}",
        pathology=pathology,
        training=record,
        penalties={name: model.penalty for name, model in fitted.items()},
        draws=draws,
        validation=tuple(ScoredMethod(v.name, v.title, v.scores) for v in validations),
        weights_sha256="",
    )
    return DiagnosisModel(description, fitted), validations


def shipped_model_folder(pathology: str) -> Path:
    """Return the folder of the model that ships with the extension; raises FileNotFoundError if there is none."""
    from MedDeepDiagnosisLib.resources import resource_path

    return resource_path("models", pathology)
