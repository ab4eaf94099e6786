import numpy as np
import pytest

from MedDeepRegSegLib.registration.canonical import Grid, WorkingImage
from MedDeepRegSegLib.registration.similarity import (
    NormalizedMutualInformation,
    draw_samples,
    sampling_weights,
    trilinear,
)


def smooth_image(seed, shape=(16, 18, 20), spacing=3.0):
    from scipy.ndimage import gaussian_filter

    noise = gaussian_filter(np.random.default_rng(seed).normal(size=shape), 2)
    values = ((noise - noise.min()) / np.ptp(noise)).astype(np.float32)
    grid = Grid(np.array([10.0, -20.0, 900.0]), spacing, shape[::-1])
    return WorkingImage(grid, values, np.ones(shape, np.float32), np.ones(shape, bool))


@pytest.fixture(scope="module")
def images():
    fixed = smooth_image(0)
    # Same structure, other contrast: a function of the fixed values that no line fits.
    moving = WorkingImage(fixed.grid, np.abs(fixed.values - 0.4).astype(np.float32), fixed.valid, fixed.foreground)
    return fixed, moving


def test_trilinear_is_exact_for_a_trilinear_function_with_its_gradient():
    z, y, x = np.meshgrid(np.arange(6.0), np.arange(7.0), np.arange(8.0), indexing="ij")
    array = (2 * x - y + 0.5 * z + 0.1 * x * y * z).astype(np.float32)
    position = np.random.default_rng(0).uniform(0, 5, (3, 50))
    value, gradient, inside = trilinear(array, position)
    px, py, pz = position
    assert inside.all()
    np.testing.assert_allclose(value, 2 * px - py + 0.5 * pz + 0.1 * px * py * pz, rtol=1e-4)
    np.testing.assert_allclose(gradient[0], 2 + 0.1 * py * pz, rtol=1e-3)
    np.testing.assert_allclose(gradient[2], 0.5 + 0.1 * px * py, rtol=1e-3)
    outside = trilinear(array, np.array([[-1.0], [2.0], [2.0]]))
    assert not outside[2].any()
    assert outside[0] == 0
    alone, none, _ = trilinear(array, position, differentiate=False)
    np.testing.assert_array_equal(alone, value)
    assert none.size == 0


def test_likeness_is_largest_where_the_images_agree(images):
    fixed, moving = images
    metric = NormalizedMutualInformation(draw_samples(fixed, count=10**6, seed=0, jitter=False), moving)
    points = metric.samples.points.T
    here = metric(points, gradient=False)[0]
    for axis in range(3):
        for step in (-4.0, 4.0):
            offset = np.zeros((3, 1))
            offset[axis] = step
            assert metric(points + offset, gradient=False)[0] < here - 0.05


def test_gradient_is_the_derivative(images):
    fixed, moving = images
    samples = draw_samples(fixed, count=1500, seed=1, jitter=True)
    metric = NormalizedMutualInformation(samples, moving)
    generator = np.random.default_rng(2)
    points = samples.points.T + generator.normal(0, 1, (3, 1))
    direction = generator.normal(0, 1, points.shape)
    _, slope = metric(points)
    step = 1e-4
    plus, minus = (metric(points + sign * step * direction, gradient=False)[0] for sign in (1, -1))
    assert (slope * direction).sum() == pytest.approx((plus - minus) / (2 * step), rel=0.02)


def test_overlap_and_nothing_in_common(images):
    fixed, moving = images
    metric = NormalizedMutualInformation(draw_samples(fixed, count=10**6, seed=0, jitter=False), moving)
    metric(metric.samples.points.T + np.array([[30.0], [0], [0]]))
    assert metric.overlap == pytest.approx(0.5, abs=0.03)
    value, slope = metric(metric.samples.points.T + 1e5)
    assert (value, metric.overlap) == (1.0, 0.0)
    assert not slope.any()


def test_weight_zero_does_not_count(images):
    fixed, moving = images
    valid = fixed.valid.copy()
    valid[:, :, 10:] = 0
    limited = WorkingImage(fixed.grid, fixed.values, valid, fixed.foreground)
    samples = draw_samples(limited, count=10**6, seed=0, jitter=False)
    assert (samples.points[:, 0] < 10 + 10 * 3.0).all()
    spoiled = moving.values.copy()
    spoiled[:, :, 10:] = 0.7
    other = WorkingImage(moving.grid, spoiled, moving.valid, moving.foreground)
    results = [NormalizedMutualInformation(samples, image)(samples.points.T)[0] for image in (moving, other)]
    assert results[0] == results[1]


def test_samples_are_repeatable_and_rim_surrounds_the_foreground(images):
    fixed, _ = images
    one, again, other = (draw_samples(fixed, count=100, seed=seed, jitter=True).points for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)
    foreground = np.zeros(fixed.values.shape, bool)
    foreground[8, 8, 8] = True
    weights = sampling_weights(WorkingImage(fixed.grid, fixed.values, fixed.valid, foreground), 6.0)
    assert weights[8, 8, 10] == 1
    assert weights[8, 8, 11] == 0
