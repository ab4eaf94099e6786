"""The simulated user."""

import numpy as np
import pytest

from MedDeepRegSegLib.synthesis.clicks import draw_box, first_click, next_click
from MedDeepRegSegLib.synthesis.randomness import Randomness


@pytest.fixture
def cube():
    truth = np.zeros((24, 24, 24), bool)
    truth[4:20, 6:18, 8:16] = True
    return truth


def test_the_first_click_lies_inside(cube):
    for seed in range(20):
        click = first_click(cube, Randomness(seed))
        assert click.positive
        assert all(cube[point] for point in click.points)


def test_strokes_occur_and_stay_in_one_slice(cube):
    strokes = [click.points for seed in range(40) if len((click := first_click(cube, Randomness(seed))).points) > 1]
    assert 4 < len(strokes) < 30
    for points in strokes:
        assert any(len({point[axis] for point in points}) == 1 for axis in range(3))


def test_the_next_click_lies_in_the_largest_error(cube):
    found = cube.copy()
    found[4:12] = False  # half of it is missing
    found[22, 22, 20:] = True  # a little is too much
    for seed in range(10):
        click = next_click(cube, found, Randomness(seed))
        assert click.positive
        assert all(cube[point] and not found[point] for point in click.points)
    found = cube.copy()
    found[:3] = True
    click = next_click(cube, found, Randomness(1))
    assert not click.positive
    assert all(not cube[point] for point in click.points)
    assert next_click(cube, cube, Randomness(0)) is None


def test_a_box_holds_nearly_all_of_the_object(cube):
    for seed in range(20):
        box = draw_box(cube, Randomness(seed))
        assert cube[box].sum() > 0.8 * cube.sum()
        assert all(0 <= part.start < part.stop <= 24 for part in box)
