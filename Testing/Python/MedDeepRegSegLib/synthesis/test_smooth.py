"""Fields, blurring and sampling, beside SciPy's."""

import itertools

import numpy as np
import pytest
import torch
from scipy import ndimage

from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.synthesis.smooth import (
    apply,
    gaussian,
    largest_of_fields,
    nearest,
    sample,
    size_of,
    smooth_field,
    voxel_grid,
)

SIZE = (20, 24, 32)


@pytest.mark.parametrize("cells", [3, 8, 16.5])
@pytest.mark.parametrize("size", [(32, 32, 32), SIZE])
def test_fields_have_unit_deviation(cells, size):
    fields = smooth_field(Randomness(5), 60, size, cells)
    assert fields.shape == (60, *size)
    assert fields.dtype == torch.float32
    assert fields.square().mean().sqrt() == pytest.approx(1, abs=0.12)
    # Everywhere, also at borders and corners.
    each = fields.square().mean(dim=0).sqrt()
    assert each[0, 0, 0] == pytest.approx(1, abs=0.35)
    assert each[:, :, -1].mean() == pytest.approx(1, abs=0.2)


def test_few_cells_are_smoother_than_many():
    steps = [smooth_field(Randomness(1), 4, (32, 32, 32), cells).diff(dim=-1).std() for cells in (2, 4, 8, 16)]
    assert all(broad < 0.7 * fine for broad, fine in itertools.pairwise(steps))


def test_fields_are_repeatable_and_differ_by_channel():
    one, same = (smooth_field(Randomness(9), 2, (16, 16, 16), 4) for _ in range(2))
    assert torch.equal(one, same)
    assert not torch.allclose(one[0], one[1], atol=0.1)


def test_largest_of_fields_is_that():
    size, count = (16, 20, 24), 5
    winner = largest_of_fields(Randomness(3), count, size, 4)
    random = Randomness(3)
    fields = torch.cat([smooth_field(random, 1, size, 4) for _ in range(count)])
    assert winner.dtype == torch.int16
    assert torch.equal(winner.long(), fields.argmax(dim=0))


@pytest.mark.parametrize("sigmas", [(0.7, 1.0, 2.0), (0.0, 1.5, 0.0), (3.0, 0.3, 1.2)])
def test_gaussian_is_that_of_scipy(sigmas):
    volume = Randomness(2).normal(*SIZE)
    radius = [0 if sigma < 0.2 else max(1, int(np.ceil(2.5 * sigma))) for sigma in sigmas]
    expected = ndimage.gaussian_filter(volume.numpy(), sigmas, mode="nearest", radius=radius)
    assert np.allclose(gaussian(volume, sigmas).numpy(), expected, atol=2e-6)


def test_gaussian_of_a_wide_kernel_in_a_small_volume():
    volume = Randomness(2).rand(5, 6, 7)
    wide = gaussian(volume, (9.0, 9.0, 9.0))
    assert torch.isfinite(wide).all()
    assert wide.std() < 0.3 * volume.std()
    assert torch.allclose(gaussian(torch.ones(5, 6, 7), (9.0, 9.0, 9.0)), torch.ones(()))


def test_voxel_grid_holds_indices():
    grid = voxel_grid((2, 3, 4), "cpu")
    assert grid.shape == (3, 2, 3, 4)
    assert grid[:, 1, 2, 3].tolist() == [1, 2, 3]


def test_apply_multiplies_every_place():
    matrix, place = Randomness(1).normal(3, 3), Randomness(2).normal(3, 4, 5, 6)
    assert torch.allclose(apply(matrix, place)[:, 3, 2, 1], matrix @ place[:, 3, 2, 1], atol=1e-6)
    assert apply(matrix, place[:, 0, 0, 0]).shape == (3,)


def test_size_of():
    assert size_of(torch.zeros(2, 3, 4)) == (2, 3, 4)


def places(count=400):
    """Return places in and around a volume of SIZE."""
    return Randomness(6).rand(3, count) * (torch.tensor(SIZE)[:, None] + 6.0) - 3.5


def test_sample_is_linear_and_goes_on_outside():
    volume, place = Randomness(1).normal(2, *SIZE), places()
    expected = [ndimage.map_coordinates(part.numpy(), place.numpy(), order=1, mode="nearest") for part in volume]
    assert np.allclose(sample(volume, place).numpy(), expected, atol=1e-4)
    grid = voxel_grid(SIZE, "cpu")
    assert torch.allclose(sample(volume, grid), volume, atol=1e-4)


def test_nearest_is_that_of_scipy_and_zero_outside():
    labels, place = Randomness(1).integers(1, 99, *SIZE).to(torch.int16), places()
    found, inside = nearest(labels, place)
    expected = ndimage.map_coordinates(labels.numpy(), place.round().numpy(), order=0, mode="constant", cval=0)
    assert found.dtype == torch.int16
    assert np.array_equal(found.numpy(), expected)
    assert torch.equal(inside, found > 0)
    assert 0.2 < inside.float().mean() < 0.95
