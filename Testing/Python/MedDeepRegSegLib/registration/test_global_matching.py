"""Starts from matches of features anywhere; the features here are made by hand, and once by the encoder that ships."""

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from scipy import ndimage

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, no_progress
from MedDeepRegSegLib.registration import global_matching
from MedDeepRegSegLib.registration.canonical import CanonicalImage
from MedDeepRegSegLib.registration.global_matching import encoder_starts
from MedDeepRegSegLib.registration.known import known_rigid
from MedDeepRegSegLib.registration.search import search_linear
from MedDeepRegSegLib.registration.settings import RegistrationSettings
from MedDeepRegSegLib.registration.transforms import transform_points
from MedDeepRegSegLib.volumes.phantoms import head_phantom
from MedDeepRegSegLib.volumes.resampling import resample_to

APART = np.array([400.0, -900.0, 1300.0])


@pytest.fixture(scope="module")
def head():
    return head_phantom(3, spacing_mm=3.0, size=(66, 82, 76))


def by_hand(values):
    """Return the image at several smoothnesses, at half the resolution: it tells places of one contrast apart."""
    half = ndimage.zoom(values, [(-(-n // 2)) / n for n in values.shape], order=1)
    scales = [ndimage.gaussian_filter(half, sigma) for sigma in (0.5, 2, 4, 7)]
    parts = [*scales, *(ndimage.gaussian_gradient_magnitude(half, sigma) for sigma in (2, 4))]
    return torch.from_numpy(np.stack([part / part.std() for part in parts]).astype(np.float32))


def moved(image, degrees, shift_mm, away=APART):
    """Return the image turned and shifted, its world far away, and where its places lie."""
    known = known_rigid((0, 0, 0), seed=4, rotation_degrees=degrees, shift_mm=shift_mm)
    result = resample_to(image, sitk.ConstantPad(image, [12] * 3, [12] * 3), known)
    result.SetOrigin((np.array(result.GetOrigin()) + away).tolist())
    return result, lambda points: transform_points(known.GetInverse(), points) + away


def points_of(image):
    form = CanonicalImage(image)
    return form, form.grid.points(np.flatnonzero(form.selected)[::50])


def mean_error(linear, points, truth):
    return float(np.linalg.norm(linear(points) - truth(points), axis=1).mean())


def test_a_head_is_found_anywhere_in_the_world(head):
    image, truth = moved(head.ct, 20, 15)
    form, points = points_of(head.ct)
    (found,) = encoder_starts(form, CanonicalImage(image), scaled=False, encode=by_hand)
    assert mean_error(found.linear, points, truth) < 4
    np.testing.assert_allclose(found.linear.matrix @ found.linear.matrix.T, np.eye(3), atol=1e-5)


def test_the_size_is_found_where_that_is_asked_for(head):
    large = sitk.Image(head.ct)
    large.SetSpacing([1.1 * value for value in large.GetSpacing()])
    form, moving = CanonicalImage(head.ct), CanonicalImage(large)
    (found,) = encoder_starts(form, moving, scaled=True, encode=by_hand)
    assert np.cbrt(np.linalg.det(found.linear.matrix)) == pytest.approx(1.1, abs=0.03)


def test_hardly_anything_agrees_where_nothing_matches(head):
    form = CanonicalImage(head.ct)
    generator = torch.Generator().manual_seed(0)

    def noise(values):
        return torch.randn(16, *(-(-n // 2) for n in values.shape), generator=generator)

    found = encoder_starts(form, form, scaled=False, encode=noise)
    assert all(start.agreement < 0.3 for start in found)


def test_a_cancel_is_heard(head):
    form = CanonicalImage(head.ct)
    token = CancelToken()
    token.cancel()
    with pytest.raises(Canceled):
        encoder_starts(form, form, scaled=False, encode=by_hand, cancel=token)


def test_a_damaged_encoder_is_not_left_out_silently(head, monkeypatch):
    def damaged(*_):
        raise InputError("the encoder is damaged")

    monkeypatch.setattr(global_matching, "load_encoder", damaged)
    form = CanonicalImage(head.ct)
    settings = RegistrationSettings(kind="rigid", engine="meddeep", largest_rotation_degrees=0.0, fine_spacing_mm=4.0)
    with pytest.raises(InputError, match="encoder is damaged"):
        search_linear(form, form, settings, start=None, progress=no_progress, cancel=None)


def test_ct_and_mr_with_the_encoder_that_ships(head):
    """A lower part of the head, far away, turned by 35 degrees, in slices 6 mm thick; rigid and the other way round."""
    image, truth = moved(head.mr, 35, 60)
    image = image[:, :, :60][:, :, ::2]
    form, points = points_of(head.ct)
    moving = CanonicalImage(image)
    settings = RegistrationSettings(kind="rigid", engine="meddeep", fine_spacing_mm=4.0)
    found = search_linear(form, moving, settings, start=None, progress=no_progress, cancel=None)
    assert found.agreement is not None
    assert mean_error(found.best.linear, points, truth) < 2.5
