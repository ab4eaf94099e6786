import numpy as np
import pytest

from MedDeepRegSegLib.errors import Canceled
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.segmentation.brain_surface import brain_by_balloon, sphere_mesh


def test_sphere_is_closed_even_and_turned_outward():
    points, triangles = sphere_mesh(3)
    assert (len(points), len(triangles)) == (642, 1280)
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1)
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    volume = np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6
    assert volume == pytest.approx(4 / 3 * np.pi, rel=0.02)
    areas = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    assert areas.max() / areas.min() < 2


@pytest.mark.parametrize("spacing", [pytest.param((2.0, 2.0, 2.0), marks=pytest.mark.slow), (5.0, 2.5, 2.5)])
def test_bright_ellipsoid_in_a_dark_shell_within_a_bright_one(spacing):
    size = [int(190 / step) for step in spacing]
    grid = np.indices(size).astype(float)
    places = [(axis - (number - 1) / 2) * step for axis, number, step in zip(grid, size, spacing, strict=True)]

    def ellipsoid(grow):
        return sum((place / (half + grow)) ** 2 for place, half in zip(places, (60, 75, 62), strict=True)) <= 1

    brain, skull, head = ellipsoid(0), ellipsoid(7), ellipsoid(14)
    values = np.where(brain, 100.0, np.where(skull, 8.0, np.where(head, 130.0, 2.0)))
    values += np.random.default_rng(0).normal(0, 3, values.shape)
    found = brain_by_balloon(values.astype(np.float32), head, spacing)
    assert 2 * (found & brain).sum() / (found.sum() + brain.sum()) > 0.96
    assert not (found & head & ~skull).any()


def test_cancel():
    token = CancelToken()
    token.cancel()
    values = np.random.default_rng(0).uniform(50, 60, (20, 20, 20)).astype(np.float32)
    with pytest.raises(Canceled):
        brain_by_balloon(values, np.ones(values.shape, bool), (5.0, 5.0, 5.0), cancel=token)
