import numpy as np
import pytest

from MedDeepRegSegLib.errors import Canceled
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.registration.descent import descend


def bowl(x):
    weights = np.array([1.0, 10.0, 100.0])
    return float((weights * (x - 1) ** 2).sum()) / 1000, 2 * weights * (x - 1) / 1000


def test_finds_the_minimum_and_its_curve_falls():
    seen = []
    minimum = descend(
        bowl, np.zeros(3), iterations=50, tolerance=1e-12, on_iteration=lambda step, value: seen.append((step, value))
    )
    np.testing.assert_allclose(minimum.parameters, 1, atol=1e-3)
    assert list(minimum.curve) == sorted(minimum.curve, reverse=True)
    assert minimum.curve[0] == pytest.approx(0.111)
    assert seen[-1][1] == minimum.curve[-1]


def test_stops_by_itself_when_flat():
    minimum = descend(lambda x: (1.0 + 1e-9 * float(x @ x), 2e-9 * x), np.ones(4), iterations=500, tolerance=1e-6)
    assert len(minimum.curve) < 10


def test_never_returns_worse_than_the_start():
    minimum = descend(lambda x: (float(x @ x), -2 * x), np.ones(2) * 1e-3, iterations=5)  # a wrong gradient
    assert minimum.value <= 2e-6


def test_cancel_between_evaluations():
    token = CancelToken()
    count = 0

    def objective(x):
        nonlocal count
        count += 1
        if count == 3:
            token.cancel()
        return bowl(x)

    with pytest.raises(Canceled):
        descend(objective, np.zeros(3), iterations=50, tolerance=0, cancel=token)
    assert count == 3
