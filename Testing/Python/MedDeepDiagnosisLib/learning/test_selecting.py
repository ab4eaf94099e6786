"""What is chosen inside the folds."""

from dataclasses import replace

import numpy as np
import pytest

from MedDeepDiagnosisLib.learning import selecting
from MedDeepDiagnosisLib.learning.learners import LEARNERS
from MedDeepDiagnosisLib.learning.sample import Task
from MedDeepDiagnosisLib.learning.selecting import fit_predictor
from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.progress import CancelToken


class Fixed:
    """Says the same score for every case."""

    def __init__(self, score):
        self.value = score

    def score(self, values):
        return np.full(len(values), self.value)

    def arrays(self):
        return {}


def test_the_setting_with_the_smallest_loss_on_other_patients_is_chosen(toy_sample, monkeypatch):
    seen = []

    def fit_all(sample, *, binary, settings, seed):
        assert binary
        seen.append(set(sample.patients.tolist()))
        return [Fixed(setting["odds"]) for setting in settings]

    rate = toy_sample.target.mean()
    right = float(np.log(rate / (1 - rate)))
    settings = tuple({"odds": odds} for odds in (-3.0, right, 3.0))
    learner = replace(LEARNERS["additive"], settings=settings, fit_all=fit_all)
    monkeypatch.setitem(selecting.LEARNERS, "additive", learner)
    predictor = fit_predictor("additive", toy_sample, Task(), seed=0)
    assert predictor.record.settings == {"odds": right}
    everyone = set(toy_sample.patients.tolist())
    inner, whole = seen[:-1], seen[-1]
    assert whole == everyone
    assert len(inner) == selecting.INNER_FOLDS
    left_out = [everyone - part for part in inner]
    assert set.union(*left_out) == everyone
    assert sum(len(part) for part in left_out) == len(everyone), "no patient is left out twice"


def test_margins_are_calibrated_on_scores_of_patients_not_learned_from(toy_sample):
    pytest.importorskip("sklearn")
    predictor = fit_predictor("svm", toy_sample, Task(), seed=0)
    assert predictor.record.calibration in {"sigmoid", "isotonic"}
    predicted = predictor.predict(toy_sample.values)
    assert 0 < predicted.min() < predicted.max() < 1
    assert predicted.mean() == pytest.approx(toy_sample.target.mean(), abs=0.05)


def test_the_same_seed_gives_the_same_predictor(toy_sample):
    first, again = (fit_predictor("elastic-net", toy_sample, Task(), seed=3) for _ in range(2))
    assert first.record == again.record
    assert np.array_equal(first.predict(toy_sample.values), again.predict(toy_sample.values))


def test_unknown_names_empty_means_and_cancel(toy_sample):
    with pytest.raises(InputError, match="unknown"):
        fit_predictor("forest", toy_sample, Task(), seed=0)
    with pytest.raises(InputError, match="the mean has no members"):
        fit_predictor("mean", toy_sample, Task(), members=("mean",), seed=0)
    token = CancelToken()
    token.cancel()
    with pytest.raises(Canceled):
        fit_predictor("additive", toy_sample, Task(), seed=0, cancel=token)
