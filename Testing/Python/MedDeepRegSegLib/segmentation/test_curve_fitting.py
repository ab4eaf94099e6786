"""Ellipses and lines through points with noise, gaps and points that belong elsewhere."""

import numpy as np
import pytest

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.segmentation.ellipse_fitting import fit_ellipse
from MedDeepRegSegLib.segmentation.ellipse_geometry import closest_angles, signed_distances
from MedDeepRegSegLib.segmentation.line_fitting import fit_line

FRAME = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
CENTER = np.array([40.0, -25.0, 110.0])
MAJOR, MINOR = 40.0, 24.0


def on_ellipse(count, *, arc=2 * np.pi, noise=0.0, outliers=0.0, seed=0):
    """Points on an ellipse in a tilted plane, LPS mm."""
    generator = np.random.default_rng(seed)
    t = np.linspace(0, arc, count, endpoint=False)
    flat = np.stack([MAJOR / 2 * np.cos(t), MINOR / 2 * np.sin(t)], axis=1) + generator.normal(0, noise, (count, 2))
    wrong = generator.choice(count, int(outliers * count), replace=False)
    flat[wrong] = generator.uniform(-25, 25, (len(wrong), 2))
    return CENTER + flat @ FRAME[:, :2].T


@pytest.mark.parametrize("refine", [False, True])
def test_an_exact_ellipse_is_found_exactly(refine):
    fit = fit_ellipse(on_ellipse(40), robust=False, refine=refine)
    assert (fit.major_mm, fit.minor_mm) == (pytest.approx(MAJOR, abs=1e-5), pytest.approx(MINOR, abs=1e-5))
    np.testing.assert_allclose(fit.center, CENTER, atol=1e-5)
    assert abs(np.dot(fit.major_direction, FRAME[:, 0])) == pytest.approx(1, abs=1e-9)
    assert abs(np.dot(fit.minor_direction, FRAME[:, 1])) == pytest.approx(1, abs=1e-9)
    assert fit.residual_p95_mm < 1e-5
    assert fit.confidence > 0.95
    np.testing.assert_allclose(np.linalg.norm(np.diff(fit.axis_ends("major"), axis=0)), MAJOR, atol=1e-5)
    assert np.linalg.norm(fit.points(8) - CENTER, axis=1).max() <= MAJOR / 2 + 1e-6


@pytest.mark.parametrize(("noise", "outliers", "arc"), [(0.2, 0.0, 2 * np.pi), (0.2, 0.25, 2 * np.pi), (0.1, 0.1, 4.2)])
def test_axes_within_one_percent_with_noise_gaps_and_wrong_points(noise, outliers, arc):
    points = on_ellipse(240, arc=arc, noise=noise, outliers=outliers, seed=5)
    fit = fit_ellipse(points, normal=tuple(FRAME[:, 2]), tolerance_mm=1.0)
    assert fit.major_mm == pytest.approx(MAJOR, rel=0.01)
    assert fit.minor_mm == pytest.approx(MINOR, rel=0.01)
    assert fit.inlier_share == pytest.approx(1 - outliers, abs=0.06)
    assert fit.coverage == pytest.approx(arc / (2 * np.pi), abs=0.1)
    assert fit.confidence == pytest.approx(fit.inlier_share * fit.coverage)
    assert fit.residual_mean_mm < 3 * noise
    if outliers:
        plain = fit_ellipse(points, normal=tuple(FRAME[:, 2]), tolerance_mm=1.0, robust=False)
        assert plain.confidence < fit.confidence


def test_the_same_seed_gives_the_same_ellipse():
    points = on_ellipse(100, noise=0.5, outliers=0.3)
    assert fit_ellipse(points, seed=4) == fit_ellipse(points, seed=4)


def test_distances_and_their_derivatives():
    ellipse = np.array([3.0, -2.0, 20.0, 12.0, 0.7])
    points = np.random.default_rng(0).normal(0, 15, (40, 2))
    distance, derivative = signed_distances(ellipse, points)
    t = np.linspace(0, 2 * np.pi, 20001)
    turn = np.array([[np.cos(0.7), -np.sin(0.7)], [np.sin(0.7), np.cos(0.7)]])
    line = np.stack([20 * np.cos(t), 12 * np.sin(t)], axis=1) @ turn.T + ellipse[:2]
    least = np.array([np.linalg.norm(line - point, axis=1).min() for point in points])
    np.testing.assert_allclose(np.abs(distance), least, atol=1e-4)
    for index in range(5):
        step = np.eye(5)[index] * 1e-5
        slope = (signed_distances(ellipse + step, points)[0] - signed_distances(ellipse - step, points)[0]) / 2e-5
        np.testing.assert_allclose(derivative[:, index], slope, atol=1e-3)
    flat = np.array([0.0, 0.0, 20.0, 0.5, 0.0])
    assert closest_angles(flat, np.array([[30.0, 0.0]]))[0] == pytest.approx(0, abs=1e-6)


def test_no_ellipse_where_there_is_none():
    line = np.outer(np.arange(10.0), [1.0, 2.0, 0.5])
    for points, words in ((line, "no ellipse"), (line[:4], "too few"), (np.full((9, 3), np.nan), "finite")):
        with pytest.raises(InputError, match=words):
            fit_ellipse(points, tolerance_mm=1.0)
    with pytest.raises(InputError, match="normal of the plane"):
        fit_ellipse(on_ellipse(20), normal=(0.0, 0.0, 0.0))
    with pytest.raises(InputError, match="expected more than 0"):
        fit_ellipse(np.ones((9, 3)))


def test_a_line_through_noise_and_wrong_points():
    generator = np.random.default_rng(2)
    direction = np.array([2.0, -1.0, 2.0]) / 3
    points = CENTER + np.outer(np.linspace(-30, 30, 120), direction) + generator.normal(0, 0.2, (120, 3))
    points[:36] = CENTER + generator.uniform(-30, 30, (36, 3))
    fit = fit_line(points, tolerance_mm=1.0)
    assert abs(np.dot(fit.direction, direction)) > np.cos(np.radians(0.5))
    assert fit.direction[int(np.abs(fit.direction).argmax())] > 0
    assert fit.inlier_share == pytest.approx(0.7, abs=0.03)
    assert fit.residual_mean_mm == pytest.approx(0.25, abs=0.1)
    off = np.subtract(fit.center, CENTER)
    assert np.linalg.norm(off - np.dot(off, direction) * direction) < 0.3
    plain = fit_line(points, tolerance_mm=1.0, robust=False)
    assert abs(np.dot(plain.direction, direction)) < abs(np.dot(fit.direction, direction))
    np.testing.assert_allclose(np.linalg.norm(np.diff(fit.ends, axis=0)), fit.length_mm)


def test_an_exact_line_has_full_confidence_and_a_gap_lowers_it():
    points = np.outer(np.linspace(0, 50, 80), [0.0, 0.6, 0.8])
    assert fit_line(points).confidence == 1
    assert fit_line(points[np.r_[0:20, 60:80]]).confidence == pytest.approx(0.5, abs=0.1)
    for bad, words in ((points[:1], "too few"), (np.ones((5, 3)), "in one place"), (points[:, :2], "shape")):
        with pytest.raises(InputError, match=words):
            fit_line(bad)
    with pytest.raises(InputError, match="tolerance"):
        fit_line(points, tolerance_mm=0.0)
