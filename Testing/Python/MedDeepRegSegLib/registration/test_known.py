import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.registration.known import known_composite, known_rigid, known_smooth
from MedDeepRegSegLib.registration.quality import folding_fraction
from MedDeepRegSegLib.registration.transforms import as_matrix, invert, transform_points


@pytest.fixture
def reference():
    image = sitk.Image(60, 50, 40, sitk.sitkUInt8)
    image.SetSpacing([3.0, 3.0, 4.0])
    image.SetOrigin([-500.0, 30.0, 900.0])
    image.SetDirection([0, 1, 0, -1, 0, 0, 0, 0, 1])
    return image


def inside(reference, count=400, margin=3):
    generator = np.random.default_rng(1)
    index = generator.uniform([margin] * 3, np.array(reference.GetSize()) - 1 - margin, (count, 3))
    return np.array([reference.TransformContinuousIndexToPhysicalPoint(i) for i in index.tolist()])


def test_rigid_has_the_angle_and_shift_asked_for():
    center = np.array([10.0, -20.0, 1200.0])
    rigid = known_rigid(center, seed=2, rotation_degrees=25, shift_mm=30)
    matrix, _ = as_matrix(rigid)
    angle = np.degrees(np.arccos((np.trace(matrix) - 1) / 2))
    assert angle == pytest.approx(25, abs=1e-6)
    assert np.linalg.det(matrix) == pytest.approx(1)
    moved = transform_points(rigid, center[None])[0]
    assert np.linalg.norm(moved - center) == pytest.approx(30, abs=1e-6)


@pytest.mark.parametrize(("measure", "statistic"), [("max", np.max), ("mean", np.mean)])
def test_smooth_has_the_magnitude_asked_for_and_never_folds(reference, measure, statistic):
    smooth = known_smooth(reference, seed=4, magnitude_mm=5, measure=measure)
    field = sitk.GetArrayFromImage(smooth.GetDisplacementField())
    assert statistic(np.linalg.norm(field, axis=-1)) == pytest.approx(5, rel=1e-6)
    assert folding_fraction(smooth, reference) == 0


def test_same_seed_same_transform_other_seed_other_transform(reference):
    points = inside(reference, 20)
    first, again, other = (
        transform_points(known_smooth(reference, seed=seed, magnitude_mm=6), points) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.5


def test_smooth_refuses_to_fold(reference):
    with pytest.raises(InputError, match="folds"):
        known_smooth(reference, seed=0, magnitude_mm=60, smoothness_mm=15)


def test_magnitude_is_measured_in_the_mask_and_an_empty_mask_is_refused(reference):
    array = np.zeros(reference.GetSize()[::-1], np.uint8)
    array[15:25, 20:30, 20:40] = 1
    mask = sitk.GetImageFromArray(array)
    mask.CopyInformation(reference)
    smooth = known_smooth(reference, seed=4, magnitude_mm=3, where=mask)
    points = np.array([reference.TransformIndexToPhysicalPoint([int(v) for v in i[::-1]]) for i in np.argwhere(array)])
    length = np.linalg.norm(transform_points(smooth, points) - points, axis=1)
    assert length.max() == pytest.approx(3, abs=0.15)
    with pytest.raises(InputError, match="empty"):
        known_smooth(reference, seed=4, magnitude_mm=3, where=mask * 0)


def test_composite_is_smooth_after_rigid_and_its_inverse_returns_every_point(reference):
    center = (-425.0, -60.0, 980.0)
    options = {"seed": 7, "rotation_degrees": 12, "shift_mm": 15}
    both = known_composite(reference, center, magnitude_mm=8, **options)
    rigid = known_rigid(center, **options)
    smooth = known_smooth(reference, seed=8, magnitude_mm=8)
    points = inside(reference)
    np.testing.assert_allclose(
        transform_points(both, points), transform_points(smooth, transform_points(rigid, points)), atol=1e-9
    )
    back = transform_points(invert(both, reference), transform_points(both, points))
    assert np.percentile(np.linalg.norm(back - points, axis=1), 95) < 0.1
