import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.registration.fields import smallest_determinant
from MedDeepRegSegLib.registration.known import known_composite
from MedDeepRegSegLib.registration.landmark_engine import leave_one_out
from MedDeepRegSegLib.registration.registration import register
from MedDeepRegSegLib.registration.settings import RegistrationSettings
from MedDeepRegSegLib.registration.transforms import field_array, linear_and_field, transform_points


def image(direction=(1, 0, 0, 0, 1, 0, 0, 0, 1)):
    """Return a block in air: its content says nothing about turns, and must not matter."""
    values = np.full((18, 22, 20), -1000.0, dtype=np.float32)
    values[2:-2, 2:-2, 2:-2] = 40.0
    block = sitk.GetImageFromArray(values)
    block.SetSpacing([8.0] * 3)
    block.SetDirection(direction)
    block.SetOrigin([100.0, -50.0, 700.0])
    return block


def points_in(volume, count, seed=0):
    """Return random points (count, 3) inside of a volume, LPS mm."""
    index = np.random.default_rng(seed).uniform(2, np.array(volume.GetSize()) - 3, (count, 3))
    return np.array([volume.TransformContinuousIndexToPhysicalPoint(i) for i in index.tolist()])


def settings(kind):
    return RegistrationSettings(kind=kind, engine="landmarks")


def known_of(volume, magnitude_mm=6.0):
    center = volume.TransformContinuousIndexToPhysicalPoint([n / 2 for n in volume.GetSize()])
    return known_composite(
        volume, center, seed=3, rotation_degrees=30, shift_mm=80, magnitude_mm=magnitude_mm, smoothness_mm=40
    )


@pytest.mark.parametrize("kind", ["rigid", "similarity", "affine"])
def test_a_linear_map_is_fitted(kind):
    fixed = image()
    points = points_in(fixed, 8)
    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    matrix = {"rigid": turn, "similarity": 1.2 * turn, "affine": turn @ np.diag([1.1, 0.9, 1.0])}[kind]
    moving = points @ matrix.T + [5, 6, 7]
    result = register(fixed, fixed, settings(kind), fixed_points=points, moving_points=moving)
    np.testing.assert_allclose(transform_points(result.transform, points), moving, atol=1e-6)
    assert linear_and_field(result.transform)[1] is None
    assert "left out is missed by 0.0 mm" in " ".join(result.quality.reasons)


def test_a_thin_plate_meets_the_landmarks_bends_between_and_leaves_the_affine_map_far_away():
    tilted = sitk.VersorTransform((0, 0, 1), 0.4).GetMatrix()
    fixed = image(tilted)
    points, others = points_in(fixed, 60), points_in(fixed, 200, seed=1)
    known = known_of(fixed)
    moving = transform_points(known, points)
    result = register(fixed, fixed, settings("deformable"), fixed_points=points, moving_points=moving)
    errors = np.linalg.norm(transform_points(result.transform, points) - moving, axis=1)
    assert errors.max() < 0.02
    linear, bent = linear_and_field(result.transform)
    truth = transform_points(known, others)
    left = [np.linalg.norm(transform_points(t, others) - truth, axis=1).mean() for t in (linear, result.transform)]
    assert left[1] < 0.6 * left[0]
    away = np.array([[2000.0, 0, 0], [0, 0, -1500]])
    np.testing.assert_allclose(transform_points(result.transform, away), transform_points(linear, away), atol=1e-9)
    field, grid = field_array(bent)
    border = np.concatenate([field[:, part].reshape(3, -1) for part in (0, -1)], axis=1)
    assert np.abs(border).max() < 0.01
    assert smallest_determinant(field, grid.GetSpacing()[0]) > 0
    assert result.quality.folding_fraction == 0
    assert result.quality.inverse_p95_mm < 0.1
    assert [stage.name for stage in result.stages] == ["affine, landmarks", "thin-plate spline"]


def test_the_error_of_landmarks_left_out_is_that_of_other_points():
    fixed = image()
    points, others = points_in(fixed, 40), points_in(fixed, 300, seed=1)
    known = known_of(fixed)
    pairs = points, transform_points(known, points)
    result = register(fixed, fixed, settings("deformable"), fixed_points=pairs[0], moving_points=pairs[1])
    truth = np.linalg.norm(transform_points(result.transform, others) - transform_points(known, others), axis=1).mean()
    told = leave_one_out(pairs, "deformable")
    assert len(told) == 40
    assert 0.5 * truth < told.mean() < 2 * truth
    assert f"missed by {told.mean():.1f} mm on average" in " ".join(result.quality.reasons)


def test_landmarks_in_another_order_do_not_fold_the_image():
    fixed = image()
    points = points_in(fixed, 12)
    moving = points.copy()
    near = np.argsort(np.linalg.norm(points - points[0], axis=1))[1]
    moving[[0, near]] = moving[[near, 0]]
    result = register(fixed, fixed, settings("deformable"), fixed_points=points, moving_points=moving)
    field, grid = field_array(linear_and_field(result.transform)[1])
    assert smallest_determinant(field, grid.GetSpacing()[0]) >= 0.1
    assert result.quality.light != "good"
    assert "would fold the image" in " ".join(result.quality.reasons)


@pytest.mark.parametrize(
    ("kind", "points", "says"),
    [
        ("rigid", None, "has no landmarks, expected 3 pairs or more: place them"),
        ("rigid", points_in(image(), 2), "2 landmark pairs, expected 3"),
        ("deformable", points_in(image(), 3), "3 landmark pairs, expected 4"),
        ("similarity", np.outer(np.arange(5), [10.0, 20, 30]), "on a line"),
        ("deformable", points_in(image(), 6) * [1, 1, 0], "in a plane"),
        ("deformable", points_in(image(), 6)[[0, 1, 2, 3, 4, 5, 2]], "fixed landmarks 3 and 7 lie at one place"),
    ],
)
def test_landmarks_that_leave_it_open_are_refused(kind, points, says):
    with pytest.raises(InputError, match=says):
        register(image(), image(), settings(kind), fixed_points=points, moving_points=points)


def test_an_initial_transform_is_not_used_and_few_points_tell_no_error():
    points = points_in(image(), 3)
    result = register(
        *(image(), image(), settings("rigid")),
        fixed_points=points,
        moving_points=points,
        initial=sitk.TranslationTransform(3, (50.0, 0, 0)),
    )
    np.testing.assert_allclose(transform_points(result.transform, points), points, atol=1e-6)
    reasons = " ".join(result.quality.reasons)
    assert "initial transform was not used" in reasons
    assert "too few landmarks to tell" in reasons


def test_cancel_ends_it():
    points = points_in(image(), 12)
    token = CancelToken()

    def progress(fraction, message):
        if message == "Bending to the landmarks":
            token.cancel()

    with pytest.raises(Canceled):
        register(
            *(image(), image(), settings("deformable")),
            fixed_points=points,
            moving_points=points + np.random.default_rng(0).normal(0, 2, points.shape),
            progress=progress,
            cancel=token,
        )
