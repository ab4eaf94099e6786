"""Windows: where the network looks, and how finely."""

import numpy as np
import pytest
import torch

from MedDeepRegSegLib.segmentation.growing_window import Window, first_window, is_cut, resized, window_around
from MedDeepRegSegLib.segmentation.growing_zoom import opening

WINDOW = Window((slice(10, 30), slice(0, 40), slice(5, 25)), (40, 40, 10))


def test_places_go_there_and_back():
    for voxel in [(10, 0, 5), (29, 39, 24), (17, 22, 13)]:
        working = WINDOW.to_working(np.array(voxel))
        back = WINDOW.to_image(np.array(working))
        assert np.abs(back - voxel).max() <= 1
    assert WINDOW.to_working(np.array((0, 99, 99))) == (0, 39, 9)


def test_a_ramp_stays_where_it_is():
    grid = np.indices((40, 40, 40)).astype(np.float32)
    for axis in range(3):
        working = WINDOW.read(grid[axis])
        place = WINDOW.to_image(np.array((20, 20, 5)))
        assert working[20, 20, 5] == pytest.approx(place[axis], abs=1.0)
    values = WINDOW.write(WINDOW.read(grid[1]))
    assert values.shape == (20, 40, 20)
    assert np.abs(values - grid[1][WINDOW.block]).max() < 0.01


def test_a_block_in_voxels_of_the_image():
    assert WINDOW.in_image((1.0, 2.0, 4.0)) == Window(WINDOW.block, WINDOW.shape)
    assert WINDOW.steps((1.0, 2.0, 4.0)) == pytest.approx((0.5, 2.0, 8.0))
    large = Window((slice(0, 30), slice(0, 900), slice(0, 900)), (30, 170, 170)).in_image((5.0, 0.5, 0.5))
    assert large.shape == (30, 900, 900)
    assert large.size[0] == 30  # thick slices stay
    assert large.size[1] == large.size[2]
    assert np.prod(large.size) == pytest.approx(160**3, rel=0.05)


def test_noise_is_averaged_where_the_window_is_coarser():
    noise = torch.randn(32, 32, 32, generator=torch.Generator().manual_seed(0))
    assert resized(noise, (8, 8, 8)).std() < 0.2
    assert resized(noise, (32, 32, 32)).equal(noise)


def test_a_first_look_is_wide_and_within_the_image():
    shape = (40, 300, 300)
    window = first_window(np.array((20, 5, 290)), shape, (5.0, 0.7, 0.7))
    assert window.block[0] == slice(8, 33) or window.shape[0] * 5 >= 110
    assert window.block[1].start == 0
    assert window.block[2].stop == 300
    assert np.prod(window.size) <= 1.05 * 96**3


def test_small_objects_are_looked_at_in_twice_the_resolution():
    shape, spacing = (100, 100, 100), (2.0, 2.0, 2.0)
    small = window_around(np.full(3, 45.0), np.full(3, 55.0), shape, spacing, margin=0.3)
    large = window_around(np.full(3, 20.0), np.full(3, 70.0), shape, spacing, margin=0.3)
    assert small.size[0] == pytest.approx(2 * small.shape[0], abs=1)
    assert large.size[0] <= large.shape[0]
    huge = window_around(np.zeros(3), np.full(3, 399.0), (400, 400, 400), (1.0, 1.0, 1.0), margin=0.3)
    assert np.prod(huge.size) <= 1.05 * 96**3


def test_thin_objects_get_room():
    window = window_around(np.array((50.0, 50, 20)), np.array((50.0, 50, 80)), (100, 100, 100), (1.0,) * 3, margin=0.3)
    assert min(window.shape) > 30


def test_what_goes_on_beyond_is_cut():
    shape = (60, 60, 60)
    window = Window((slice(0, 30), slice(10, 40), slice(10, 40)), (30, 30, 30))
    mask = np.zeros((30, 30, 30), bool)
    mask[:20, 5:20, 5:20] = True
    assert not is_cut(window, mask, shape)  # it ends at the image's own border
    mask[:, 5:20, 5:20] = True
    assert is_cut(window, mask, shape)
    assert window.holds(np.array([(0, 20, 20)]), shape)
    assert not window.holds(np.array([(29, 20, 20)]), shape)
    assert window.holds(np.array([(29, 20, 20)]), (30, 60, 60))


def test_the_last_slices_are_looked_at_as_the_first_ones():
    shape, spacing = (60, 256, 256), (5.0, 1.0, 1.0)
    sizes = []
    for click in [(0, 128, 128), (59, 128, 128)]:
        voxels = np.array([click])
        window = opening(voxels, shape, spacing, before=None, box=None, previous=None)
        assert window.holds(voxels, shape)
        assert opening(voxels, shape, spacing, before=window, box=None, previous=None) is window
        sizes.append(window.shape)
    assert np.abs(np.subtract(*sizes)).max() <= 1
