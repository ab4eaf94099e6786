"""Shapes have true distances, noise has true derivatives, and the warp is inverted exactly."""

import numpy as np
import pytest

from MedDeepRegSegLib.volumes.phantom_canvas import Canvas, SmoothNoise, Tissue, capsule, ellipsoid, tube, union

PAINT = Tissue(3, "paint", 100, 200)


def at(shape, *point):
    return float(shape(*[np.array([c], float) for c in point])[0])


def test_distances():
    ball = ellipsoid((1, 2, 3), (5, 5, 5))
    assert at(ball, 1, 2, 3 + 8) == pytest.approx(3)
    assert at(ball, 1, 2 + 4, 3) == pytest.approx(-1)
    egg = ellipsoid((0, 0, 0), (10, 20, 30))
    for surface in ((10, 0, 0), (0, -20, 0), (0, 0, 30)):
        assert at(egg, *surface) == pytest.approx(0, abs=1e-9)
    rod = capsule((0, 0, 0), (10, 0, 0), 2, 1)
    assert at(rod, -5, 0, 0) == pytest.approx(3)
    assert at(rod, 10, 4, 0) == pytest.approx(3)
    assert at(rod, 5, 4, 0) == pytest.approx(2.5)
    assert at(union(ball, rod), 10, 4, 0) == pytest.approx(3)
    assert at(tube([(0, 0, 0), (10, 0, 0), (10, 10, 0)], [1, 1, 1], 0), 10, 5, 3) == pytest.approx(2)


def test_single_precision_stays_single_precision():
    grid = np.zeros((2, 2, 2), np.float32)
    assert tube([(0.0, 0, 0), (1, 2, 3)], [1, 2])(grid, grid, grid).dtype == np.float32


def test_noise_on_a_grid_and_at_a_point_agree():
    noise = SmoothNoise(np.random.default_rng(0), 11.0, 3.0)
    axes = [np.array([-3.0, 40.2, 99.0]), np.array([7.5, -20.0]), np.array([0.1, 5.0, -77.0, 12.0])]
    grid = noise.on_grid(axes)
    assert grid.shape == (4, 2, 3)
    assert grid[2, 1, 0] == pytest.approx(noise.at(np.array([-3.0, -20.0, -77.0])), abs=1e-4)
    step = 1e-2
    for axis in range(3):
        low, high = [a.copy() for a in axes], [a.copy() for a in axes]
        low[axis] -= step
        high[axis] += step
        slope = (noise.on_grid(high) - noise.on_grid(low)) / (2 * step)
        np.testing.assert_allclose(noise.on_grid(axes, axis), slope, atol=2e-3)


def test_noise_has_the_deviation_asked_for():
    axes = [np.arange(-200.0, 200.0, 9.0)] * 3
    values = SmoothNoise(np.random.default_rng(1), 12.0, 2.5).on_grid(axes)
    assert values.std() == pytest.approx(2.5, rel=0.1)


def test_distance_to_sheets_grows_by_one_mm_per_mm():
    axes = [np.arange(-60.0, 60.0, 1.0)] * 3
    sheets = SmoothNoise(np.random.default_rng(2), 20.0, 1.0).sheets(axes)
    near = sheets < 2
    slope = np.sqrt(sum(g**2 for g in np.gradient(sheets)))[near]
    assert np.median(slope) == pytest.approx(1, abs=0.1)


def canvas(warp_mm=0.0, size=(40, 40, 40)):
    rng = np.random.default_rng(3)
    return Canvas(size, 1.0, (-20, -20, -20), [SmoothNoise(rng, 40, warp_mm) for _ in range(3)])


def test_paint_keeps_the_volume_and_blends_borders():
    board = canvas()
    board.paint_small(ellipsoid((0.3, 0.2, 0.1), (8, 8, 8)), PAINT, (0, 0, 0), 9)
    expected = 4 / 3 * np.pi * 8**3
    assert (board.labels == 3).sum() == pytest.approx(expected, rel=0.02)
    assert ((board.ct + 1000) / 1100).sum() == pytest.approx(expected, rel=0.02)
    assert len(np.unique(board.ct)) > 20


def test_a_part_of_the_grid_gives_the_same_as_the_whole():
    shape = ellipsoid((5, -6, 7), (7, 5, 9))
    part, whole = canvas(2.0), canvas(2.0)
    part.paint_small(shape, PAINT, (5, -6, 7), 9)
    whole.paint(whole.distance(shape), PAINT)
    np.testing.assert_array_equal(part.labels, whole.labels)
    np.testing.assert_allclose(part.ct, whole.ct, atol=1e-3)


def test_what_is_outside_the_grid_is_left_out():
    board = canvas()
    board.paint_small(ellipsoid((500, 0, 0), (7, 5, 9)), PAINT, (500, 0, 0), 9)
    assert not board.labels.any()


def test_thin_rods_become_fainter_not_thicker():
    board = canvas()
    board.paint_tube([(-10, 0.5, 0.5), (10, 0.5, 0.5)], [0.2, 0.2], PAINT)
    section = (board.ct[:, :, 20] + 1000).sum() / 1100
    assert section < 0.35
    assert section > 0.05
    assert not board.labels.any()


def test_world_points_undo_the_warp():
    board = canvas(3.0)
    target = np.array([3.0, -7.0, 9.0])
    world = np.array(board.world_point(target))
    bent = world + [noise.at(world) for noise in board.warp]
    np.testing.assert_allclose(bent, target, atol=1e-6)
    assert np.linalg.norm(world - target) > 0.5
