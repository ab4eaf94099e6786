"""Resampling keeps places, types and ranges."""

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.volumes import memory, resampling
from MedDeepRegSegLib.volumes.geometry import volume_center, volume_corners


def world_ramp(size=(20, 16, 12), spacing=(1.0, 1.5, 2.5), dtype=np.float32):
    """Image whose value is 2x + 3y - z of its place."""
    image = sitk.Image(size, sitk.sitkFloat32)
    image.SetSpacing(spacing)
    image.SetOrigin((-3.0, 4.0, 50.0))
    image.SetDirection(sitk.VersorTransform((0.0, 1.0, 1.0), 0.4).GetMatrix())
    source = sitk.PhysicalPointSource(
        sitk.sitkVectorFloat64, image.GetSize(), image.GetOrigin(), image.GetSpacing(), image.GetDirection()
    )
    values = sitk.GetArrayFromImage(source) @ [2.0, 3.0, -1.0]
    filled = sitk.GetImageFromArray(values.astype(dtype))
    filled.CopyInformation(image)
    return filled


@pytest.mark.parametrize("interpolation", ["linear", "bspline", "lanczos"])
def test_a_ramp_stays_a_ramp_on_the_isotropic_grid(interpolation):
    image = world_ramp()
    result = resampling.resample_isotropic(image, 1.2, interpolation=interpolation)
    assert result.GetSpacing() == (1.2, 1.2, 1.2)
    np.testing.assert_allclose(volume_center(result), volume_center(image), atol=1e-9)
    middle = [n // 2 for n in result.GetSize()]
    expected = np.dot([2, 3, -1], result.TransformIndexToPhysicalPoint(middle))
    assert result.GetPixel(middle) == pytest.approx(expected, abs=1e-2)


def test_isotropic_grid_covers_the_field_of_view():
    image = world_ramp()
    grid = resampling.isotropic_grid(image, 1.7)
    inverse = np.linalg.inv(np.array(image.GetDirection()).reshape(3, 3))
    ours, theirs = volume_corners(grid) @ inverse.T, volume_corners(image) @ inverse.T
    assert (ours.min(axis=0) <= theirs.min(axis=0) + 1e-9).all()
    assert (ours.max(axis=0) >= theirs.max(axis=0) - 1e-9).all()
    assert (np.ptp(ours, axis=0) - np.ptp(theirs, axis=0) < 1.7).all()


def test_whole_multiples_add_no_voxel():
    image = sitk.Image([30, 30, 30], sitk.sitkUInt8)
    image.SetSpacing((0.1, 0.1, 0.1))
    assert resampling.isotropic_grid(image, 0.3).GetSize() == (10, 10, 10)


def test_coarser_grid_does_not_alias():
    stripes = np.zeros((24, 24, 24), np.float32)
    stripes[:, :, ::2] = 100
    coarse = resampling.resample_isotropic(sitk.GetImageFromArray(stripes), 4.0)
    inner = sitk.GetArrayFromImage(coarse)[:, :, 1:-1]
    np.testing.assert_allclose(inner, 50, atol=2)


def test_labels_are_not_smoothed_and_keep_type():
    values = np.zeros((20, 20, 20), np.uint8)
    values[5:15, 5:15, 5:15] = 200
    image = sitk.GetImageFromArray(values)
    result = resampling.resample_isotropic(image, 2.0, interpolation="nearest", outside=0)
    assert set(np.unique(sitk.GetArrayFromImage(result))) == {0, 200}
    assert result.GetPixelID() == sitk.sitkUInt8


def test_transform_maps_reference_points_to_image_points():
    image = world_ramp()
    moved = resampling.resample_to(image, image, sitk.TranslationTransform(3, (1.0, 0.0, 0.0)))
    index = (10, 8, 6)
    assert moved.GetPixel(index) == pytest.approx(image.GetPixel(index) + 2, abs=1e-3)


def test_outside_is_air_for_ct_and_the_lowest_value_otherwise():
    ct = sitk.GetImageFromArray(np.array([-3024, -1000, 0, 50] * 16, np.int16).reshape(4, 4, 4))
    far = sitk.TranslationTransform(3, (100.0, 0, 0))
    assert resampling.resample_to(ct, ct, far).GetPixel(0, 0, 0) == -1000
    mr = sitk.GetImageFromArray(np.arange(12, 76, dtype=np.float32).reshape(4, 4, 4))
    assert resampling.resample_to(mr, mr, far).GetPixel(0, 0, 0) == 12
    assert resampling.resample_to(mr, mr, far, outside=-7).GetPixel(0, 0, 0) == -7


@pytest.mark.parametrize("interpolation", ["bspline", "lanczos"])
def test_sharp_interpolation_does_not_overshoot_an_edge_or_wrap_around(interpolation):
    values = np.zeros((12, 12, 12), np.uint8)
    values[:, :, 6:] = 255
    image = sitk.GetImageFromArray(values)
    result = sitk.GetArrayFromImage(
        resampling.resample_to(image, image, sitk.TranslationTransform(3, (0.4, 0, 0)), interpolation=interpolation)
    )
    assert result.dtype == np.uint8
    row = result[6, 6, :11].astype(int)
    # Without the cut, ringing below 0 would wrap to bright voxels and above 255 to dark ones.
    assert row[:5].max() < 20
    assert row[6:].min() > 235


def test_bad_requests_are_refused(monkeypatch):
    image = world_ramp()
    with pytest.raises(InputError, match="interpolation is 'cubic', expected one of linear, nearest, bspline"):
        resampling.resample_to(image, image, interpolation="cubic")
    for spacing in (0.0, -1.0, float("nan")):
        with pytest.raises(InputError, match="finite positive"):
            resampling.resample_isotropic(image, spacing)
    monkeypatch.setattr(memory, "available_memory_bytes", lambda: 2**30)
    with pytest.raises(InputError, match=r"voxels needs about .* GiB of memory"):
        resampling.resample_isotropic(image, 1e-3)
