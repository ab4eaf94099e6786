"""From values to columns."""

from dataclasses import replace

import numpy as np
import pytest

from MedDeepDiagnosisLib.models.encoding import column_count, learn_encoding, on_scale


def test_columns_are_centered_on_the_training_mean(pathology, toy_table):
    encoding = learn_encoding(pathology.features, toy_table.values)
    columns = encoding.columns(toy_table.values)
    present = ~np.isnan(toy_table.values[:, 2])
    assert columns[:, encoding.owner == 0].mean(axis=0) == pytest.approx(0, abs=1e-9)
    assert columns[present][:, encoding.owner == 2].mean(axis=0) == pytest.approx(0, abs=1e-9)
    assert [int((encoding.owner == index).sum()) for index in range(4)] == [3, 3, 2, 2]
    assert column_count(pathology.features[0], encoding.knots[0]) == 3


def test_missing_values_pull_neither_way(pathology, toy_table):
    encoding = learn_encoding(pathology.features, toy_table.values)
    assert np.array_equal(encoding.columns(np.full((1, 4), np.nan)), np.zeros((1, 10)))


def test_spline_is_straight_outside_of_the_outer_knots(pathology, toy_table):
    encoding = learn_encoding(pathology.features[1:2], toy_table.values[:, 1:2])
    outer = encoding.knots[0][-1]
    columns = encoding.columns(outer + np.array([[0.0], [1], [2], [3]]))
    steps = np.diff(columns, axis=0)
    assert steps[0] == pytest.approx(steps[1])
    assert steps[1] == pytest.approx(steps[2])
    below = encoding.columns(encoding.knots[0][0] - np.array([[0.0], [1], [2]]))
    assert np.diff(below, axis=0)[0] == pytest.approx(np.diff(below, axis=0)[1])


def test_spline_bends_between_the_knots_without_a_jump(pathology, toy_table):
    encoding = learn_encoding(pathology.features[1:2], toy_table.values[:, 1:2])
    grid = np.linspace(encoding.knots[0][0] - 1, encoding.knots[0][-1] + 1, 2001)[:, None]
    curved = encoding.columns(grid)[:, 1]
    slope = np.diff(curved) / np.diff(grid[:, 0])
    assert np.abs(np.diff(slope)).max() < 0.01 * np.ptp(slope), "the slope is continuous"
    assert np.ptp(slope) > 0.1


def test_few_distinct_values_enter_as_a_line(pathology):
    values = np.array([[1.0], [1.0], [2.0], [1.0]])
    encoding = learn_encoding(pathology.features[1:2], values)
    assert encoding.columns(values).shape == (4, 1)


def test_constant_and_wholly_missing_features_do_no_harm(pathology):
    values = np.column_stack([np.full(6, 5.0), np.full(6, np.nan), np.full(6, 2.0), np.full(6, np.nan)])
    encoding = learn_encoding(pathology.features, values)
    columns = encoding.columns(values)
    assert np.isfinite(columns).all()
    assert np.abs(columns).max() < 1e-9


def test_relative_numbers_enter_as_their_ratio(pathology):
    size = pathology.features[0]
    length = replace(size, name="length", required=False, relative_to="size")
    generator = np.random.default_rng(0)
    sizes = np.exp(generator.normal(2, 0.5, 200))
    values = np.column_stack([sizes, sizes * np.exp(generator.normal(0.2, 0.1, 200))])
    encoding = learn_encoding((size, length), values)
    small, large = encoding.columns(np.array([[5.0, 6.0], [50, 60]]))
    assert small[encoding.owner == 1] == pytest.approx(large[encoding.owner == 1])
    assert small[0] < large[0]
    assert np.array_equal(encoding.columns(np.array([[5.0, np.nan]]))[:, encoding.owner == 1], np.zeros((1, 3)))
    ratio = values[:, 1] / values[:, 0]
    assert encoding.usual[0] == pytest.approx(np.percentile(values[:, 0], [0.5, 99.5]))
    assert encoding.usual[1] == pytest.approx(np.percentile(ratio, [0.5, 99.5])), "as it enters, not in mm"
    assert encoding.compared(values) == pytest.approx(np.column_stack([values[:, 0], ratio]))


def test_a_ratio_that_was_never_seen_is_usual_at_any_value(pathology):
    size = pathology.features[0]
    length = replace(size, name="length", required=False, relative_to="size")
    encoding = learn_encoding((size, length), np.array([[5.0, np.nan], [6.0, np.nan]]))
    assert encoding.usual[1][0] == 0
    assert encoding.usual[1][1] > 1e9


def test_usual_range_holds_99_percent(pathology, toy_table):
    encoding = learn_encoding(pathology.features, toy_table.values)
    size = toy_table.values[:, 0]
    low, high = encoding.usual[0]
    assert size.min() < low < np.median(size) < high < size.max()


def test_a_value_whose_reference_is_not_there_stays_as_it_is(pathology):
    length = replace(pathology.features[0], name="length", relative_to="size")
    values = np.array([[4.0, 8.0]])
    assert on_scale((pathology.features[0], length), values) == pytest.approx(np.log([[4.0, 2.0]]))
    assert on_scale((length,), values[:, 1:]) == pytest.approx(np.log([[8.0]]))
