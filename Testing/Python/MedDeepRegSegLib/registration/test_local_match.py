import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.registration.known import known_rigid, known_smooth
from MedDeepRegSegLib.registration.local_match import local_match
from MedDeepRegSegLib.registration.transforms import invert
from MedDeepRegSegLib.volumes.phantoms import deform_phantom, head_phantom


@pytest.fixture(scope="module")
def bent():
    """CT of a head, its MR bent by up to 10 mm, the transform that undoes it, and the body."""
    phantom = head_phantom(3, spacing_mm=3.0, size=(66, 82, 76))
    known = known_smooth(phantom.ct, seed=5, magnitude_mm=10)
    right = invert(known, phantom.ct)
    return phantom.ct, deform_phantom(phantom, known).mr, right, sitk.Cast(phantom.labels > 0, sitk.sitkUInt8)


def test_the_right_deformation_gains_and_a_random_one_does_not(bent):
    fixed, moving, right, body = bent
    found = local_match(fixed, moving, right, body)
    assert found.gain > 0.012 * found.bend_mm
    assert found.worse_fraction < 0.4
    assert 1.5 < found.bend_mm < 10
    wrong = local_match(fixed, moving, known_smooth(fixed, seed=11, magnitude_mm=10), body)
    assert wrong.gain < 0.012 * wrong.bend_mm
    assert wrong.worse_fraction > found.worse_fraction + 0.15
    assert wrong.linear == pytest.approx(found.linear, rel=0.05)  # the same linear map: none


def test_inverted_contrast_matches_as_well(bent):
    fixed, moving, right, body = bent
    values = sitk.Cast(moving, sitk.sitkFloat32)
    highest = float(sitk.GetArrayViewFromImage(values).max())
    found, inverted = local_match(fixed, moving, right, body), local_match(fixed, highest - values, right, body)
    assert inverted.deformed == pytest.approx(found.deformed, rel=0.2)
    assert inverted.gain > 0.012 * inverted.bend_mm


def test_nothing_to_compare_gives_nothing(bent):
    fixed, moving, right, body = bent
    assert local_match(fixed, moving, known_rigid((0, 0, 0), seed=1, rotation_degrees=3, shift_mm=2), body) is None
    far = sitk.CompositeTransform([sitk.TranslationTransform(3, (900.0, 0.0, 0.0)), right])
    assert local_match(fixed, moving, far, body) is None


def test_only_the_body_counts(bent):
    fixed, moving, right, body = bent
    array = sitk.GetArrayFromImage(body)
    array[: array.shape[0] // 2] = 0
    upper = sitk.GetImageFromArray(array)
    upper.CopyInformation(body)
    assert not np.isclose(
        local_match(fixed, moving, right, upper).linear, local_match(fixed, moving, right, body).linear
    )
