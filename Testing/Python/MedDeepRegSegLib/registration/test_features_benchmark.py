"""The benchmark of features measures what it says: no error for the true field, and mixtures of the stated share."""

import sys

import numpy as np
import pytest
import SimpleITK as sitk
import torch


@pytest.fixture(scope="module")
def benchmarks(repository):
    """The folder of the benchmarks on the path."""
    sys.path.insert(0, str(repository / "Testing" / "Benchmarks"))
    yield
    sys.path.pop(0)


@pytest.fixture(scope="module")
def warped(benchmarks):
    """A small turned grid under a known deformation."""
    from features_pairs import Pair, warp

    values = np.random.default_rng(0).normal(size=(30, 34, 28)).astype(np.float32)
    image = sitk.GetImageFromArray(values)
    image.SetSpacing([3.0, 2.0, 4.0])
    image.SetDirection([-1, 0, 0, 0, -1, 0, 0, 0, 1])
    image = sitk.SmoothingRecursiveGaussian(image, 6.0)
    body = sitk.Image([42, 34, 60], sitk.sitkUInt8) + 1
    body.CopyInformation(_grid(image))
    return warp(Pair("test", "development", image, image, body), 1, 5.0)


def _grid(image):
    from MedDeepRegSegLib.volumes.resampling import isotropic_grid

    return isotropic_grid(image, 2.0)


def test_the_true_field_has_no_error_and_none_has_that_of_the_deformation(warped):
    from features_registration import errors

    from MedDeepRegSegLib.registration.feature_grids import sample, voxels

    shape = tuple((size + 1) // 2 for size in warped.fixed.shape)
    assert errors(warped, torch.zeros(3, *shape)).mean().item() == pytest.approx(5.0, abs=0.3)
    home = voxels(warped.fixed.shape)
    known, back = torch.from_numpy(warped.truth)[None], torch.zeros_like(home)
    for _ in range(30):
        back = -sample(known, home + back)
    field = sample(back, voxels(shape) * 2 + 0.5)[0] / 2
    assert errors(warped, field).median().item() < 0.15


def test_the_deformed_image_shows_what_the_truth_says(warped):
    from MedDeepRegSegLib.registration.feature_grids import sample, voxels

    home = voxels(warped.fixed.shape)
    again = sample(torch.from_numpy(warped.fixed)[None, None], home + torch.from_numpy(warped.truth)[None])[
        0, 0
    ].numpy()
    inner = tuple(slice(8, -8) for _ in range(3))
    assert np.corrcoef(again[inner].ravel(), warped.moving[inner].ravel())[0, 1] > 0.98
    assert np.corrcoef(warped.fixed[inner].ravel(), warped.moving[inner].ravel())[0, 1] < 0.9


def test_a_mixture_has_the_stated_share_of_each(benchmarks):
    from features_sets import mixed

    a, b = (tuple(torch.rand(1, c, 4, 4, 4) for _ in range(2)) for c in (12, 16))
    fixed, moving = mixed(a, b, 0.3)
    found = (fixed - moving).square().sum(1)
    expected = 0.7 * (a[0] - a[1]).square().sum(1) + 0.3 * (b[0] - b[1]).square().sum(1)
    torch.testing.assert_close(found, expected)
