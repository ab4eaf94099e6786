"""Validate and fit all models of a pathology on one table."""

from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.cases import CaseTable
from MedDeepDiagnosisLib.learning.bands import probability_band
from MedDeepDiagnosisLib.learning.conformal import fit_intervals, fit_sets, held_out_intervals, held_out_sets, holds
from MedDeepDiagnosisLib.learning.fairness import GroupScores, score_groups
from MedDeepDiagnosisLib.learning.learners import ADDITIVE, check_names, members_of_mean
from MedDeepDiagnosisLib.learning.predictors import CalibratedPredictor, additive_of
from MedDeepDiagnosisLib.learning.sample import sample_of, task_of
from MedDeepDiagnosisLib.learning.selecting import fit_predictor
from MedDeepDiagnosisLib.models.additive import one_blas_thread, with_draws
from MedDeepDiagnosisLib.models.encoding import usual_range
from MedDeepDiagnosisLib.models.fitted import FittedVariant, VariantRecord
from MedDeepDiagnosisLib.models.known_cases import MOST_KNOWN, known_cases
from MedDeepDiagnosisLib.models.model_folder import DiagnosisModel, ModelDescription, ScoredMethod, TrainingRecord
from MedDeepDiagnosisLib.models.relied_on import FeatureImportance, relied_on
from MedDeepDiagnosisLib.models.validation import (
    OUTER_FOLDS,
    Validation,
    check_enough_cases,
    outer_folds,
    validate_variants,
)
from MedDeepDiagnosisLib.pathology import Pathology
from MedDeepRegSegLib import __version__
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of
from MedDeepRegSegLib.wording import folded_name

DEFAULT_LEARNERS = (ADDITIVE,)
"""What is fitted where nothing else is said."""

BACKGROUND_CASES = 64
"""Training cases whose values (without names) are kept with a model whose reasons are not exact."""

DRAWS = 100
"""Refits on resampled patients that are kept for the interval of a prediction."""


def fit_model(
    table: CaseTable,
    pathology: Pathology,
    *,
    data_sha256: str,
    learners: Sequence[str] = DEFAULT_LEARNERS,
    seed: int = 0,
    excluded_patients: tuple[str, ...] = (),
    notes: tuple[str, ...] = (),
    keep_cases: bool = True,
    draws: int = DRAWS,
    bootstrap_repeats: int = 1000,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> tuple[DiagnosisModel, tuple[Validation, ...]]:
    """Score every variant by nested, patient-grouped cross-validation, then fit it on all rows.

    Parameters
    ----------
    pathology:
        Its first target is predicted; see :meth:`~MedDeepDiagnosisLib.pathology.Pathology.for_target`.
    data_sha256, excluded_patients, notes:
        For the record; see :class:`~MedDeepDiagnosisLib.models.model_folder.TrainingRecord`.
    learners:
        Names. All are validated; the first one is what the model predicts with. To choose the best of several scores
        would flatter, so the order is the choice.
    keep_cases:
        Whether cases are kept with the model, without names, see :mod:`~MedDeepDiagnosisLib.models.known_cases`.
    seed:
        Of the folds and the resampling. The same seed gives the same model.

    Returns
    -------
    The model, with the hash of its weights still empty (writing sets it), and the validations with their
    out-of-fold predictions.

    Raises
    ------
    InputError
        If there are too few cases for the number of features, a learner is unknown, or it keeps cases and none are to
        be kept.
    MissingPackageError
        If a learner needs a package that is not installed.
    Canceled
        If ``cancel`` was set.
    """
    pathology = pathology.for_target(pathology.target.name)
    names = tuple(dict.fromkeys(learners))
    check_names(names)
    if not keep_cases and (names[0] != ADDITIVE or pathology.target.kind == "ordinal"):
        msg = (
            f"the model {names[0]} of this outcome keeps values of cases to work or to give reasons, and none are to be kept: "
            "choose the additive model of an outcome that is no step of a scale, or keep cases"
        )
        raise InputError(msg)
    for variant in pathology.variants:
        # What no case has is nothing to learn from, and costs no cases.
        values = table.select([feature.name for feature in pathology.features_of(variant.name)])
        check_enough_cases(table, int((~np.isnan(values)).any(axis=0).sum()), pathology.target.kind)
    validations = validate_variants(
        table,
        pathology,
        learners=names,
        seed=seed,
        bootstrap_repeats=bootstrap_repeats,
        progress=part_of(progress, 0, 0.6),
        cancel=cancel,
    )
    importance: list[FeatureImportance] = []
    each = 0.1 / len(pathology.variants)
    for number, variant in enumerate(pathology.variants):
        validated = next(v for v in validations if v.name == variant.name)
        features = pathology.features_of(variant.name)
        part = part_of(progress, 0.6 + each * number, 0.6 + each * (number + 1))
        importance += relied_on(validated, table, features, seed=seed, progress=part, cancel=cancel)
    fitted = {}
    for number, variant in enumerate(pathology.variants):
        start = 0.7 + 0.3 * number / len(pathology.variants)
        out_of_fold = next(v.probabilities for v in validations if v.name == variant.name)
        fitted[variant.name] = _fit_variant(
            table,
            pathology,
            variant.name,
            names,
            out_of_fold,
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
        positive_cases=int(table.target.sum()) if pathology.target.kind == "binary" else 0,
        patients=len(set(table.patients)),
        excluded_patients=tuple(sorted(excluded_patients)),
        notes=notes,
        seed=seed,
        folds=OUTER_FOLDS,
        known_cases=min(len(table), MOST_KNOWN) if keep_cases else 0,
    )
    description = ModelDescription(
        format="meddeep-diagnosis",
        format_version=4,
        software_version=__version__,
        license=f"Apache-2.0, trained on data under {pathology.training_license}",
        pathology=pathology,
        training=record,
        variants=tuple(model.record for model in fitted.values()),
        draws=draws if names[0] == ADDITIVE and pathology.target.kind == "binary" else 0,
        validation=tuple(ScoredMethod(v.name, v.title, v.binary, v.numbers, v.coverage) for v in validations),
        fairness=_fairness(table, pathology, validations, seed=seed),
        importance=tuple(importance),
        weights_sha256="",
    )
    known = known_cases(table, seed=seed) if keep_cases else None
    return DiagnosisModel(description, fitted, known), validations


def _fit_variant(
    table: CaseTable,
    pathology: Pathology,
    variant: str,
    learners: tuple[str, ...],
    out_of_fold: NDArray[np.float64],
    *,
    seed: int,
    draws: int,
    progress: Progress,
    cancel: CancelToken | None,
) -> FittedVariant:
    features, target = pathology.features_of(variant), pathology.target
    values = table.learning_values([feature.name for feature in features])
    sample = sample_of(features, values, table.target, table.patients)
    progress(0.0, f"fitting {variant}")
    predictor = fit_predictor(
        learners[0], sample, task_of(target), members=members_of_mean(learners), seed=seed, cancel=cancel
    )
    additive = additive_of(predictor)
    # The interval of a number is conformal: only probabilities take theirs from refits.
    if additive is not None and isinstance(predictor, CalibratedPredictor) and target.kind == "binary":
        with one_blas_thread():
            drawn = with_draws(
                additive,
                sample.table,
                sample.target,
                sample.patients,
                seed=seed,
                draws=draws,
                progress=progress,
                cancel=cancel,
            )
        predictor = replace(predictor, scorer=drawn)
    binary = target.kind == "binary"
    record = VariantRecord(
        name=variant,
        predictor=predictor.record,
        lesion_features=sample.lesion.shape[1],
        sets=fit_sets(sample.target, out_of_fold) if binary else None,
        intervals=None
        if binary
        else fit_intervals(sample.target, out_of_fold, lowest=target.lowest, highest=target.highest),
    )
    band = probability_band(sample.target, out_of_fold, sample.patients, seed=seed) if binary else np.empty((0, 3))
    return FittedVariant(
        record=record,
        features=features,
        target=target,
        predictor=predictor,
        usual=usual_range(features, sample.table),
        band=band,
        background=np.empty((0, len(features))) if additive is not None else _background(sample.table, seed),
    )


def _background(values: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    chosen = np.random.default_rng(seed).permutation(len(values))[:BACKGROUND_CASES]
    return values[np.sort(chosen)]


def _fairness(
    table: CaseTable,
    pathology: Pathology,
    validations: tuple[Validation, ...],
    *,
    seed: int,
) -> tuple[GroupScores, ...]:
    widest = max(pathology.variants, key=lambda variant: len(pathology.features_of(variant.name))).name
    predicted = next(v.probabilities for v in validations if v.name == widest)
    folds, target = outer_folds(table, seed=seed), pathology.target
    if target.kind == "binary":
        covered = holds(held_out_sets(table.target, predicted, folds), table.target)
    else:
        bounds = held_out_intervals(table.target, predicted, folds, lowest=target.lowest, highest=target.highest)
        covered = (bounds[:, 0] <= table.target) & (table.target <= bounds[:, 1])
    return score_groups(
        pathology.features,
        table.values,
        table.target,
        predicted,
        table.patients,
        binary=target.kind == "binary",
        covered=covered,
        seed=seed,
    )


def shipped_models() -> tuple[str, ...]:
    """Return the names of the models that ship with the extension."""
    from MedDeepDiagnosisLib.resources import resource_path

    return tuple(sorted(folder.name for folder in resource_path("models").iterdir() if folder.is_dir()))


def shipped_model_folder(pathology: str) -> Path:
    """Return the folder of the model that ships with the extension; raises FileNotFoundError if there is none."""
    from MedDeepDiagnosisLib.resources import resource_path

    return resource_path("models", pathology)


def find_shipped(name: str, label: str) -> Path:
    """Return the folder of the model that ships under a name.

    Parameters
    ----------
    name:
        What a person wrote where a model folder is asked for.
    label:
        What the message calls the place where it was written.

    Raises
    ------
    InputError
        If there is none; the message lists those that there are.
    """
    ships = shipped_models()
    if name in ships:
        return shipped_model_folder(name)
    close = get_close_matches(folded_name(name), ships, n=1)
    meant = f" (did you mean {close[0]}?)" if close else ""
    msg = f"{label}: {name} does not exist{meant}: give a model folder, or a model that ships: {', '.join(ships)}"
    raise InputError(msg)
