"""Fit a learner: settings and calibration are chosen by patient-grouped cross-validation within the rows given."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.learning.calibration import Calibration, choose_calibration, fit_sigmoid
from MedDeepDiagnosisLib.learning.learners import LEARNERS, MEAN, Learner, check_names
from MedDeepDiagnosisLib.learning.predictors import (
    AnyPredictor,
    CalibratedPredictor,
    ConstantPredictor,
    MeanPredictor,
    OrdinalPredictor,
    PredictorRecord,
)
from MedDeepDiagnosisLib.learning.sample import Sample, Task
from MedDeepDiagnosisLib.models.additive import one_blas_thread, patient_folds
from MedDeepDiagnosisLib.models.metrics import log_loss
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken

Array = NDArray[np.float64]

INNER_FOLDS = 4

_LEAST_FOR_STEP = 10
"""A step of a scale that fewer patients reach or miss has no model of its own, only its rate."""


def fit_predictor(
    learner: str,
    sample: Sample,
    task: Task,
    *,
    members: Sequence[str] = (),
    seed: int,
    inner_folds: int = INNER_FOLDS,
    cancel: CancelToken | None = None,
) -> AnyPredictor:
    """Fit a learner or the mean of some.

    Parameters
    ----------
    learner:
        Name of one of :data:`~MedDeepDiagnosisLib.learning.learners.LEARNERS`, or ``mean``.
    members:
        Of the mean.

    Raises
    ------
    InputError
        If a name is unknown, or a mean has no members.
    MissingPackageError
        If the learner needs a package that is not installed.
    Canceled
        If ``cancel`` was set.
    """
    check_names((learner, *members))
    with one_blas_thread():
        if learner == MEAN:
            names = [name for name in members if name != MEAN]
            if not names:
                msg = "the mean has no members, expected learners to take it of: name them beside it"
                raise InputError(msg)
            return MeanPredictor(
                tuple(
                    _fit_kind(LEARNERS[name], sample, task, seed=seed, inner_folds=inner_folds, cancel=cancel)
                    for name in names
                )
            )
        return _fit_kind(LEARNERS[learner], sample, task, seed=seed, inner_folds=inner_folds, cancel=cancel)


def _fit_kind(
    learner: Learner, sample: Sample, task: Task, *, seed: int, inner_folds: int, cancel: CancelToken | None
) -> CalibratedPredictor | OrdinalPredictor:
    if task.kind != "ordinal":
        return _fit_one(learner, sample, task, seed=seed, inner_folds=inner_folds, cancel=cancel)
    steps: list[CalibratedPredictor | ConstantPredictor] = []
    for step in task.steps[1:]:
        reached = (sample.target >= step).astype(float)
        fewest = min(len(np.unique(sample.patients[reached == outcome])) for outcome in (0, 1))
        if fewest < _LEAST_FOR_STEP:
            steps.append(ConstantPredictor(float((reached.sum() + 1) / (len(reached) + 2))))
        else:
            steps.append(
                _fit_one(
                    learner, sample.with_target(reached), Task(), seed=seed, inner_folds=inner_folds, cancel=cancel
                )
            )
    return OrdinalPredictor(learner.name, task.steps, tuple(steps))


def _fit_one(
    learner: Learner, sample: Sample, task: Task, *, seed: int, inner_folds: int, cancel: CancelToken | None
) -> CalibratedPredictor:
    binary = task.kind == "binary"
    scores = _out_of_fold_scores(learner, sample, binary=binary, seed=seed, folds=inner_folds, cancel=cancel)
    losses = [_loss(learner, sample.target, row, binary=binary) for row in scores]
    best = int(np.argmin(losses))
    calibration = Calibration()
    if binary and learner.calibrated:
        calibration = choose_calibration(
            sample.target, scores[best], sample.patients, seed=seed, folds=inner_folds, log_odds=learner.log_odds
        )
    setting = learner.settings[best]
    _look(cancel)
    scorer = learner.fit(sample, setting, binary=binary, seed=seed)
    return CalibratedPredictor(PredictorRecord(learner.name, setting, calibration.method), task, scorer, calibration)


def _out_of_fold_scores(
    learner: Learner, sample: Sample, *, binary: bool, seed: int, folds: int, cancel: CancelToken | None
) -> Array:
    """Return (S, N) scores of every setting, each from a fit that did not see the patient."""
    fold = patient_folds(sample.patients, folds, seed=seed)
    scores = np.zeros((len(learner.settings), len(sample.target)))
    for number in range(folds):
        _look(cancel)
        test = fold == number
        models = learner.fit_all(sample.rows(~test), binary=binary, settings=list(learner.settings), seed=seed)
        for row, model in enumerate(models):
            scores[row, test] = model.score(sample.values[test])
    return scores


def _loss(learner: Learner, target: Array, scores: Array, *, binary: bool) -> float:
    if not binary:
        return float(np.mean((scores - target) ** 2))
    # A margin has no scale of its own: two figures, fitted to all rows, give it one.
    calibration = Calibration() if learner.log_odds else fit_sigmoid(target, scores)
    return log_loss(target, calibration.probability(scores))


def _look(cancel: CancelToken | None) -> None:
    if cancel is not None:
        cancel.raise_if_canceled()
