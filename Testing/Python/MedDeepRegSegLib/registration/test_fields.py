import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.errors import Canceled
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.registration.fields import determinant, invert_field, smallest_determinant
from MedDeepRegSegLib.registration.known import known_smooth
from MedDeepRegSegLib.registration.transforms import field_array


def smooth(magnitude, smoothness=20.0):
    image = sitk.Image(40, 40, 40, sitk.sitkUInt8)
    image.SetSpacing([3.0] * 3)
    known = known_smooth(image, seed=1, magnitude_mm=magnitude, smoothness_mm=smoothness)
    return field_array(known)[0]


@pytest.mark.parametrize("magnitude", [4.0, 9.0])
def test_inverse_undoes_the_field_at_every_voxel(magnitude):
    field = smooth(magnitude)
    inverse = invert_field(field, np.full(3, 3.0), np.eye(3))
    index = np.stack(np.meshgrid(*(np.arange(n) for n in field.shape[1:]), indexing="ij"))[::-1].reshape(3, -1)
    from scipy.ndimage import map_coordinates

    place = index + inverse.reshape(3, -1) / 3.0
    forth = np.stack([map_coordinates(part, place[::-1], order=1, mode="nearest") for part in field])
    residual = np.linalg.norm(forth + inverse.reshape(3, -1), axis=0)
    assert residual.max() < 0.01


def test_a_strong_shear_needs_and_gets_newton_steps():
    # Slope -0.95 along x: the fixed-point iteration alone would take hundreds of rounds.
    x = np.arange(60.0)
    profile = np.where(x < 30, 0.95 * (x - 20).clip(0, None), 0.95 * 10 - 0.95 * (x - 30)).clip(0, None)
    field = np.zeros((3, 4, 4, 60))
    field[0] = -profile
    inverse = invert_field(field, np.ones(3), np.eye(3))
    place = x[2:-2] + inverse[0, 2, 2, 2:-2]
    moved = place + np.interp(place, x, -profile)
    np.testing.assert_allclose(moved, x[2:-2], atol=0.01)


def test_determinant_of_linear_field():
    gradient = np.random.default_rng(0).normal(0, 0.2, (3, 3, 7))
    expected = [np.linalg.det(np.eye(3) + gradient[..., k]) for k in range(7)]
    np.testing.assert_allclose(determinant(gradient), expected)


def test_one_voxel_fold_is_seen_that_central_differences_miss():
    field = np.zeros((3, 8, 8, 8))
    field[0, 4, 4, 4] = 1.5  # jumps over its neighbor, yet its own central difference is 0
    central = 1 + np.gradient(field[0], axis=2)[4, 4, 4]
    assert central > 0
    assert smallest_determinant(field, 1.0) < 0
    assert smallest_determinant(np.zeros((3, 4, 4, 4)), 1.0) == 1.0


def test_cancel():
    token = CancelToken()
    token.cancel()
    with pytest.raises(Canceled):
        invert_field(smooth(4.0), np.full(3, 3.0), np.eye(3), cancel=token)
