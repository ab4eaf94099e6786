"""Slices come onto an even grid at their true places."""

import numpy as np
import pytest

from MedDeepRegSegLib.errors import Canceled
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.volumes.dicom_even import even_size, put_on_even_grid
from MedDeepRegSegLib.volumes.dicom_stack import Plane, stack_planes

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def stack_of(heights, lean=0.0):
    slices = [Plane(f"{z}", (6, 5), (1.0, 2.0), (0.0, lean * z, float(z)), AXIAL) for z in heights]
    return stack_planes(slices, "image")


def test_a_tilt_of_whole_pixels_moves_rows_and_changes_no_value():
    slices = np.random.default_rng(0).integers(0, 100, (3, 5, 6), dtype=np.int16)
    stack = stack_of([0, 4, 8], lean=0.5)  # one row of 2 mm for each slice
    volume, origin, step = put_on_even_grid(slices, stack, fill=-7)
    assert volume.shape == (3, 7, 6)
    assert even_size(stack, (6, 5)) == (6, 7, 3)
    assert step == 4
    for k in range(3):
        np.testing.assert_array_equal(volume[k, k : k + 5], slices[k])
        assert (np.delete(volume[k], range(k, k + 5), axis=0) == -7).all()
    np.testing.assert_allclose(origin, (0, 0, 0))
    back, origin, _ = put_on_even_grid(slices, stack_of([0, 4, 8], lean=-0.5), fill=-7)
    np.testing.assert_allclose(origin, (0, -4, 0))
    np.testing.assert_array_equal(back[0, 2:], slices[0])


def test_between_slices_values_go_over_linearly_and_labels_do_not():
    slices = np.stack([np.full((5, 6), value, np.uint8) for value in (0, 10, 20, 60)])
    stack = stack_of([0, 2, 4, 7])
    volume, _, step = put_on_even_grid(slices, stack, fill=0)
    assert step == 7 / 4  # the usual distance of 2 mm, changed so that the last slice is met
    np.testing.assert_array_equal(volume[:, 0, 0], np.rint([0, 8.75, 17.5, 20 + 40 * 1.25 / 3, 60]))
    labels, _, _ = put_on_even_grid(slices, stack, fill=0, nearest=True)
    np.testing.assert_array_equal(labels[:, 0, 0], [0, 10, 20, 20, 60])


def test_cancel():
    token = CancelToken()
    token.cancel()
    with pytest.raises(Canceled):
        put_on_even_grid(np.zeros((3, 5, 6)), stack_of([0, 2, 5]), fill=0, cancel=token)
