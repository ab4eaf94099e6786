import numpy as np
import pytest

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import no_progress
from MedDeepRegSegLib.registration.canonical import CanonicalImage
from MedDeepRegSegLib.registration.linear import Linear, closest_rigid, compare, distance
from MedDeepRegSegLib.registration.search import search_linear, start_candidates


@pytest.fixture(scope="module")
def forms(pair):
    return CanonicalImage(pair.fixed.ct), CanonicalImage(pair.moving.mr)


def test_starts_hold_centers_ends_and_rotations(forms):
    fixed, moving = forms
    starts = start_candidates(fixed, moving, 45.0, scaled=False)
    shifts = np.array([start.shift for start in starts])
    assert np.linalg.norm(shifts - (moving.center - fixed.center), axis=1).min() < 1e-9
    angles = [np.degrees(np.arccos(np.clip((np.trace(start.matrix) - 1) / 2, -1, 1))) for start in starts]
    assert max(angles) == pytest.approx(45, abs=0.5)
    assert len(start_candidates(fixed, moving, 0.0, scaled=False)) <= 5


def test_bodies_of_different_volume_are_also_tried_at_the_same_volume(forms):
    fixed, moving = forms
    small = CanonicalImage.__new__(CanonicalImage)
    small.__dict__.update(moving.__dict__)
    small.volume_mm3 = fixed.volume_mm3 * 0.9**3
    scales = {round(float(np.cbrt(np.linalg.det(s.matrix))), 3) for s in start_candidates(fixed, small, 0, scaled=True)}
    assert scales == {1.0, 0.9}


def test_the_derivative_of_the_cost_is_right(forms, fast):
    comparison = compare(*forms, 8.0, fast(), count=4000)
    fixed, moving = forms
    linear = Linear(np.eye(3) * 1.03, moving.center - fixed.center + 2.0, fixed.center)
    _, by_matrix, by_shift = comparison.cost(linear)
    step = 1e-3
    for axis in range(3):
        offset = np.zeros(3)
        offset[axis] = step
        values = [
            comparison.cost(Linear(linear.matrix, linear.shift + sign * offset, linear.center))[0] for sign in (1, -1)
        ]
        assert by_shift[axis] == pytest.approx((values[0] - values[1]) / (2 * step), rel=0.05, abs=2e-5)
    tilt = np.zeros((3, 3))
    tilt[0, 1] = 1e-5
    values = [comparison.cost(Linear(linear.matrix + s * tilt, linear.shift, linear.center))[0] for s in (1, -1)]
    assert by_matrix[0, 1] == pytest.approx((values[0] - values[1]) / 2e-5, rel=0.05, abs=2e-3)


def test_closest_rigid_and_distance():
    scaled = Linear(np.diag([1.1, 1.1, 1.1]), np.zeros(3), np.zeros(3))
    np.testing.assert_allclose(closest_rigid(scaled).matrix, np.eye(3), atol=1e-12)
    identity = Linear(np.eye(3), np.zeros(3), np.zeros(3))
    shifted = Linear(np.eye(3), np.array([3.0, 4, 0]), np.zeros(3))
    assert distance(identity, shifted, 50.0) == pytest.approx(5)
    assert distance(identity, scaled, 50.0) == pytest.approx(5)  # a tenth of the radius


def test_a_mask_of_a_few_points_is_refused(pair, fast):
    import SimpleITK as sitk

    mask = sitk.Image(pair.fixed.ct.GetSize(), sitk.sitkUInt8)
    mask.CopyInformation(pair.fixed.ct)
    mask[24:27, 30:33, 30:33] = 1
    tiny = CanonicalImage(pair.fixed.ct, mask, what="fixed")
    with pytest.raises(InputError, match="has only"):
        search_linear(tiny, CanonicalImage(pair.moving.mr), fast(), start=None, progress=no_progress, cancel=None)
