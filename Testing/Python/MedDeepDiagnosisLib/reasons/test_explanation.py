"""Reasons with their check."""

import numpy as np
import pytest

from MedDeepDiagnosisLib.reasons.explanation import explain
from MedDeepRegSegLib.errors import Canceled
from MedDeepRegSegLib.jobs.progress import CancelToken


@pytest.mark.parametrize(("features", "exact"), [(5, True), (8, True), (9, False), (30, False)])
def test_reasons_come_with_their_check(crossed_predictor, cases, features, exact):
    background, row = cases(400, features, 0.1), cases(1, features, seed=3)[0]
    asked = []

    def predict(values):
        asked.append(len(values))
        return crossed_predictor(values)

    found = explain(predict, row, background, seed=0)
    assert found.attribution.exact == exact
    assert found.attribution.values.sum() == pytest.approx(found.attribution.prediction - found.attribution.base)
    assert found.faithfulness.verdict == "faithful"
    assert sum(asked) < 30_000, "a prediction with reasons must take no more than a second"


def test_background_is_thinned_by_seed(crossed_predictor, cases):
    background, row = cases(400, 6), cases(1, 6, seed=3)[0]
    first, again, other = (explain(crossed_predictor, row, background, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.attribution.values, again.attribution.values)
    assert first.attribution.base != other.attribution.base
    whole = explain(crossed_predictor, row, background, seed=1, background_rows=400)
    assert whole.attribution.base == pytest.approx(crossed_predictor(background).mean())


def test_one_feature_and_groups(linear_predictor, cases):
    one = explain(linear_predictor, cases(1, 1)[0], cases(20, 1), seed=0)
    assert one.attribution.exact
    assert one.faithfulness.verdict == "not testable"
    grouped = explain(linear_predictor, cases(1, 6)[0], cases(20, 6), seed=0, groups=[[0, 1, 2], [3, 4, 5]])
    assert len(grouped.attribution.values) == 2


def test_cancel_and_progress(linear_predictor, cases):
    seen = []
    explain(linear_predictor, cases(1, 12)[0], cases(20, 12), seed=0, progress=lambda part, _: seen.append(part))
    assert seen == sorted(seen)
    token = CancelToken()
    token.cancel()
    with pytest.raises(Canceled):
        explain(linear_predictor, cases(1, 12)[0], cases(20, 12), seed=0, cancel=token)
