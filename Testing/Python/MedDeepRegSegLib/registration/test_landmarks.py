import numpy as np
import pytest

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.registration.known import known_rigid
from MedDeepRegSegLib.registration.landmarks import (
    affine_from_landmarks,
    rigid_from_landmarks,
    similarity_from_landmarks,
)
from MedDeepRegSegLib.registration.transforms import transform_points

POINTS = np.random.default_rng(0).uniform(-60, 60, (6, 3))


def test_rigid_is_found_from_three_pairs():
    known = known_rigid((1, 2, 3), seed=3, rotation_degrees=50, shift_mm=900)
    found = rigid_from_landmarks(POINTS[:3], transform_points(known, POINTS[:3]))
    np.testing.assert_allclose(found(POINTS), transform_points(known, POINTS), atol=1e-8)
    assert np.linalg.det(found.matrix) == pytest.approx(1)


def test_rigid_stays_a_rotation_for_mirrored_points():
    found = rigid_from_landmarks(POINTS, POINTS * [-1, 1, 1])
    assert np.linalg.det(found.matrix) == pytest.approx(1)


def test_similarity_is_found_from_three_pairs_and_scales_noise_least():
    known = known_rigid((1, 2, 3), seed=4, rotation_degrees=130, shift_mm=50)
    found = similarity_from_landmarks(POINTS[:3], 1.3 * transform_points(known, POINTS[:3]))
    np.testing.assert_allclose(found(POINTS), 1.3 * transform_points(known, POINTS), atol=1e-8)
    assert np.cbrt(np.linalg.det(found.matrix)) == pytest.approx(1.3)
    noisy = transform_points(known, POINTS) + np.random.default_rng(1).normal(0, 2, POINTS.shape)
    errors = [
        np.linalg.norm(f(POINTS, noisy)(POINTS) - noisy) for f in (rigid_from_landmarks, similarity_from_landmarks)
    ]
    assert errors[1] < errors[0]


def test_affine_is_found_from_four_pairs_and_averages_more():
    matrix, offset = np.eye(3) + 0.1 * np.arange(9).reshape(3, 3), np.array([5.0, 6, 7])
    found = affine_from_landmarks(POINTS[:4], POINTS[:4] @ matrix.T + offset)
    np.testing.assert_allclose(found(POINTS), POINTS @ matrix.T + offset, atol=1e-8)
    noise = np.random.default_rng(1).normal(0, 1, POINTS.shape)
    fitted = affine_from_landmarks(POINTS, POINTS + noise)
    assert np.linalg.norm(fitted(POINTS) - POINTS - noise) < np.linalg.norm(noise)


@pytest.mark.parametrize(
    ("function", "points", "says"),
    [
        (rigid_from_landmarks, POINTS[:2], "2 landmark pairs, expected 3"),
        (affine_from_landmarks, POINTS[:3], "3 landmark pairs, expected 4"),
        (rigid_from_landmarks, np.outer(np.arange(5), [1, 2, 3]) * 10.0, "on a line"),
        (similarity_from_landmarks, np.outer(np.arange(5), [1, 2, 3]) * 10.0, "on a line"),
        (affine_from_landmarks, POINTS * [1, 1, 0], "in a plane"),
    ],
)
def test_points_that_leave_it_open_are_refused(function, points, says):
    with pytest.raises(InputError, match=says):
        function(points, points + 1.0)


def test_moving_points_that_leave_it_open_are_refused():
    with pytest.raises(InputError, match="on a line"):
        rigid_from_landmarks(POINTS[:3], np.ones((3, 3)))


def test_affine_refuses_pairs_in_another_order():
    with pytest.raises(InputError, match="inside out"):
        affine_from_landmarks(POINTS[:4], POINTS[:4] * [-1, 1, 1])
