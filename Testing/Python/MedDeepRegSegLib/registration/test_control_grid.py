import numpy as np
import pytest

from MedDeepRegSegLib.registration.canonical import grid_around
from MedDeepRegSegLib.registration.control_grid import ControlGrid
from MedDeepRegSegLib.registration.fields import sample_field

LOW, HIGH = np.array([-70.0, -80, -60]), np.array([75.0, 90, 66])


@pytest.fixture(scope="module")
def control():
    return ControlGrid(grid_around(LOW, HIGH, 5.0), 30.0, LOW, HIGH)


def random_coefficients(control, seed=0):
    return np.random.default_rng(seed).normal(0, 3, control.shape)


def test_adjoint_is_the_transpose(control):
    coefficients = random_coefficients(control)
    field = control.field(coefficients)
    other = np.random.default_rng(1).normal(size=field.shape).astype(np.float32)
    assert (field * other).sum() == pytest.approx((coefficients * control.adjoint(other)).sum(), rel=1e-4)


def test_halved_distance_holds_the_same_field(control):
    finer = ControlGrid(grid_around(LOW, HIGH, 5.0), 15.0, LOW, HIGH)
    coefficients = random_coefficients(control)
    np.testing.assert_allclose(finer.field(finer.fit(coefficients, control)), control.field(coefficients), atol=1e-3)


def test_control_points_do_not_depend_on_the_voxels(control):
    coarse = ControlGrid(grid_around(LOW, HIGH, 10.0), 30.0, LOW, HIGH)
    assert coarse.shape == control.shape


def test_field_fades_to_zero_at_the_border(control):
    field = control.field(random_coefficients(control))
    for axis in (1, 2, 3):
        for side in (0, -1):
            assert np.abs(np.take(field, side, axis)).max() < 1e-3
    assert np.abs(field).max() > 1


def test_sampling_the_splines_costs_little():
    # The field that is written is linear between voxels of at most 3 mm; the splines between them are not.
    fine = ControlGrid(grid_around(LOW, HIGH, 1.5), 15.0, LOW, HIGH)
    coarse = ControlGrid(grid_around(LOW, HIGH, 3.0), 15.0, LOW, HIGH)
    coefficients = random_coefficients(fine)
    grid, other = grid_around(LOW, HIGH, 1.5), grid_around(LOW, HIGH, 3.0)
    index = np.arange(0, np.prod(grid.shape), 97)
    place = (grid.points(index) - other.origin) / 3.0
    inside = np.all((place >= 0) & (place <= np.array(other.size) - 1), axis=1)
    linear = sample_field(coarse.field(coefficients), place[inside].T)
    exact = fine.field(coefficients).reshape(3, -1)[:, index[inside]]
    error = np.linalg.norm(linear - exact, axis=0)
    # Independent coefficients of 3 mm are far rougher than any deformation that is allowed.
    assert np.linalg.norm(exact, axis=0).max() > 3
    assert np.percentile(error, 95) < 0.15


def test_bending_is_zero_for_a_shift_and_its_derivative_is_right(control):
    assert control.bending(np.ones(control.shape))[0] == 0
    coefficients = random_coefficients(control)
    direction = random_coefficients(control, 1)
    _, derivative = control.bending(coefficients)
    step = 1e-5
    plus, minus = (control.bending(coefficients + sign * step * direction)[0] for sign in (1, -1))
    assert (derivative * direction).sum() == pytest.approx((plus - minus) / (2 * step), rel=1e-5)


def test_nearest_coefficients_reproduce_a_field_of_splines(control):
    coefficients = random_coefficients(control)
    plain = coefficients
    for axis, basis in enumerate(control._bases):  # the field before it is faded
        plain = np.moveaxis(np.tensordot(plain, basis, axes=([axis + 1], [1])), 3, axis + 1)
    inner = (slice(None), *[slice(2, -2)] * 3)
    np.testing.assert_allclose(control.nearest(plain)[inner], coefficients[inner], atol=0.2)
