import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.volumes.point_pairs import pair_points


def placed(names, shift=0.0):
    """Points whose first coordinate tells which one it is."""
    return [(name, (float(number), shift, 0.0)) for number, name in enumerate(names)]


def without(points, number):
    return [(name, None if index == number else position) for index, (name, position) in enumerate(points)]


def paired_numbers(pairs):
    assert all(f[1] == 0.0 for f in pairs.fixed)
    assert all(m[1] == 9.0 for m in pairs.moving)
    return [(int(f[0]), int(m[0])) for f, m in zip(pairs.fixed, pairs.moving, strict=True)]


def test_an_unplaced_point_does_not_shift_the_others():
    fixed, moving = placed(["", "", "", ""]), placed(["", "", "", ""], 9.0)
    pairs = pair_points(without(fixed, 0), without(moving, 3), "F", "M")
    assert paired_numbers(pairs) == [(1, 1), (2, 2)]
    assert pairs.note == "points left out, because they are not placed in both lists: number 1, number 4"
    fixed, moving = placed("abcd"), placed("wxyz", 9.0)
    pairs = pair_points(without(fixed, 1), without(moving, 1), "F", "M")
    assert paired_numbers(pairs) == [(0, 0), (2, 2), (3, 3)]
    assert pairs.note.endswith(": 'b'")


@given(st.permutations(range(6)), st.sets(st.integers(0, 5), max_size=2), st.sets(st.integers(0, 5), max_size=2))
def test_the_same_names_pair_in_any_order(order, no_fixed, no_moving):
    fixed, moving = placed("abcdef"), placed("abcdef", 9.0)
    for number in no_fixed:
        fixed = without(fixed, number)
    for number in no_moving:
        moving = without(moving, number)
    pairs = pair_points(fixed, [moving[number] for number in order], "F", "M")
    kept = [number for number in range(6) if number not in no_fixed | no_moving]
    assert paired_numbers(pairs) == [(number, number) for number in kept]
    assert bool(pairs.note) == (len(kept) < 6)


def test_repeated_names_pair_by_order():
    names = ["a", "a", "b"]
    pairs = pair_points(placed(names), placed(names, 9.0), "F", "M")
    assert paired_numbers(pairs) == [(0, 0), (1, 1), (2, 2)]
    assert pairs.note == ""


@pytest.mark.parametrize(
    ("fixed", "moving", "message"),
    [
        ("abc", "abd", "M lacks 'c'"),
        ("abc", "abd", "F lacks 'd'"),
        ("abc", "ab", r"only some names \(M lacks 'c'\)"),
        ("ab", "bca", r"only some names \(F lacks 'c'\)"),
        ("abcdefg", "g", "M lacks 'a', 'b', 'c', 'd', 'e', ..."),
        ("abc", "xy", "3 points in F and 2 in M, expected as many in both"),
        (["", ""], ["", "", ""], "2 points in F and 3 in M"),
    ],
)
def test_lists_that_do_not_match_are_refused(fixed, moving, message):
    moving = placed(moving, 9.0)
    random.Random(0).shuffle(moving)
    with pytest.raises(InputError, match=message):
        pair_points(placed(fixed), moving, "F", "M")


def test_lists_without_a_pair_are_refused():
    with pytest.raises(InputError, match="no point is placed in both F and M"):
        pair_points(without(placed("ab"), 0), without(placed("ab"), 1), "F", "M")
