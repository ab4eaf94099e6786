"""Lines of zero between pixels."""

import numpy as np
import pytest

from MedDeepRegSegLib.segmentation.marching_squares import zero_lines


def test_a_disk_has_one_closed_line_of_its_area():
    rows, columns = np.indices((40, 50))
    (line,) = zero_lines(12.3 - np.hypot(rows - 19.2, columns - 24.7))
    assert line.closed
    np.testing.assert_allclose(np.hypot(*(line.points - [19.2, 24.7]).T), 12.3, atol=0.02)
    assert line.signed_area == pytest.approx(np.pi * 12.3**2, rel=2e-3)


def test_a_hole_turns_the_other_way_and_open_lines_end_at_the_border():
    rows, columns = np.indices((40, 50))
    (hole,) = zero_lines(np.hypot(rows - 20, columns - 25) - 8)
    assert hole.signed_area == pytest.approx(-np.pi * 64, rel=5e-3)
    (line,) = zero_lines(columns - 10.5)
    assert not line.closed
    np.testing.assert_allclose(line.points[:, 1], 10.5)
    assert sorted(line.points[[0, -1], 0].tolist()) == [0, 39]


@pytest.mark.parametrize(("middle", "count"), [(1.5, 1), (0.5, 2)])
def test_diagonal_pixels_are_joined_where_the_mean_is_above_zero(middle, count):
    values = np.full((4, 4), -1.0)
    values[1, 1] = values[2, 2] = middle
    assert len(zero_lines(values)) == count


def test_every_line_of_noise_is_closed_or_ends_at_the_border():
    values = np.random.default_rng(0).normal(size=(30, 35))
    for line in zero_lines(values):
        steps = np.abs(np.diff(line.points, axis=0)).max(axis=1)
        assert (steps <= 1).all()
        if not line.closed:
            for row, column in line.points[[0, -1]]:
                assert row in (0, 29) or column in (0, 34)
    assert zero_lines(np.ones((1, 5))) == []
