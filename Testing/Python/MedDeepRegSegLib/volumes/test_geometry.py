"""Checks of grids and voxels: what is refused, and that good images pass."""

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.volumes import geometry


def ramp(size=(6, 5, 4), dtype=np.float32):
    image = sitk.GetImageFromArray(np.arange(np.prod(size), dtype=dtype).reshape(size[::-1]))
    image.SetSpacing((1.0, 2.0, 3.0))
    image.SetOrigin((10.0, -20.0, 30.0))
    return image


def rotation(axis, angle):
    transform = sitk.VersorTransform(axis, angle)
    return transform.GetMatrix()


def test_good_volumes_pass():
    geometry.check_volume(ramp())
    oblique = ramp()
    oblique.SetDirection(rotation((1.0, 2.0, 3.0), 0.7))
    geometry.check_volume(oblique)
    flipped = ramp()
    flipped.SetDirection((1, 0, 0, 0, 1, 0, 0, 0, -1))
    geometry.check_volume(flipped)


def _with_value(value):
    values = np.zeros((4, 5, 6), np.float32)
    values[1, 2, 3] = value
    return sitk.GetImageFromArray(values)


def _sheared():
    image = ramp()
    image.SetDirection((1, 0, 0, 0, 1, 0.3, 0, 0, 1))
    return image


def _infinite_origin():
    image = ramp()
    image.SetOrigin((np.nan, 0, 0))
    return image


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sitk.Image(5, 5, sitk.sitkInt16), "has 2 dimensions (5x5), expected 3"),
        (lambda: sitk.Image([5, 5, 5, 1], sitk.sitkInt16), "has 4 dimensions (5x5x5x1), expected 3"),
        (lambda: sitk.Image([5, 5, 5, 7], sitk.sitkInt16), "extract one 3-D frame"),
        (lambda: sitk.Image([5, 5, 5], sitk.sitkVectorUInt8, 3), "has 3 components per voxel, expected 1"),
        (lambda: sitk.Image([5, 5, 5], sitk.sitkVectorUInt8, 1) + 0, "same value everywhere"),
        (lambda: sitk.Image([5, 5, 5], sitk.sitkComplexFloat32), "complex voxels"),
        (lambda: sitk.Cast(sitk.Image([5, 5, 5], sitk.sitkUInt8), sitk.sitkLabelUInt8), "run-length label object"),
        (lambda: ramp((6, 5, 1)), "has 6x5x1 voxels, expected at least 2 along each axis"),
        (lambda: sitk.Image([5, 5, 5], sitk.sitkInt16), "same value everywhere (0)"),
        (lambda: _with_value(np.nan), "has 1 voxels that are not finite numbers"),
        (lambda: _with_value(-np.inf), "not finite numbers (NaN or infinite) among 120"),
        (_sheared, "axes that are not perpendicular unit vectors (off by 0.3"),
        (_infinite_origin, "expected finite numbers"),
    ],
)
def test_bad_volumes_are_refused_with_one_line(make, message):
    with pytest.raises(InputError) as caught:
        geometry.check_volume(make(), "fixed image")
    assert message in str(caught.value)
    assert str(caught.value).startswith("fixed image ")
    assert "\n" not in str(caught.value)


def test_small_shear_is_refused_and_rounding_is_not():
    image = ramp()
    image.SetDirection((1, 0, 0, 0, 1, 2e-5, 0, 0, 1))
    geometry.check_volume(image)
    image.SetDirection((1, 0, 0, 0, 1, 3e-4, 0, 0, 1))
    with pytest.raises(InputError, match="perpendicular"):
        geometry.check_volume(image)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.float32, np.float64])
def test_label_maps_of_whole_numbers_pass(dtype):
    values = np.zeros((1, 4, 5), dtype)
    values[0, 2] = 7
    geometry.check_label_map(sitk.GetImageFromArray(values))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.full((3, 3, 3), 0.5, np.float32), "fractional values"),
        (np.full((3, 3, 3), -1, np.int16), "negative values (down to -1)"),
        (np.full((3, 3, 3), np.nan, np.float32), "not finite"),
        (np.full((3, 3, 3), 1e12, np.float64), "too large"),
        (np.arange(15**3, dtype=np.int32).reshape(15, 15, 15), "3375 different values, expected at most 2000"),
        (np.zeros((3, 3, 3), np.uint8), "no label (0 everywhere)"),
    ],
)
def test_bad_label_maps_are_refused(values, message):
    with pytest.raises(InputError) as caught:
        geometry.check_label_map(sitk.GetImageFromArray(values), "segmentation", allow_empty=False)
    assert message in str(caught.value)


def test_few_large_labels_are_no_intensity_image():
    values = np.zeros((3, 3, 3), np.int32)
    values[0, 0, 0] = 100_000
    geometry.check_label_map(sitk.GetImageFromArray(values))


@settings(max_examples=40, deadline=None)
@given(
    angle=st.floats(-3, 3),
    spacing=st.tuples(*[st.floats(0.2, 5)] * 3),
    origin=st.tuples(*[st.floats(-500, 500)] * 3),
    index=st.tuples(*[st.integers(0, 3)] * 3),
)
def test_index_to_world_agrees_with_itk(angle, spacing, origin, index):
    image = ramp()
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    image.SetDirection(rotation((1.0, -1.0, 0.5), angle))
    ours = geometry.index_to_world(image) @ [*index, 1]
    np.testing.assert_allclose(ours[:3], image.TransformIndexToPhysicalPoint(index), atol=1e-9)
    middle = image.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in image.GetSize()])
    np.testing.assert_allclose(geometry.volume_center(image), middle, atol=1e-9)
    np.testing.assert_allclose(geometry.volume_corners(image).mean(axis=0), middle, atol=1e-9)


def test_same_geometry_allows_rounding_only():
    a, b = ramp(), ramp()
    b.SetOrigin((10.0001, -20, 30))
    assert geometry.same_geometry(a, b)
    geometry.check_same_geometry(a, b)
    b.SetOrigin((10.5, -20, 30))
    assert not geometry.same_geometry(a, b)
    with pytest.raises(InputError, match=r"lie up to 0.5 mm apart.*resample mask to CT"):
        geometry.check_same_geometry(a, b, "CT", "mask")
    with pytest.raises(InputError, match="mask has 7x5x4 voxels, CT has 6x5x4"):
        geometry.check_same_geometry(a, ramp((7, 5, 4)), "CT", "mask")
    assert geometry.with_geometry_of(b, a).GetOrigin() == a.GetOrigin()


def box(size, origin, spacing=1.0):
    image = sitk.Image([size] * 3, sitk.sitkUInt8)
    image.SetSpacing([spacing] * 3)
    image.SetOrigin(origin)
    return image


def test_fields_of_view_overlap_is_a_fraction_of_the_smaller_one():
    a = box(40, (0, 0, 0))
    assert geometry.fields_of_view_overlap(a, a) == pytest.approx(1)
    assert geometry.fields_of_view_overlap(a, box(40, (20, 0, 0))) == pytest.approx(0.5, abs=0.02)
    assert geometry.fields_of_view_overlap(a, box(40, (1000, 0, 0))) == 0
    small = box(4, (10, 10, 10))
    assert geometry.fields_of_view_overlap(a, small) == pytest.approx(1)
    assert geometry.fields_of_view_overlap(small, a) == pytest.approx(1)


def test_fields_of_view_overlap_follows_the_transform():
    a, b = box(40, (0, 0, 0)), box(40, (1000, 0, 0))
    shift = sitk.TranslationTransform(3, (1010.0, 0, 0))
    assert geometry.fields_of_view_overlap(a, b, shift) == pytest.approx(0.75, abs=0.02)
    # The moving image is a magnified copy: as seen from the fixed one, both cover the same space.
    scale = sitk.ScaleTransform(3, (2.0, 2.0, 2.0))
    assert geometry.fields_of_view_overlap(box(20, (0.5, 0.5, 0.5)), box(40, (0.5, 0.5, 0.5)), scale) > 0.95


def test_world_to_index_agrees_with_the_image_library():
    image = sitk.Image([5, 6, 7], sitk.sitkUInt8)
    image.SetSpacing((0.7, 1.3, 3.1))
    image.SetOrigin((-12.5, 100.25, 33.3))
    image.SetDirection(sitk.Euler3DTransform((0, 0, 0), 0.2, -0.3, 0.5).GetMatrix())
    points = np.random.default_rng(0).uniform(-50, 50, (20, 3))
    expected = [image.TransformPhysicalPointToContinuousIndex(point) for point in points.tolist()]
    np.testing.assert_allclose(geometry.world_to_index(image, points), expected, atol=1e-9)


def test_voxels_that_fall_onto_those_of_a_grid_are_numbered_there():
    grid = ramp()
    part = sitk.RegionOfInterest(grid, [3, 2, 2], [2, 1, 1])
    turned = sitk.PermuteAxes(sitk.Flip(part, [True, False, False]), [1, 0, 2])
    for image in (part, turned):
        matrix, start = geometry.lattice_map(image, grid)
        for index in ((0, 0, 0), (1, 1, 0), (0, 1, 1)):
            there = (matrix @ index + start).astype(int).tolist()
            assert grid[there] == image[index]
    near, far = sitk.Image(part), sitk.Image(part)
    near.SetOrigin(np.add(part.GetOrigin(), (0.04, 0, 0)).tolist())
    far.SetOrigin(np.add(part.GetOrigin(), (0.06, 0, 0)).tolist())
    assert geometry.lattice_map(near, grid) is not None
    assert geometry.lattice_map(far, grid) is None
    finer = sitk.Image(part)
    finer.SetSpacing((0.5, 2.0, 3.0))
    assert geometry.lattice_map(finer, grid) is None
