import numpy as np
import pytest
import torch

from MedDeepRegSegLib.registration.feature_grids import sample, smoothed, voxels
from MedDeepRegSegLib.registration.fields import smallest_determinant
from MedDeepRegSegLib.registration.stationary_velocity import determinants, exponential, squared_slopes

SHAPE = (20, 22, 24)


def smooth_velocity(seed: int, size: float) -> torch.Tensor:
    noise = torch.randn((1, 3, *SHAPE), generator=torch.Generator().manual_seed(seed))
    velocity = smoothed(noise, 12)
    velocity = velocity / velocity.abs().max()
    for axis, side in enumerate(SHAPE):  # nothing at the border
        window = torch.sin(torch.pi * torch.arange(side) / (side - 1))
        velocity = velocity * window.view([-1 if other == axis else 1 for other in range(3)])
    return velocity * size


def test_exponential_of_a_linear_velocity_is_the_matrix_exponential():
    matrix = torch.tensor([[0.02, -0.15, 0.0], [0.15, 0.02, 0.0], [0.0, 0.0, -0.1]])
    middle = torch.tensor([(side - 1) / 2 for side in SHAPE]).view(1, 3, 1, 1, 1)
    home = voxels(SHAPE) - middle
    velocity = torch.einsum("ij,bjdhw->bidhw", matrix, home)
    found = exponential(velocity, steps=8)
    wanted = torch.einsum("ij,bjdhw->bidhw", torch.linalg.matrix_exp(matrix), home) - home
    inner = (..., slice(6, -6), slice(6, -6), slice(6, -6))  # nothing from beyond the grid comes here
    assert (found - wanted)[inner].abs().max() < 0.02


def test_the_opposite_velocity_is_the_inverse():
    velocity = smooth_velocity(0, 4.0)
    forth, back = exponential(velocity, steps=7), exponential(-velocity, steps=7)
    assert forth.abs().max() > 1.2
    around = forth + sample(back, voxels(SHAPE) + forth)
    assert around.abs().max() < 0.1


def test_determinants_are_those_of_the_field_and_nothing_folds():
    displacement = exponential(smooth_velocity(1, 4.0), steps=7)
    corners = [(z, y, x) for z in (0, 1) for y in (0, 1) for x in (0, 1)]
    smallest = min(float(determinants(displacement, corner).min()) for corner in corners)
    assert smallest == pytest.approx(smallest_determinant(displacement[0].flip(0).numpy(), 1.0), abs=1e-4)
    assert 0 < smallest < 0.8


def test_determinant_of_a_shear_and_a_scale():
    home = voxels((5, 5, 5))
    matrix = torch.tensor([[0.2, 0.5, 0.0], [0.3, -0.1, 0.0], [0.0, 0.4, 0.1]])
    displacement = torch.einsum("ij,bjdhw->bidhw", matrix, home)
    wanted = float(np.linalg.det(np.eye(3) + matrix.numpy()))
    torch.testing.assert_close(determinants(displacement, (0, 1, 0)), torch.full((4, 4, 4), wanted))


def test_slopes_count_by_their_weight():
    velocity = torch.zeros(1, 3, 4, 4, 4)
    velocity[0, 1] = torch.arange(4.0).view(1, 1, 4) * 2  # y grows by 2 along x
    weight = torch.ones(4, 4, 4)
    assert float(squared_slopes(velocity, weight)) == 4 * 4 * 3 * 4
    weight[:2] = 0.5
    assert float(squared_slopes(velocity, weight)) == 4 * 4 * 3 * 4 * 0.75
