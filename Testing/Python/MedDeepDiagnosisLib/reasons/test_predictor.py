"""How predictors are asked."""

import numpy as np
import pytest

from MedDeepDiagnosisLib.reasons.predictor import as_groups, ask, check_row, membership, on_log_odds, thinned
from MedDeepRegSegLib.errors import Canceled
from MedDeepRegSegLib.jobs.progress import CancelToken


def test_blocks_give_the_same_as_one_call(linear_predictor, cases):
    values = cases(9001, 4)
    seen = []

    def predict(block):
        seen.append(len(block))
        return linear_predictor(block)

    assert ask(predict, values) == pytest.approx(linear_predictor(values), abs=1e-12)
    assert max(seen) <= 4096
    assert sum(seen) == 9001
    assert ask(predict, values[:0]).shape == (0,)


@pytest.mark.parametrize("answer", [np.zeros((3, 1)), np.zeros(2), np.array([0, np.nan, 1]), np.array([0, np.inf, 1])])
def test_unusable_answers_are_refused(answer):
    with pytest.raises(ValueError, match=r"expected \(3,\) finite numbers"):
        ask(lambda _: answer, np.zeros((3, 2)))


def test_cancel_before_the_next_block(linear_predictor, cases):
    token = CancelToken()
    calls = []

    def predict(block):
        calls.append(len(block))
        token.cancel()
        return linear_predictor(block)

    with pytest.raises(Canceled):
        ask(predict, cases(9001, 4), token)
    assert len(calls) == 1


def test_log_odds_of_probabilities():
    odds = on_log_odds(lambda values: 1 / (1 + np.exp(-values[:, 0])))
    assert odds(np.array([[-3.0], [0.0], [2.5]])) == pytest.approx([-3, 0, 2.5])


@pytest.mark.parametrize("groups", [[[0, 1]], [[0, 1], [1, 2]], [[0], [1, 2], []], [[0, 1, 2, 3]]])
def test_groups_hold_each_column_once(groups):
    with pytest.raises(ValueError, match="each of the 3 columns in exactly one group"):
        as_groups(groups, 3)


def test_groups_and_their_columns():
    assert as_groups(None, 3) == ((0,), (1,), (2,))
    groups = as_groups([[2, 0], [1]], 3)
    assert membership(groups, 3).tolist() == [0, 1, 0]


def test_shapes_that_do_not_fit():
    for row, background in ((np.zeros(3), np.zeros((4, 2))), (np.zeros((1, 3)), np.zeros((4, 3)))):
        with pytest.raises(ValueError, match="at least one row"):
            check_row(row, background)
    with pytest.raises(ValueError, match="at least one row"):
        check_row(np.zeros(3), np.zeros((0, 3)))


def test_thinning_is_reproducible_and_takes_rows_once():
    rows = np.arange(100.0)[:, None]
    chosen = thinned(rows, 20, seed=1)
    assert len(np.unique(chosen)) == 20
    assert np.array_equal(chosen, thinned(rows, 20, seed=1))
    assert not np.array_equal(chosen, thinned(rows, 20, seed=2))
    assert thinned(rows, 100, seed=1) is rows
