"""Nested cross-validation grouped by patient: the only way to a score in this project.

Whatever is learned (means for missing values, knots, scales, the penalty) is learned from the training patients of a
fold and applied to patients whom it has never seen.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.cases import CaseTable
from MedDeepDiagnosisLib.models.additive import fit_additive, patient_folds
from MedDeepDiagnosisLib.models.metrics import Scores, score_probabilities
from MedDeepDiagnosisLib.pathology import NO_INFORMATION, Pathology
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of

LEAST_EVENTS_PER_FEATURE = 10
"""Below this many patients of the rarer outcome for each feature, a model would mostly learn chance."""

OUTER_FOLDS = 5

FitPredict = Callable[[NDArray[np.bool_], NDArray[np.bool_]], NDArray[np.float64]]
"""``fit_predict(train, test)``: fit on the rows ``train``, return the probabilities of the rows ``test``."""


@dataclass(frozen=True)
class Validation:
    """The honest scores of one way to predict, with the probabilities that they come from.

    Attributes
    ----------
    name, title:
        What was validated: a variant of the pathology, or a baseline.
    probabilities:
        (N,) out-of-fold.
    scores:
        See :class:`~MedDeepDiagnosisLib.models.metrics.Scores`.
    """

    name: str
    title: str
    probabilities: NDArray[np.float64]
    scores: Scores


def check_enough_cases(table: CaseTable, feature_count: int) -> None:
    """Refuse to learn from too little.

    Raises
    ------
    InputError
        If the rarer outcome occurs in fewer than ten patients for each feature.
    """
    patients = [len(np.unique(table.patients[table.target == outcome])) for outcome in (0, 1)]
    needed = LEAST_EVENTS_PER_FEATURE * feature_count
    if min(patients) < needed:
        msg = (
            f"the rarer outcome occurs in {min(patients)} patients, expected at least {needed} for {feature_count} "
            f"features ({LEAST_EVENTS_PER_FEATURE} for each): collect more cases or describe fewer features"
        )
        raise InputError(msg)


def cross_predict(fit_predict: FitPredict, folds: NDArray[np.int64], *, progress: Progress = no_progress) -> NDArray:
    """Return (N,) probabilities, each from a fit that did not see its fold."""
    probabilities = np.full(len(folds), np.nan)
    numbers = np.unique(folds)
    for done, held_out in enumerate(numbers):
        progress(done / len(numbers), f"cross-validation, fold {done + 1} of {len(numbers)}")
        test = folds == held_out
        probabilities[test] = fit_predict(~test, test)
    return probabilities


def validate_variants(
    table: CaseTable,
    pathology: Pathology,
    *,
    seed: int,
    outer_folds: int = OUTER_FOLDS,
    bootstrap_repeats: int = 1000,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> tuple[Validation, ...]:
    """Validate every variant of a pathology and its baselines on the same folds.

    Returns
    -------
    The variants in their order, then the baselines: ``no_information`` (the rate of all cases for everyone: rates that
    differ between folds would rank cases by fold) and
    ``only_<feature>`` for each variant's baseline feature, fitted the same way.
    """
    folds = patient_folds(table.patients, outer_folds, seed=seed)
    methods: dict[str, tuple[str, tuple[str, ...]]] = {}
    for variant in pathology.variants:
        methods[variant.name] = (variant.title, tuple(f.name for f in pathology.features_of(variant.name)))
    methods[NO_INFORMATION] = ("No information: the same probability for all", ())
    for variant in pathology.variants:
        feature = pathology.feature(variant.baseline)
        methods[f"only_{feature.name}"] = (f"Only {feature.title.lower()}", (feature.name,))
    results = []
    for number, (name, (title, features)) in enumerate(methods.items()):
        part = part_of(progress, number / len(methods), (number + 1) / len(methods))
        fit_predict = _additive_fit_predict(table, pathology, features, seed=seed, cancel=cancel)
        probabilities = cross_predict(fit_predict, folds, progress=part)
        scores = score_probabilities(table.target, probabilities, table.patients, seed=seed, repeats=bootstrap_repeats)
        results.append(Validation(name, title, probabilities, scores))
    return tuple(results)


def _additive_fit_predict(
    table: CaseTable, pathology: Pathology, names: tuple[str, ...], *, seed: int, cancel: CancelToken | None
) -> FitPredict:
    if not names:
        return lambda train, test: np.full(test.sum(), table.target.mean())
    features = [pathology.feature(name) for name in names]
    values = table.select(names)

    def fit_predict(train: NDArray[np.bool_], test: NDArray[np.bool_]) -> NDArray[np.float64]:
        model = fit_additive(
            features, values[train], table.target[train], table.patients[train], seed=seed, cancel=cancel
        )
        return model.predict(values[test])

    return fit_predict
