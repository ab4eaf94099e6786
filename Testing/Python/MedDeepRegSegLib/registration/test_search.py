import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import no_progress
from MedDeepRegSegLib.registration.canonical import CanonicalImage
from MedDeepRegSegLib.registration.linear import Linear, closest_rigid, closest_similarity, compare, distance, inverse
from MedDeepRegSegLib.registration.search import search_linear, start_candidates
from MedDeepRegSegLib.registration.settings import RegistrationSettings


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
    mask = sitk.Image(pair.fixed.ct.GetSize(), sitk.sitkUInt8)
    mask.CopyInformation(pair.fixed.ct)
    mask[24:27, 30:33, 30:33] = 1
    tiny = CanonicalImage(pair.fixed.ct, mask, what="fixed")
    with pytest.raises(InputError, match="has only"):
        search_linear(tiny, CanonicalImage(pair.moving.mr), fast(), start=None, progress=no_progress, cancel=None)


def test_the_inverse_leads_back():
    turn = Rotation.from_rotvec([0.2, -0.3, 0.4]).as_matrix()
    linear = Linear(1.1 * turn, np.array([30.0, -5, 400]), np.array([10.0, 20, -700]))
    points = np.random.default_rng(0).normal(size=(20, 3)) * 100
    np.testing.assert_allclose(inverse(linear)(linear(points)), points, atol=1e-9)
    np.testing.assert_allclose(closest_similarity(linear).matrix, linear.matrix, atol=1e-9)


def test_the_comparison_is_the_same_from_both_sides(forms, fast):
    fixed, moving = forms
    linear = Linear(1.05 * np.eye(3), moving.center - fixed.center + 3.0, fixed.center)
    forth = compare(fixed, moving, 8.0, fast(), count=3000).score(linear)[0]
    back = compare(moving, fixed, 8.0, fast(), count=3000).score(inverse(linear))[0]
    assert forth == pytest.approx(back, abs=1e-9)


def test_partial_views_are_also_tried_against_every_part(forms):
    fixed, moving = forms
    shifts = {tuple(np.round(s.shift, 3)) for s in start_candidates(fixed, moving, 0.0, scaled=False, partial=True)}
    few = {tuple(np.round(s.shift, 3)) for s in start_candidates(fixed, moving, 0.0, scaled=False)}
    assert few < shifts
    assert len(shifts) > 20


def test_the_classic_engine_needs_no_torch(pair):
    """In a process of its own: this one may have imported it already."""
    code = (
        "import sys\n"
        "from MedDeepRegSegLib.jobs.progress import no_progress\n"
        "from MedDeepRegSegLib.registration.canonical import CanonicalImage\n"
        "from MedDeepRegSegLib.registration.search import search_linear\n"
        "from MedDeepRegSegLib.registration.settings import RegistrationSettings\n"
        "from MedDeepRegSegLib.volumes.phantoms import head_phantom\n"
        "form = CanonicalImage(head_phantom(3, spacing_mm=5.0, size=(40, 50, 46)).ct)\n"
        "settings = RegistrationSettings(kind='rigid', engine='classic', largest_rotation_degrees=0.0, iterations=5)\n"
        "found = search_linear(form, form, settings, start=None, progress=no_progress, cancel=None)\n"
        "assert found.agreement is None\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("kind", ["rigid", "similarity", "affine"])
def test_exchanged_images_give_the_inverse(rigid_pair, kind):
    fixed, moving = CanonicalImage(rigid_pair.fixed.ct), CanonicalImage(rigid_pair.moving.mr)
    settings = RegistrationSettings(kind=kind, engine="classic", fine_spacing_mm=4.0)
    forth, back = (
        search_linear(*images, settings, start=None, progress=no_progress, cancel=None).best.linear
        for images in ((fixed, moving), (moving, fixed))
    )
    points = rigid_pair.fixed_points
    assert np.linalg.norm(back(forth(points)) - points, axis=1).max() < 0.5
    # Of a phantom of 4 mm voxels.
    assert np.linalg.norm(forth(points) - rigid_pair.moving_points, axis=1).mean() < 1.5
    scale = np.linalg.svd(forth.matrix)[1]
    if kind != "affine":
        np.testing.assert_allclose(scale, scale.mean(), atol=1e-9)
    if kind == "rigid":
        np.testing.assert_allclose(scale, 1, atol=1e-9)


def test_a_larger_head_is_not_tilted_against_a_smaller_one(pair):
    large = sitk.Image(pair.fixed.mr)
    large.SetSpacing([1.13 * value for value in large.GetSpacing()])
    forms = CanonicalImage(pair.fixed.ct), CanonicalImage(large)
    settings = RegistrationSettings(kind="rigid", engine="classic", fine_spacing_mm=4.0)
    found = search_linear(*forms, settings, start=None, progress=no_progress, cancel=None).best.linear
    angle = np.degrees(np.arccos(np.clip((np.trace(found.matrix) - 1) / 2, -1, 1)))
    assert angle < 4
