"""Slices are ordered by their places; what is even, tilted, coarser or missing is told apart."""

import numpy as np
import pytest

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.volumes.dicom_stack import Plane, find_gaps, stack_planes

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def planes(heights, sideways=0.0):
    return [
        Plane(f"{n}.dcm", (8, 9), (0.5, 0.75), (1.0, 2.0 + sideways * height, 3.0 + height), AXIAL, n + 1)
        for n, height in enumerate(heights)
    ]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([2, 2, 2, 2], []),
        ([2, 2, 4, 2], [2]),
        ([4, 2, 2, 2], [0]),
        ([2, 2, 4, 4, 4, 2, 2, 2], [2, 3, 4]),
        ([5, 5, 5, 5, 10, 10, 10, 10], []),  # the top of a head, scanned coarser
        ([2, 2, 2, 3, 3, 3], []),
        ([1, 2], [1]),
        ([0.5, 0.5, 0.55, 0.45], []),
    ],
)
def test_gaps_are_distances_unlike_those_about_them(steps, expected):
    assert np.flatnonzero(find_gaps(np.array(steps, float))).tolist() == expected


def test_order_is_that_of_the_places():
    stack = stack_planes(planes([4.0, 0.0, 2.0]), "image")
    assert stack.order == (1, 2, 0)
    assert stack.even
    assert stack.spacing == (0.5, 0.75, 2.0)
    np.testing.assert_allclose(stack.origin, (1, 2, 3))
    np.testing.assert_allclose(stack.axes, np.eye(3))


def test_tilted_slices_keep_how_far_they_lie_beside_each_other():
    stack = stack_planes(planes([0.0, 2.0, 4.0], sideways=0.5), "image")
    assert not stack.even
    np.testing.assert_allclose(stack.sideways, [[0, 0], [0, 1], [0, 2]])
    assert stack.said == "its slices are shifted sideways as from a gantry tilt of 26.6 degrees"


def test_slices_that_jump_are_refused():
    slices = planes([0.0, 2.0, 4.0, 6.0])
    jumped = Plane("x.dcm", (8, 9), (0.5, 0.75), (1.0, 5.0, 5.0), AXIAL)
    with pytest.raises(InputError, match=r"jump sideways by up to 3\.00 mm"):
        stack_planes([slices[0], jumped, *slices[2:]], "image")


def test_slices_without_a_place_or_turned_are_refused():
    slices = planes([0.0, 2.0])
    with pytest.raises(InputError, match=r"x\.dcm does not tell its position"):
        stack_planes([*slices, Plane("x.dcm", (8, 9), (0.5, 0.75), (), AXIAL)], "image")
    turned = Plane("x.dcm", (8, 9), (0.5, 0.75), (1.0, 2.0, 7.0), (1.0, 0.0, 0.0, 0.0, 0.0, -1.0))
    with pytest.raises(InputError, match="1 of 3 DICOM slices are not parallel"):
        stack_planes([*slices, turned], "image")
    with pytest.raises(InputError, match=r"different pixel spacings \(0.5x0.75, 1x1\)"):
        stack_planes([*slices, Plane("x.dcm", (8, 9), (1.0, 1.0), (1.0, 2.0, 7.0), AXIAL)], "image")
