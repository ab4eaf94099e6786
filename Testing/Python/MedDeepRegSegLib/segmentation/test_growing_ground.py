"""Where an object may grow, and what is kept of an answer."""

from dataclasses import replace

import numpy as np
import pytest

from MedDeepRegSegLib.segmentation.growing_ground import Ground
from MedDeepRegSegLib.segmentation.growing_view import Prompt
from MedDeepRegSegLib.segmentation.growing_window import Window

SHAPE = (12, 14, 16)
WHOLE = Window((slice(0, 12), slice(0, 14), slice(0, 16)), SHAPE)
INSIDE = Prompt((6, 7, 8), True)


def part(*slices):
    mask = np.zeros(SHAPE, bool)
    mask[slices] = True
    return mask


@pytest.fixture
def ground():
    return Ground(np.zeros(SHAPE, np.float32), (2.0, 1.0, 1.0), reach_mm=100.0)


def test_all_limits_hold_together(ground):
    limited = replace(
        ground,
        allowed=part(slice(2, 12)),
        taken=part(slice(None), slice(0, 3)),
        box=(slice(0, 10), slice(0, 14), slice(4, 16)),
    )
    expected = part(slice(2, 10), slice(3, 14), slice(4, 16))
    assert np.array_equal(limited.free(WHOLE.block, [INSIDE]), expected)
    block = (slice(5, 12), slice(1, 9), slice(3, 11))
    assert np.array_equal(limited.free(block, [INSIDE]), expected[block])


def test_the_reach_is_in_mm_from_the_points_inside(ground):
    free = replace(ground, reach_mm=4.0).free(WHOLE.block, [INSIDE, Prompt((0, 0, 0), False)])
    assert np.array_equal(free, part(slice(4, 9), slice(3, 12), slice(4, 13)))


def test_a_mask_keeps_to_the_limits_to_the_seeds_and_to_what_is_connected(ground):
    torch = pytest.importorskip("torch")
    chance = torch.zeros(SHAPE)
    chance[4:8, 4:10, 4:12] = 1
    chance[10:, 12:, 14:] = 1  # another part
    prompts = [INSIDE, Prompt((5, 5, 5), False), Prompt((1, 1, 1), True)]
    mask = replace(ground, taken=part(7)).mask(WHOLE, chance, prompts)
    expected = part(slice(4, 7), slice(4, 10), slice(4, 12))
    expected[5, 5, 5] = False
    expected[1, 1, 1] = True
    assert np.array_equal(mask, expected)
    within = torch.from_numpy(part(slice(None), slice(None), slice(0, 10)))
    assert not replace(ground, taken=part(7)).mask(WHOLE, chance, prompts, within=within)[:, :, 10:].any()


def test_a_mask_in_a_part_of_the_image_has_its_seeds_there(ground):
    torch = pytest.importorskip("torch")
    window = Window((slice(4, 10), slice(3, 11), slice(2, 12)), (6, 8, 10))
    chance = torch.zeros(window.size)
    chance[1:4, 2:6, 3:8] = 1
    prompts = [INSIDE, Prompt((6, 6, 6), False), Prompt((0, 0, 0), True)]  # the last one is out of the window
    expected = np.zeros(window.size, bool)
    expected[1:4, 2:6, 3:8] = True
    expected[2, 3, 4] = False
    assert np.array_equal(ground.mask(window, chance, prompts), expected)


def test_what_only_a_point_outside_connects_is_left_out(ground):
    torch = pytest.importorskip("torch")
    chance = torch.zeros(SHAPE)
    chance[5:8, 5:9, 7:10] = 1
    chance[6, 7, 10] = 1  # a bridge
    chance[5:8, 5:9, 11:14] = 1
    assert ground.mask(WHOLE, chance, [INSIDE])[6, 7, 12]
    mask = ground.mask(WHOLE, chance, [INSIDE, Prompt((6, 7, 10), False)])
    assert np.array_equal(mask, part(slice(5, 8), slice(5, 9), slice(7, 10)))


def test_what_was_there_before_stays_but_for_parts_that_were_clicked_away(ground):
    previous = part(slice(0, 3), slice(0, 3), slice(0, 3)) | part(slice(8, 11), slice(8, 11), slice(8, 11))
    going_on = replace(ground, previous=previous)
    window = Window((slice(5, 12), slice(4, 14), slice(4, 16)), (7, 10, 12))
    grown = np.zeros(window.size, bool)
    grown[0:2, 2:4, 3:5] = True
    whole = going_on.whole(window, grown, [INSIDE, Prompt((1, 1, 1), False)])
    assert np.array_equal(
        whole, part(slice(8, 11), slice(8, 11), slice(8, 11)) | part(slice(5, 7), slice(6, 8), slice(7, 9))
    )
    assert np.array_equal(ground.whole(window, grown, [INSIDE]), part(slice(5, 7), slice(6, 8), slice(7, 9)))


def test_the_innermost_places_of_what_was_there_are_seeds_unless_they_are_clicked(ground):
    previous = part(slice(1, 4), slice(1, 4), slice(1, 4)) | part(slice(6, 11), slice(6, 11), slice(6, 11))
    going_on = replace(ground, spacing=(1.0, 1.0, 1.0), previous=previous)
    # First, so that values are told apart by them, and the clicks are the latest.
    assert going_on.with_inner([INSIDE]) == (Prompt((8, 8, 8), True), Prompt((2, 2, 2), True), INSIDE)
    clicked = Prompt((8, 8, 8), False)
    assert going_on.with_inner([clicked]) == (Prompt((2, 2, 2), True), clicked)
    assert ground.with_inner([INSIDE]) == (INSIDE,)
    assert np.array_equal(going_on.start, previous)
    assert not ground.start.any()


def test_no_point_is_suggested_where_a_click_would_be_refused(ground):
    pytest.importorskip("torch")
    coarse = Window(WHOLE.block, (4, 7, 8))  # layers of three voxels
    chance = np.full(coarse.size, 0.5, np.float32)
    assert ground.where_free(chance, coarse, [INSIDE]) is chance
    kept = replace(ground, taken=part(slice(0, 4))).where_free(chance, coarse, [INSIDE])
    assert not kept[:2].any(), "a third of the second layer is taken"
    assert (kept[2:] == 0.5).all()
