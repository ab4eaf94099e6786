import time

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.registration.known import known_rigid
from MedDeepRegSegLib.registration.quality import target_registration_error
from MedDeepRegSegLib.registration.registration import register
from MedDeepRegSegLib.registration.settings import RegistrationSettings
from MedDeepRegSegLib.registration.transforms import as_matrix, matrix_transform, parts, transform_points
from MedDeepRegSegLib.volumes.geometry import same_geometry


def errors(result, pair):
    return target_registration_error(result.transform, pair.fixed_points, pair.moving_points)


def farther(image, offset):
    moved = sitk.Image(image)
    moved.SetOrigin((np.array(image.GetOrigin()) + offset).tolist())
    return moved


@pytest.fixture(scope="module")
def deformable(pair, fast):
    """Result, and what its progress said."""
    said = []
    result = register(
        pair.fixed.ct,
        pair.moving.mr,
        fast(),
        fixed_points=pair.fixed_points,
        moving_points=pair.moving_points,
        fixed_labels=pair.fixed.labels,
        moving_labels=pair.moving.labels,
        progress=lambda fraction, message: said.append((fraction, message)),
    )
    return result, said


def test_deformable_ct_to_mr_against_exact_truth(deformable, pair):
    result, _ = deformable
    before = np.linalg.norm(pair.fixed_points - pair.moving_points, axis=1)
    affine = next(stage for stage in result.stages if stage.name == "affine")
    linear = target_registration_error(affine.transform, pair.fixed_points, pair.moving_points)
    after = errors(result, pair)
    assert before.mean() > 15
    assert after.mean() < 2.5
    assert after.mean() < 0.8 * linear.mean()


def test_deformable_never_folds_and_its_inverse_is_good(deformable):
    quality = deformable[0].quality
    assert quality.folding_fraction == 0
    assert quality.inverse_p95_mm <= 0.4  # a tenth of the working grid
    assert 0 < quality.sd_log_jacobian < 0.4


def test_quality_tells_landmarks_labels_information_and_curves(deformable, pair):
    result, _ = deformable
    quality = result.quality
    assert quality.light == "good", quality.reasons
    np.testing.assert_allclose(quality.landmark_errors_mm, errors(result, pair))
    assert np.mean(quality.landmark_errors_before_mm) > 15
    assert quality.mutual_information_after > 1.5 * quality.mutual_information_before
    assert quality.overlap > 0.95
    by_label = {item.label: item for item in quality.labels}
    assert set(by_label) == set(pair.fixed.names)
    assert np.mean([item.after for item in quality.labels]) > np.mean([item.before for item in quality.labels]) + 0.2
    for curve in quality.curves:
        gained = curve.values[-1] - curve.values[0]
        assert (gained >= 0) if curve.measure == "similarity" else (gained <= 0)
        assert len(curve.values) > 1


def test_result_lies_on_the_fixed_grid_and_shows_moving_intensities(deformable, pair):
    registered = deformable[0].registered
    assert same_geometry(registered, pair.fixed.ct)
    inside = sitk.GetArrayFromImage(pair.fixed.labels) > 0
    values = sitk.GetArrayFromImage(registered)[inside]
    expected = sitk.GetArrayFromImage(pair.fixed.mr)[inside]
    assert np.corrcoef(values, expected)[0, 1] > 0.75


def test_transform_is_affine_and_field_and_linear_far_outside(deformable):
    transform = deformable[0].transform
    field, linear = parts(transform)
    assert [field.GetName(), linear.GetName()] == ["DisplacementFieldTransform", "AffineTransform"]
    far = np.array([[400.0, 0, 0], [0, -500, 800]])
    np.testing.assert_allclose(transform_points(transform, far), transform_points(linear, far))


def test_progress_grows_to_one_and_says_what_is_done(deformable):
    fractions = [fraction for fraction, _ in deformable[1]]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0
    assert fractions[-1] == 1
    assert len(fractions) > 50
    # No single report makes a leap, so a person sees it move.
    assert max(np.diff(fractions)) < 0.15
    assert all(message for _, message in deformable[1])


@pytest.mark.slow
def test_same_seed_gives_the_identical_transform(deformable, pair, fast):
    again = register(pair.fixed.ct, pair.moving.mr, fast())
    points = pair.fixed_points
    np.testing.assert_array_equal(
        transform_points(again.transform, points), transform_points(deformable[0].transform, points)
    )


def test_rigid_between_worlds_a_meter_apart(pair, fast):
    offset = np.array([300.0, -400.0, 1200.0])
    result = register(pair.fixed.ct, farther(pair.moving.mr, offset), fast(kind="rigid"))
    matrix, _ = as_matrix(result.transform)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-9)
    error = target_registration_error(result.transform, pair.fixed_points, pair.moving_points + offset)
    assert error.mean() < 5  # the bending of up to 8 mm is left
    assert result.quality.mutual_information_before == 0


@pytest.mark.slow
def test_identity_stays_identity(pair):
    image, points = pair.fixed.mr, pair.fixed_points
    result = register(image, image)
    assert np.linalg.norm(transform_points(result.transform, points) - points, axis=1).max() <= 0.5


@pytest.mark.slow
def test_flipped_and_permuted_grids_change_nothing(pair, fast):
    turned = sitk.Flip(sitk.PermuteAxes(pair.moving.mr, [2, 0, 1]), [True, False, True])
    settings = fast(kind="rigid", largest_rotation_degrees=0.0)
    one = register(pair.fixed.ct, pair.moving.mr, settings)
    other = register(pair.fixed.ct, turned, settings)
    difference = transform_points(one.transform, pair.fixed_points) - transform_points(
        other.transform, pair.fixed_points
    )
    assert np.linalg.norm(difference, axis=1).max() < 0.2


@pytest.mark.slow
def test_a_table_does_not_rule(pair, fast):
    array = sitk.GetArrayFromImage(pair.fixed.ct)
    array[:, -2:, 5:-5] = 300  # a slab behind the head
    array[:, -4:-2] = -1000
    with_table = sitk.GetImageFromArray(array)
    with_table.CopyInformation(pair.fixed.ct)
    result = register(with_table, pair.moving.mr, fast(kind="rigid"))
    assert errors(result, pair).mean() < 5


@pytest.mark.slow
def test_masks_limit_what_is_compared(rigid_pair, fast):
    # The lower half of the moving image shows another, shifted head: without a mask that misleads.
    moving = rigid_pair.moving.mr
    array = sitk.GetArrayFromImage(moving)
    middle = array.shape[0] // 2
    array[:middle] = np.roll(array, 5, axis=1)[:middle]
    spoiled = sitk.GetImageFromArray(array)
    spoiled.CopyInformation(moving)
    upper = np.zeros_like(array, dtype=np.uint8)
    upper[middle + 1 :] = 1
    mask = sitk.GetImageFromArray(upper)
    mask.CopyInformation(moving)
    with_mask, without = (
        register(rigid_pair.fixed.ct, spoiled, fast(kind="rigid"), moving_mask=chosen) for chosen in (mask, None)
    )
    assert errors(with_mask, rigid_pair).mean() < 4
    assert errors(without, rigid_pair).mean() > errors(with_mask, rigid_pair).mean() + 2


@pytest.mark.slow
def test_initial_transform_is_where_the_search_starts(pair, fast):
    rigid = known_rigid((0, 0, 0), seed=5, rotation_degrees=15, shift_mm=20).GetInverse()
    near = register(pair.fixed.ct, pair.moving.mr, fast(kind="rigid"), initial=rigid)
    assert errors(near, pair).mean() < 5
    # A start upside down stays in its own optimum, which shows that it is used alone.
    upside_down = matrix_transform(np.diag([1.0, -1.0, -1.0]), np.zeros(3))
    far = register(pair.fixed.ct, pair.moving.mr, fast(kind="rigid"), initial=upside_down)
    assert errors(far, pair).mean() > 40


@pytest.mark.slow
def test_initial_deformable_gives_its_linear_part_and_says_so(deformable, pair, fast):
    result = register(pair.fixed.ct, pair.moving.mr, fast(kind="rigid"), initial=deformable[0].transform)
    assert errors(result, pair).mean() < 5
    assert any("linear part" in reason for reason in result.quality.reasons)


@pytest.mark.slow
def test_landmarks_to_start_from(pair, fast):
    settings = fast(kind="affine", points="start")
    result = register(
        pair.fixed.ct, pair.moving.mr, settings, fixed_points=pair.fixed_points, moving_points=pair.moving_points
    )
    assert errors(result, pair).mean() < 5


@pytest.mark.parametrize(
    ("count", "settings", "says"),
    [
        (2, {"kind": "rigid", "points": "start"}, "2 landmark pairs, expected 3 or more"),
        (0, {"points": "start"}, "no landmarks to start from"),
    ],
)
def test_too_few_landmarks(pair, fast, count, settings, says):
    points = {"fixed_points": pair.fixed_points[:count], "moving_points": pair.moving_points[:count]} if count else {}
    with pytest.raises(InputError, match=says):
        register(pair.fixed.ct, pair.moving.mr, fast(**settings), **points)


@pytest.mark.parametrize("moment", [0.02, 0.2, 0.5, pytest.param(0.86, marks=pytest.mark.slow)])
def test_cancel_ends_soon_at_any_time(pair, fast, moment):
    token = CancelToken()
    canceled_at = []

    def progress(fraction, message):
        if fraction >= moment and not canceled_at:
            token.cancel()
            canceled_at.append(time.monotonic())

    with pytest.raises(Canceled):
        register(pair.fixed.ct, pair.moving.mr, fast(iterations=5), progress=progress, cancel=token)
    assert time.monotonic() - canceled_at[0] < 2.0  # 0.2 s on an idle machine; this one may be busy


class TestBadInput:
    @pytest.fixture
    def good(self, pair):
        return pair.fixed.ct

    def check(self, says, *args, **kwargs):
        with pytest.raises(InputError, match=says) as caught:
            register(*args, **kwargs)
        assert "\n" not in str(caught.value)

    def test_not_a_scalar_volume(self, good):
        self.check("fixed image", sitk.Compose(good, good), good)
        self.check("moving image", good, sitk.JoinSeries([good, good]))

    def test_constant(self, good):
        self.check("moving image", good, good * 0)

    def test_not_finite(self, good):
        array = sitk.GetArrayFromImage(good).astype(np.float32)
        array[3, 4, 5] = np.nan
        self.check("fixed image", sitk.GetImageFromArray(array), good)

    @pytest.mark.parametrize(("factor", "says"), [(0.001, "meters"), (1000.0, "micrometers")])
    def test_units(self, good, factor, says):
        other = sitk.Image(good)
        other.SetSpacing([value * factor for value in good.GetSpacing()])
        self.check(says, good, other)

    def test_units_ten_times_off(self, good):
        other = sitk.Image(good)
        other.SetSpacing([value / 10 for value in good.GetSpacing()])
        self.check("mm|foreground|body", good, other)

    def test_masks(self, good):
        empty = sitk.Image(good.GetSize(), sitk.sitkUInt8)
        empty.CopyInformation(good)
        self.check("fixed mask is empty", good, good, fixed_mask=empty)
        other = sitk.Image(8, 8, 8, sitk.sitkUInt8) + 1
        self.check("moving mask", good, good, moving_mask=other)

    def test_labels_of_one_image_only(self, good, pair):
        self.check("one image only", good, good, fixed_labels=pair.fixed.labels)

    def test_points(self, good):
        self.check("expected pairs", good, good, fixed_points=np.zeros((3, 3)), moving_points=np.zeros((2, 3)))
        self.check("missing", good, good, fixed_points=np.zeros((3, 3)))
        self.check("no numbers", good, good, fixed_points=np.full((3, 3), np.nan), moving_points=np.zeros((3, 3)))

    def test_initial_that_mirrors_or_misses(self, good, fast):
        self.check("mirrors", good, good, initial=matrix_transform(np.diag([-1.0, 1, 1]), np.zeros(3)))
        away = sitk.TranslationTransform(3, (5000.0, 0, 0))
        self.check("share 0%", good, good, fast(), initial=away)

    @pytest.mark.slow
    def test_noise_alone(self, good):
        noise = sitk.GetImageFromArray(np.random.default_rng(0).normal(0, 1, (20, 20, 20)).astype(np.float32))
        noise.SetSpacing([8.0] * 3)
        try:
            result = register(noise, good, RegistrationSettings(kind="rigid"))
        except InputError:
            return
        assert result.quality.light != "good", result.quality
