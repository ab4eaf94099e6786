"""The steps of the search for a counterfactual."""

import numpy as np
import pytest

from MedDeepDiagnosisLib.reasons.counterfactual_search import Search, _as_shown
from MedDeepDiagnosisLib.reasons.nearest import learn_scales

ROW = np.array([8.0, 6.0, np.nan, 1.0, 50.0])


@pytest.fixture(scope="module")
def search(lesions):
    features, table = lesions
    return Search(
        lambda values: values[:, 0] / 100,
        ROW,
        learn_scales(features, table),
        table.values,
        threshold=0.5,
        cancel=None,
    )


def test_coordinates_are_ratios_and_go_back_to_the_last_digit(search):
    assert search.own[1] == pytest.approx(0.75)
    assert np.array_equal(search.values(search.own[None])[0], ROW, equal_nan=True)
    larger = search.own.copy()
    larger[0] = 16
    assert search.values(larger[None])[0, 1] == pytest.approx(12)
    assert [feature.name for _, feature in search.carried_by(0, larger)] == ["depth"]


def test_choices_are_values_of_known_cases(search, lesions):
    _, table = lesions
    choices = search.choices(())
    assert set(choices) == {0, 1, 3, 4}, "what is missing has none"
    assert set(choices[3]) == {2.0, 3.0}
    assert choices[0].min() >= table.values[:, 0].min()
    ratios = table.values[:, 1] / table.values[:, 0]
    assert choices[1].max() == pytest.approx(ratios.max())
    assert set(search.choices(("depth", "age"))) == {3}, "size would change the depth"


def test_extended_cases_differ_in_one_more_feature(search):
    choices = search.choices(())
    once = search.extended(search.own[None], choices)
    assert (search.changed(once).sum(axis=1) == 1).all()
    twice = search.extended(once[:1], choices)
    assert (search.changed(twice).sum(axis=1) == 2).all()
    kinds = search.changed(search.diverse(once))
    assert len(np.unique(kinds, axis=0)) == len(kinds) == 4


def test_sizes_are_those_of_the_scales(search):
    case = search.own.copy()
    case[3] = 3
    assert search.sizes(case[None])[0] == 1
    case[4] = 60
    assert search.sizes(case[None])[0] == pytest.approx(1 + 10 / search._scales.spread[4])


@pytest.mark.parametrize(
    ("value", "own", "shown"),
    [
        (12.0005, 8, (12.0, 12.1)),
        (11.87, 20, (11.9, 11.8)),
        (0.012345, 0.5, (0.0124, 0.0123)),
        (1234.5, 1000, (1234, 1235)),
        (-3.456, 0, (-3.45, -3.46)),
        (0, 1, ()),
    ],
)
def test_values_as_shown(value, own, shown):
    assert _as_shown(value, own) == shown
