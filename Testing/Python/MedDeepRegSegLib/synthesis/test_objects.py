"""Objects of label maps, as a user might mean them."""

import numpy as np
from scipy import ndimage

from MedDeepRegSegLib.synthesis.objects import compactness, draw_object, visibility
from MedDeepRegSegLib.synthesis.randomness import Randomness


def ball(size, center, radius):
    grid = np.indices(size)
    return sum((axis - at) ** 2 for axis, at in zip(grid, center, strict=True)) <= radius**2


def test_an_object_is_one_piece_of_useful_size():
    labels = np.zeros((32, 32, 32), np.int16)
    labels[ball(labels.shape, (8, 8, 8), 5)] = 3
    labels[ball(labels.shape, (24, 24, 24), 5)] = 3
    labels[0, 0, :10] = 7  # too small
    for seed in range(6):
        mask = draw_object(labels, Randomness(seed))
        assert ndimage.label(mask)[1] == 1
        assert (labels[mask] == 3).all()


def test_a_core_is_drawn_alone_and_with_its_shell():
    labels = np.ones((40, 40, 40), np.int16)
    labels[ball(labels.shape, (20, 20, 20), 10)] = 2
    core = ball(labels.shape, (20, 20, 20), 6)
    labels[core] = 3
    sizes = {int(draw_object(labels, Randomness(seed)).sum()) for seed in range(40)}
    whole, inner = int((labels > 1).sum()), int(core.sum())
    assert {whole, inner, whole - inner} <= sizes


def test_nothing_to_draw():
    assert draw_object(np.zeros((16, 16, 16), np.int16), Randomness(0)) is None
    assert draw_object(np.ones((16, 16, 16), np.int16), Randomness(0)) is None


def test_the_same_seed_gives_the_same_object():
    labels = (np.indices((24, 24, 24)).sum(axis=0) // 9).astype(np.int16)
    one, other = (draw_object(labels, Randomness(5)) for _ in range(2))
    assert np.array_equal(one, other)


def test_visibility_and_compactness_order_what_they_should():
    mask = ball((32, 32, 32), (16, 16, 16), 8)
    noise = np.random.default_rng(0).normal(0, 1, mask.shape).astype(np.float32)
    assert visibility(noise + 5 * mask, mask) > 3
    assert visibility(noise, mask) < 0.3
    shell = mask & ~ball((32, 32, 32), (16, 16, 16), 6)
    assert compactness(mask) > 0.7
    assert compactness(shell) < 0.1


def test_an_organ_of_several_labels_is_mostly_drawn_whole():
    labels = np.ones((40, 40, 40), np.int16)
    labels[ball(labels.shape, (20, 20, 20), 10)] = 2
    core = ball(labels.shape, (20, 20, 20), 8)  # of about the size of its shell
    labels[core] = 3
    whole = int((labels > 1).sum())
    drawn = [int(draw_object(labels, Randomness(seed), ((2, 3),)).sum()) for seed in range(120)]
    assert drawn.count(whole) > 0.6 * len(drawn)
    assert {int(core.sum()), whole - int(core.sum())} <= set(drawn)
    # A part of it that is meant is what its shell holds.
    assert drawn.count(int(core.sum())) > drawn.count(whole - int(core.sum()))


def test_small_organs_are_not_drawn():
    labels = np.zeros((40, 40, 40), np.int16)
    labels[ball(labels.shape, (20, 20, 20), 10)] = 2
    labels[0, 0, :10] = 3
    for seed in range(10):
        mask = draw_object(labels, Randomness(seed), ((3,), (2,)))
        assert (labels[mask] == 2).all()


def test_an_organ_of_small_parts_is_drawn_where_no_part_could_be():
    labels = np.zeros((40, 40, 40), np.int16)
    labels[ball(labels.shape, (20, 20, 20), 4)] = 2
    labels[20:][labels[20:] == 2] = 3
    assert max(np.bincount(labels.ravel())[2:]) < 200
    drawn = [draw_object(labels, Randomness(seed), ((2, 3),)) for seed in range(10)]
    assert any(mask is not None and mask.sum() == (labels > 0).sum() for mask in drawn)
