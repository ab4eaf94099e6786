import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.errors import Canceled
from MedDeepRegSegLib.jobs.progress import CancelToken, no_progress
from MedDeepRegSegLib.registration import velocity_fit
from MedDeepRegSegLib.registration.canonical import CanonicalImage
from MedDeepRegSegLib.registration.fields import smallest_determinant
from MedDeepRegSegLib.registration.known import known_smooth
from MedDeepRegSegLib.registration.linear import Linear
from MedDeepRegSegLib.registration.settings import RegistrationSettings
from MedDeepRegSegLib.registration.transforms import field_transform, transform_points
from MedDeepRegSegLib.registration.velocity_fit import fit_velocity, flat
from MedDeepRegSegLib.volumes.phantoms import deform_phantom, head_phantom

SETTINGS = RegistrationSettings(iterations=30)


@pytest.fixture(scope="module", autouse=True)
def coarse_grid():
    """Half of the voxels: still finer than those of the phantom. test_meddeep has the grid of a user."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(velocity_fit, "_VOXELS", 3.5e6)
        yield


@pytest.fixture(scope="module")
def bent():
    """A CT phantom, and as MR bent by up to 9 mm, with the known bending (bent points to points of the CT)."""
    phantom = head_phantom(3, spacing_mm=3.0, size=(66, 80, 76))
    known = known_smooth(phantom.ct, seed=4, magnitude_mm=9.0)
    return phantom, deform_phantom(phantom, known, phantom.ct), known


def body_points(phantom) -> np.ndarray:
    index = np.argwhere(sitk.GetArrayFromImage(phantom.labels) > 0)[::40, ::-1]
    return index * np.array(phantom.labels.GetSpacing()) + phantom.labels.GetOrigin()


def fitted(fixed, moving, settings=SETTINGS, **options):
    forms = CanonicalImage(fixed, options.pop("fixed_mask", None)), CanonicalImage(moving)
    still = Linear(np.eye(3), np.zeros(3), np.zeros(3))
    return fit_velocity(*forms, still, settings, progress=no_progress, cancel=options.pop("cancel", None))


def errors(found, known, points) -> np.ndarray:
    bend = field_transform(found.field, found.grid.image())
    return np.linalg.norm(transform_points(known, transform_points(bend, points)) - points, axis=1)


@pytest.fixture(scope="module")
def found(bent):
    return fitted(bent[0].ct, bent[1].mr)


def test_a_known_bending_is_found_between_ct_and_mr_and_nothing_folds(bent, found):
    phantom, _, known = bent
    points = body_points(phantom)
    before = np.linalg.norm(transform_points(known, points) - points, axis=1)
    after = errors(found, known, points)
    assert before.mean() > 2.5
    assert after.mean() < 0.5 * before.mean()
    assert smallest_determinant(found.field, found.grid.spacing) > 0.05
    assert all(np.mean(level.curve[-5:]) < level.curve[0] for level in found.levels)


def test_the_same_image_stays_where_it_is(bent, monkeypatch):
    monkeypatch.setattr(velocity_fit, "_VOXELS", 9e5)
    phantom, _, _ = bent
    found = fitted(phantom.ct, phantom.ct)
    points = body_points(phantom)
    moved = transform_points(field_transform(found.field, found.grid.image()), points)
    assert np.linalg.norm(moved - points, axis=1).max() < 0.3


def test_exchanging_the_images_gives_nearly_the_inverse(bent, found):
    phantom, moved, _ = bent
    there, back = (field_transform(one.field, one.grid.image()) for one in (found, fitted(moved.mr, phantom.ct)))
    points = body_points(phantom)
    around = np.linalg.norm(transform_points(back, transform_points(there, points)) - points, axis=1)
    assert np.median(around) < 0.8  # the grids and the points drawn differ


def test_outside_of_the_body_the_field_fades_to_nothing(found):
    border = np.ones(found.grid.shape, dtype=bool)
    border[1:-1, 1:-1, 1:-1] = False
    assert np.abs(found.field[:, border]).max() < 0.05


def test_a_mask_says_which_part_counts(bent):
    phantom, moved, known = bent
    spoiled = sitk.GetArrayFromImage(moved.mr)
    spoiled[:, :, :30] = (
        np.random.default_rng(0).permutation(spoiled[:, :, :30].ravel()).reshape(spoiled[:, :, :30].shape)
    )
    image = sitk.GetImageFromArray(spoiled)
    image.CopyInformation(moved.mr)
    mask = sitk.GetArrayFromImage(phantom.labels) > 0
    mask[:, :, :34] = False
    chosen = sitk.GetImageFromArray(mask.astype(np.uint8))
    chosen.CopyInformation(phantom.labels)
    points = body_points(phantom)
    points = points[points[:, 0] > phantom.labels.GetOrigin()[0] + 3.0 * 40]
    found = fitted(phantom.ct, image, fixed_mask=chosen)
    before = np.linalg.norm(transform_points(known, points) - points, axis=1)
    assert errors(found, known, points).mean() < 0.6 * before.mean()


def test_the_same_seed_gives_the_same_field(bent, found):
    phantom, moved, _ = bent
    np.testing.assert_array_equal(fitted(phantom.ct, moved.mr).field, found.field)


def test_it_can_be_canceled(bent):
    phantom, moved, _ = bent
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Canceled):
        fitted(phantom.ct, moved.mr, cancel=cancel)


def test_a_flat_curve_is_told_from_one_that_falls():
    falling = list(np.linspace(1.0, 0.5, 40))
    noise = np.random.default_rng(0).normal(0, 1e-3, 40)
    assert not flat(falling)
    assert not flat([1.0] * 10)
    assert flat(list(1.0 + noise))
