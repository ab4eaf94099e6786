import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.registration.canonical import CanonicalImage, check_plausible_pair, grid_around


@pytest.fixture(scope="module")
def ct(pair):
    return CanonicalImage(pair.fixed.ct)


def test_center_and_box_are_those_of_the_body(ct, pair):
    index = np.argwhere(sitk.GetArrayFromImage(pair.fixed.labels) > 0)[:, ::-1]
    points = index * 4.0 + pair.fixed.labels.GetOrigin()
    np.testing.assert_allclose(ct.center, points.mean(axis=0), atol=2)
    np.testing.assert_allclose(ct.low, points.min(axis=0), atol=8)
    np.testing.assert_allclose(ct.high, points.max(axis=0), atol=8)


def test_air_is_zero_and_tissue_uses_the_range(ct, pair):
    level = ct.at(4.0)
    far = ~level.foreground
    assert level.values[far].mean() < 0.03
    brain = sitk.Resample(pair.fixed.labels, level.grid.image(), sitk.Transform(), sitk.sitkNearestNeighbor, 0)
    names = {name: value for value, name in pair.fixed.names.items()}
    labels = sitk.GetArrayFromImage(brain)
    inside = level.values[labels > 0]
    assert len(names) > 3
    assert inside.max() - inside.min() > 0.7


def test_the_same_place_has_the_same_value_on_every_grid_and_orientation(pair, ct):
    turned = CanonicalImage(sitk.Flip(sitk.PermuteAxes(pair.fixed.ct, [1, 2, 0]), [True, False, True]))
    np.testing.assert_allclose(turned.center, ct.center, atol=0.01)
    np.testing.assert_allclose(turned.at(4.0).values, ct.at(4.0).values, atol=0.02)


def test_a_constant_background_within_the_range_of_tissue_is_air(pair):
    # A brain-extracted CT: background 0, cerebrospinal fluid and brain around 0 to 60 HU.
    labels = sitk.GetArrayFromImage(pair.fixed.labels)
    array = np.where(labels > 0, np.clip(sitk.GetArrayFromImage(pair.fixed.ct), -5, 60), 0).astype(np.int16)
    image = sitk.GetImageFromArray(array)
    image.CopyInformation(pair.fixed.ct)
    level = CanonicalImage(image).at(4.0)
    far = ~level.foreground
    assert np.median(level.values[far]) == 0
    assert np.quantile(level.values[level.foreground], 0.1) > 0.1


def test_mask_selects_and_limits(pair):
    array = np.zeros(pair.fixed.ct.GetSize()[::-1], np.uint8)
    array[20:30, 20:40, 10:30] = 1
    mask = sitk.GetImageFromArray(array)
    mask.CopyInformation(pair.fixed.ct)
    limited = CanonicalImage(pair.fixed.ct, mask)
    expected = np.array([19.5, 29.5, 24.5]) * 4 + pair.fixed.ct.GetOrigin()
    np.testing.assert_allclose(limited.center, expected, atol=1)
    level = limited.at(4.0)
    assert level.valid[~level.foreground].mean() < 0.2


def test_bodies_of_very_different_size_are_refused(ct, pair):
    small = sitk.Image(pair.fixed.ct)
    small.SetSpacing([0.6] * 3)
    array = np.zeros(small.GetSize()[::-1], np.uint8)
    array[10:40, 10:40, 10:40] = 1
    mask = sitk.GetImageFromArray(array)
    mask.CopyInformation(small)
    with pytest.raises(InputError, match="times larger"):
        check_plausible_pair(ct, CanonicalImage(small, mask))


def test_no_body_is_refused_with_the_name_of_the_image():
    empty = sitk.GaussianSource(sitk.sitkFloat32, [12] * 3, [0.1] * 3, [6] * 3, 1.0, [1.0] * 3)
    with pytest.raises(InputError, match="moving image"):
        CanonicalImage(empty, what="moving")


def test_grid_covers_its_box():
    grid = grid_around(np.array([0.0, 0, 0]), np.array([10.0, 21, 5]), 4.0, 2.0)
    last = grid.origin + (np.array(grid.size) - 1) * 4.0
    assert (grid.origin <= -2.0).all()
    assert (last >= [12, 23, 7]).all()
