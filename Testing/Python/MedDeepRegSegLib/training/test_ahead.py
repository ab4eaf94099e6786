"""The next batch is made meanwhile, and it is the one that is asked for."""

import threading

import pytest

from MedDeepRegSegLib.training.ahead import Ahead


def test_items_are_those_of_their_index_and_made_once_each():
    made = []
    ahead = Ahead(lambda index: made.append(index) or 10 * index)
    assert [ahead(index) for index in (3, 4, 5)] == [30, 40, 50]
    ahead.close()
    assert made in ([3, 4, 5], [3, 4, 5, 6])  # the last one may not have begun


def test_any_index_may_be_asked_for():
    ahead = Ahead(lambda index: index)
    assert [ahead(index) for index in (0, 7, 2)] == [0, 7, 2]
    ahead.close()


def test_the_next_item_is_made_while_this_one_is_used():
    started = threading.Event()
    ahead = Ahead(lambda index: index == 1 and started.set())
    ahead(0)
    assert started.wait(5)
    ahead.close()


def test_errors_reach_who_asks_for_the_item():
    def make(index):
        if index == 1:
            raise KeyError(index)
        return index

    ahead = Ahead(make)
    assert ahead(0) == 0
    with pytest.raises(KeyError):
        ahead(1)
    ahead.close()
