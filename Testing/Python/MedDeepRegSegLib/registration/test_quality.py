import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.registration.known import known_rigid, known_smooth
from MedDeepRegSegLib.registration.quality import (
    consistency_error,
    deformation_unevenness,
    dice,
    folding_fraction,
    inverse_consistency,
    mutual_information,
    target_registration_error,
)
from MedDeepRegSegLib.registration.transforms import matrix_transform

IDENTITY = sitk.Transform(3, sitk.sitkIdentity)


def image(array, kind=np.float32):
    return sitk.GetImageFromArray(np.asarray(array, dtype=kind))


def test_target_registration_error_is_a_distance_in_moving_space():
    shift = sitk.TranslationTransform(3, (3.0, 0.0, 0.0))
    fixed = np.zeros((2, 3))
    moving = np.array([[3.0, 4.0, 0.0], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(target_registration_error(shift, fixed, moving), [4.0, 3.0])


def test_consistency_is_zero_for_consistent_and_the_distance_for_others():
    points = np.random.default_rng(0).uniform(-50, 50, (30, 3))
    unmoved = known_rigid((0, 0, 0), seed=1, rotation_degrees=10, shift_mm=5)
    known = known_rigid((0, 0, 0), seed=2, rotation_degrees=20, shift_mm=30)
    moved = sitk.CompositeTransform([known.GetInverse(), unmoved])  # unmoved first, then the way to the moved copy
    np.testing.assert_allclose(consistency_error(unmoved, moved, known, points), 0, atol=1e-9)
    off = sitk.CompositeTransform([sitk.TranslationTransform(3, (0.0, 2.0, 0.0)), moved])
    np.testing.assert_allclose(consistency_error(unmoved, off, known, points), 2.0)


def test_folding_and_unevenness():
    grid = sitk.Image(30, 30, 30, sitk.sitkUInt8)
    grid.SetSpacing([3.0] * 3)
    assert folding_fraction(matrix_transform(np.eye(3) * 1.2, np.zeros(3)), grid) == 0
    assert folding_fraction(matrix_transform(np.diag([-1.0, 1, 1]), np.zeros(3)), grid) == 1
    assert deformation_unevenness(matrix_transform(np.eye(3) * 1.2, np.zeros(3)), grid) == pytest.approx(0, abs=1e-6)
    little, much = (deformation_unevenness(known_smooth(grid, seed=1, magnitude_mm=size), grid) for size in (2, 5))
    assert 0 < little < much
    with pytest.raises(InputError, match="empty"):
        folding_fraction(IDENTITY, grid, grid * 0)


def test_inverse_consistency_of_a_wrong_inverse():
    shift = sitk.TranslationTransform(3, (1.0, 2.0, 2.0))
    np.testing.assert_allclose(inverse_consistency(shift, IDENTITY, np.zeros((4, 3))), 3.0)


def test_mutual_information_knows_dependence_and_ignores_contrast():
    generator = np.random.default_rng(0)
    a = generator.integers(0, 4, (20, 20, 20))
    inverted = np.array([90, 10, 70, 30])[a]
    assert mutual_information(image(a), image(inverted)) == pytest.approx(np.log(4), rel=0.01)
    independent = generator.integers(0, 4, a.shape)
    assert mutual_information(image(a), image(independent)) < 0.01
    half = np.zeros(a.shape, np.uint8)
    half[:10] = 1
    mixed = np.where(half, inverted, independent)
    assert mutual_information(image(a), image(mixed), image(half, np.uint8)) == pytest.approx(np.log(4), rel=0.01)
    assert mutual_information(image(a), image(a * 0)) == 0
    with pytest.raises(InputError, match="one grid"):
        mutual_information(image(a), image(a[1:]))


def test_dice():
    a = np.zeros((4, 4, 4), np.uint8)
    b = a.copy()
    a[:2], b[1:3] = 1, 1
    assert dice(image(a, np.uint8), image(b, np.uint8)) == pytest.approx(0.5)
    assert dice(image(a, np.uint8), image(b, np.uint8), label=7) == 1.0
    with pytest.raises(InputError, match="one grid"):
        dice(image(a, np.uint8), image(b[1:], np.uint8))
