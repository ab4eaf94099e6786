import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from MedDeepRegSegLib.registration.neighborhood import CHANNELS, DescriptorDifference, descriptors
from MedDeepRegSegLib.registration.similarity import Samples


@pytest.fixture(scope="module")
def image():
    noise = gaussian_filter(np.random.default_rng(0).normal(size=(18, 20, 22)), 1.5)
    return ((noise - noise.min()) / np.ptp(noise)).astype(np.float32)


def difference(fixed, moving, spacing=2.0, inner=5):
    index = np.arange(fixed.size).reshape(fixed.shape)[inner:-inner, inner:-inner, inner:-inner].ravel()
    samples = Samples(np.zeros((index.size, 3)), np.zeros(index.size, int), np.ones(index.size), index)
    valid = np.ones(fixed.shape, np.float32)
    return DescriptorDifference(samples, descriptors(fixed), descriptors(moving), valid, spacing), index.size


def test_descriptors_do_not_see_inverted_or_scaled_contrast(image):
    base = descriptors(image)
    assert base.shape == (*image.shape, CHANNELS)
    assert 0 <= base.min() <= base.max() <= 1
    np.testing.assert_allclose(descriptors(1 - 0.5 * image), base, atol=1e-3)


def test_descriptors_of_a_constant_image_are_finite(image):
    assert np.isfinite(descriptors(image * 0)).all()


def test_difference_is_zero_where_images_agree_and_finds_a_shift(image):
    same, count = difference(image, 1 - image)
    assert same(np.zeros((3, count), np.float32))[0] < 1e-5
    shifted, _ = difference(image, np.roll(1 - image, 2, axis=2))  # moving content lies 2 voxels further along x
    at = {step: shifted(np.tile(np.float32([[step], [0], [0]]), count))[0] for step in (-4.0, 0.0, 4.0)}
    assert at[4.0] < 1e-5 < at[0.0] < at[-4.0] + at[0.0]


def test_gradient_is_the_derivative(image):
    metric, count = difference(image, np.roll(image, 1, axis=1))
    generator = np.random.default_rng(1)
    here = generator.normal(0, 0.5, (3, count)).astype(np.float32)
    _, slope = metric(here)
    direction = np.sign(slope)  # the largest change, far above the rounding of single precision
    step = 2e-3
    numeric = (metric(here + step * direction)[0] - metric(here - step * direction)[0]) / (2 * step)
    assert (slope * direction).sum() == pytest.approx(numeric, rel=0.02)
