"""Nested cross-validation grouped by patient: the only way to a score in this project.

Whatever is learned (means for missing values, knots, scales, the penalty) is learned from the training patients of a
fold and applied to patients whom it has never seen.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.cases import CaseTable
from MedDeepDiagnosisLib.learning.conformal import Coverage, interval_coverage, set_coverage
from MedDeepDiagnosisLib.learning.learners import ADDITIVE, MEAN, learner_title, members_of_mean
from MedDeepDiagnosisLib.learning.sample import Task, sample_of, task_of
from MedDeepDiagnosisLib.learning.selecting import fit_predictor
from MedDeepDiagnosisLib.models.additive import patient_folds
from MedDeepDiagnosisLib.models.metrics import NumberScores, Scores, score_numbers, score_probabilities
from MedDeepDiagnosisLib.pathology import NO_INFORMATION, ONLY_CLINICAL, Feature, Pathology
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of

LEAST_EVENTS_PER_FEATURE = 10
"""Below this many patients of the rarer outcome for each feature, a model would mostly learn chance."""

OUTER_FOLDS = 5

Predict = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""``predict(values)``: from (N, F) or (N, F + D) values to (N,) predictions."""

FitPredict = Callable[[NDArray[np.bool_], NDArray[np.bool_]], NDArray[np.float64]]
"""``fit_predict(train, test)``: fit on the rows ``train``, return the probabilities of the rows ``test``."""


@dataclass(frozen=True)
class Validation:
    """The honest scores of one way to predict, with the predictions that they come from.

    Attributes
    ----------
    name, title:
        What was validated: a variant of the pathology (``variant``, or ``variant:learner`` of a further learner), or a
        baseline.
    probabilities:
        (N,) out-of-fold probabilities, or predictions of a number.
    binary, numbers:
        Scores of a binary outcome, or of a number or a step of a scale; the other is None.
    coverage:
        Of conformal sets or intervals, on patients that their thresholds have not seen.
    folds, models:
        (N,) number of the fold of each case, and the model that has not seen this fold. No models for baselines.
    """

    name: str
    title: str
    probabilities: NDArray[np.float64]
    binary: Scores | None
    numbers: NumberScores | None
    coverage: Coverage
    folds: NDArray[np.int64]
    models: Mapping[int, Predict] = field(default_factory=dict)

    @property
    def scores(self) -> Scores:
        """Scores of a binary outcome; raises ValueError if there are none."""
        if self.binary is None:
            msg = f"{self.name} predicts a number: it has no scores of probabilities"
            raise ValueError(msg)
        return self.binary


def check_enough_cases(table: CaseTable, feature_count: int, kind: str = "binary") -> None:
    """Refuse to learn from too little.

    Raises
    ------
    InputError
        If there are fewer than ten patients for each feature: of the rarer outcome if the outcome is binary, of all if
        it is a number or a step of a scale; or if that is the same in every case.
    """
    needed = LEAST_EVENTS_PER_FEATURE * feature_count
    if kind == "binary":
        patients = [len(np.unique(table.patients[table.target == outcome])) for outcome in (0, 1)]
        what = f"the rarer outcome occurs in {min(patients)} patients"
    else:
        patients = [len(np.unique(table.patients))]
        what = f"the table has {patients[0]} patients"
    if min(patients) < needed:
        msg = (
            f"{what}, expected at least {needed} for {feature_count} "
            f"features ({LEAST_EVENTS_PER_FEATURE} for each): collect more cases or describe fewer features"
        )
        raise InputError(msg)
    if np.ptp(table.target) == 0:
        msg = f"the outcome is {table.target[0]:g} in every case, expected some that differ: there is nothing to learn"
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


def outer_folds(table: CaseTable, *, seed: int, count: int = OUTER_FOLDS) -> NDArray[np.int64]:
    """Return (N,) fold numbers of the validation; rows of a patient share one."""
    return patient_folds(table.patients, count, seed=seed)


def validate_variants(
    table: CaseTable,
    pathology: Pathology,
    *,
    learners: Sequence[str] = (ADDITIVE,),
    seed: int,
    folds: int = OUTER_FOLDS,
    bootstrap_repeats: int = 1000,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> tuple[Validation, ...]:
    """Validate every variant of a pathology with every learner, and its baselines, on the same folds.

    Parameters
    ----------
    learners:
        Names of learners; see :func:`~MedDeepDiagnosisLib.learning.learners.members_of_mean` for those of the mean.

    Returns
    -------
    The variants in their order with the first learner, then with the other ones, then the baselines:
    ``no_information`` (the mean outcome of all cases for everyone: means that differ between folds would rank cases by
    fold), ``only_clinical`` if a variant has more than clinical features, and ``only_<feature>`` for each variant's
    baseline feature, both with the additive model.
    """
    fold = outer_folds(table, seed=seed, count=folds)
    task = task_of(pathology.target)
    jobs = _jobs(pathology, learners)
    results = []
    for number, job in enumerate(jobs):
        part = part_of(progress, number / len(jobs), (number + 1) / len(jobs))
        predictions, models = _cross_predict_job(table, job, task, fold, seed=seed, progress=part, cancel=cancel)
        for (name, title), predicted, own in zip(job.methods, predictions, models, strict=True):
            scored = _scored(name, title, table, predicted, task=task, folds=fold, seed=seed, repeats=bootstrap_repeats)
            scored = replace(scored, models={} if job.baseline else own)
            results.append((_rank(job, name, learners), scored))
    return tuple(result for _, result in sorted(results, key=lambda pair: pair[0]))


@dataclass(frozen=True)
class _Job:
    """One set of features, and the learners to validate on it; ``methods`` are their names and titles."""

    features: tuple[Feature, ...]
    learners: tuple[str, ...]
    methods: tuple[tuple[str, str], ...]
    baseline: bool


def _jobs(pathology: Pathology, learners: Sequence[str]) -> list[_Job]:
    jobs = []
    for variant in pathology.variants:
        methods = []
        for number, learner in enumerate(learners):
            name = variant.name if number == 0 else f"{variant.name}:{learner}"
            title = variant.title if len(learners) == 1 else f"{variant.title}: {learner_title(learner).lower()}"
            methods.append((name, title))
        jobs.append(_Job(pathology.features_of(variant.name), tuple(learners), tuple(methods), baseline=False))
    jobs.append(_Job((), (), ((NO_INFORMATION, "No information: the same for all"),), baseline=True))
    clinical = tuple(feature for feature in pathology.features if feature.group == "clinical")
    if clinical and any(set(pathology.features_of(v.name)) != set(clinical) for v in pathology.variants):
        jobs.append(_Job(clinical, (ADDITIVE,), ((ONLY_CLINICAL, "Only clinical features"),), baseline=True))
    for name in dict.fromkeys(variant.baseline for variant in pathology.variants):
        feature = pathology.feature(name)
        title = f"Only {feature.title.lower()}"
        jobs.append(_Job((feature,), (ADDITIVE,), ((f"only_{name}", title),), baseline=True))
    return jobs


def _rank(job: _Job, name: str, learners: Sequence[str]) -> int:
    if job.baseline:
        return len(learners)
    return [method for method, _ in job.methods].index(name)


def _cross_predict_job(
    table: CaseTable,
    job: _Job,
    task: Task,
    folds: NDArray[np.int64],
    *,
    seed: int,
    progress: Progress,
    cancel: CancelToken | None,
) -> tuple[list[NDArray[np.float64]], list[dict[int, Predict]]]:
    """Return (N,) out-of-fold predictions of each method, and its models by fold; members of a mean are fitted once."""
    if not job.features:
        return [np.full(len(table), table.target.mean())], [{}]
    sample = sample_of(
        job.features, table.learning_values([f.name for f in job.features]), table.target, table.patients
    )
    predictions = np.full((len(job.learners), len(table)), np.nan)
    models: list[dict[int, Predict]] = [{} for _ in job.learners]
    members = members_of_mean(job.learners) if MEAN in job.learners else ()
    singles = dict.fromkeys((*(name for name in job.learners if name != MEAN), *members))
    numbers = np.unique(folds)
    for done, held_out in enumerate(numbers):
        progress(done / len(numbers), f"cross-validation, fold {done + 1} of {len(numbers)}")
        test = folds == held_out
        train, shown = sample.rows(~test), sample.values[test]
        fitted = {name: fit_predictor(name, train, task, seed=seed, cancel=cancel).predict for name in singles}
        for row, name in enumerate(job.learners):
            model = _mean_of([fitted[member] for member in members]) if name == MEAN else fitted[name]
            models[row][int(held_out)] = model
            predictions[row, test] = model(shown)
    return list(predictions), models


def _mean_of(models: Sequence[Predict]) -> Predict:
    return lambda values: np.mean([predict(values) for predict in models], axis=0)


def _scored(
    name: str,
    title: str,
    table: CaseTable,
    predicted: NDArray[np.float64],
    *,
    task: Task,
    folds: NDArray[np.int64],
    seed: int,
    repeats: int,
) -> Validation:
    if task.kind == "binary":
        scores = score_probabilities(table.target, predicted, table.patients, seed=seed, repeats=repeats)
        return Validation(name, title, predicted, scores, None, set_coverage(table.target, predicted, folds), folds)
    numbers = score_numbers(table.target, predicted, table.patients, seed=seed, repeats=repeats)
    coverage = interval_coverage(table.target, predicted, folds, lowest=task.lowest, highest=task.highest)
    return Validation(name, title, predicted, None, numbers, coverage, folds)
