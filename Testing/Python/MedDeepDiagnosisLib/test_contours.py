"""Filling outlines."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from MedDeepDiagnosisLib.contours import fill_outline, outline_pixels


def test_square_leaves_its_border_out():
    corners = np.array([[2, 3], [8, 3], [8, 7], [2, 7]])
    inside = fill_outline(corners, (12, 12))
    expected = np.zeros((12, 12), bool)
    expected[4:7, 3:8] = True
    assert np.array_equal(inside, expected)


def test_outline_pixels_joins_the_last_corner_to_the_first():
    pixels = {tuple(p) for p in outline_pixels(np.array([[0, 0], [3, 0], [3, 3]]))}
    assert pixels == {(0, 0), (1, 0), (2, 0), (3, 0), (3, 1), (3, 2), (3, 3), (2, 2), (1, 1)}


def test_one_and_two_pixels_have_no_interior():
    assert not fill_outline(np.array([[4, 4]]), (9, 9)).any()
    assert not fill_outline(np.array([[4, 4], [5, 4]]), (9, 9)).any()


def test_concave_outline_leaves_the_notch_out():
    outline = np.array([[0, 0], [10, 0], [10, 10], [8, 10], [8, 3], [2, 3], [2, 10], [0, 10]])
    inside = fill_outline(outline, (11, 11))
    assert not inside[6, 5], "the notch is outside"
    assert inside[6, 9]
    assert inside[6, 1]
    assert inside[2, 5]


def crossings(points, column, row):
    """Count crossings of a ray to the left, pixel by pixel: slow, and plainly right."""
    count = 0
    for (x1, y1), (x2, y2) in zip(points, np.roll(points, -1, axis=0), strict=True):
        if (y1 <= row) != (y2 <= row) and x1 + (row - y1) * (x2 - x1) / (y2 - y1) <= column:
            count += 1
    return count


@given(st.lists(st.tuples(st.integers(0, 14), st.integers(0, 14)), min_size=1, max_size=12))
def test_agrees_with_counting_crossings_pixel_by_pixel(corners):
    points = np.array(corners)
    inside = fill_outline(points, (15, 15))
    drawn = {tuple(pixel) for pixel in outline_pixels(points)}
    for row in range(15):
        for column in range(15):
            expected = (column, row) not in drawn and crossings(points, column, row) % 2 == 1
            assert inside[row, column] == expected
