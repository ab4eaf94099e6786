"""Sampling is exact at voxel centers, pooling knows where its blocks lie, scaling makes random places differ by 1."""

import pytest
import torch

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.registration.feature_grids import consistent, pooled, sample, scaled, voxels


@pytest.mark.parametrize("shape", [(2, 3, 5), (7, 4, 6)])
def test_a_whole_number_is_the_center_of_a_voxel(shape):
    volume = torch.rand(1, 2, *shape, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(sample(volume, voxels(shape)), volume)


def test_sampling_is_linear_between_voxels_and_has_no_bias_by_size():
    ramp = voxels((40, 40, 40))
    places = torch.rand(1, 3, 4, 4, 4, generator=torch.Generator().manual_seed(2)) * 39
    torch.testing.assert_close(sample(ramp, places), places, atol=1e-4, rtol=0)


def test_beyond_the_grid_is_the_border_or_nothing():
    volume = torch.full((1, 1, 3, 3, 3), 5.0)
    far = torch.full((1, 3, 1, 1, 1), 20.0)
    assert sample(volume, far).item() == 5.0
    assert sample(volume, far, outside="zeros").item() == 0.0


def test_a_block_lies_at_the_middle_of_its_voxels():
    ramp = voxels((6, 8, 4))
    mean, _ = pooled(ramp, torch.ones(1, 1, 6, 8, 4), 2)
    torch.testing.assert_close(mean, 2 * voxels((3, 4, 2)) + 0.5)


def test_what_does_not_count_does_not_enter_a_block_and_an_incomplete_block_keeps_its_mean():
    features = torch.tensor([1.0, 9.0, 4.0]).view(1, 1, 1, 1, 3)
    weight = torch.tensor([1.0, 0.0, 1.0]).view(1, 1, 1, 1, 3)
    mean, share = pooled(features, weight, 2)
    assert mean.flatten().tolist() == [1.0, 4.0]
    assert share.flatten().tolist() == [0.125, 0.125]


@pytest.mark.parametrize("channels", [1, 12])
def test_random_places_differ_by_one_after_scaling(channels):
    generator = torch.Generator().manual_seed(3)
    fixed, moving = (7 * torch.rand(1, channels, 12, 12, 12, generator=generator) + 3 for _ in range(2))
    ones = torch.ones(12, 12, 12)
    a, b = scaled(fixed, moving, ones, ones)
    order = torch.randperm(12**3, generator=generator)
    apart = (a.flatten(2)[0] - b.flatten(2)[0][:, order]).square().sum(0).mean()
    assert apart.item() == pytest.approx(1.0, rel=0.08)


@pytest.mark.parametrize("empty", ["fixed", "moving"])
def test_an_empty_mask_is_refused_instead_of_giving_no_numbers(empty):
    features, masks = torch.rand(1, 3, 4, 4, 4), {"fixed": torch.ones(4, 4, 4), "moving": torch.ones(4, 4, 4)}
    masks[empty] = torch.zeros(4, 4, 4)
    with pytest.raises(InputError, match=f"{empty} mask is empty"):
        scaled(features, features, masks["fixed"], masks["moving"])


def test_fields_become_inverse_to_each_other():
    shape = (12, 12, 12)
    home = voxels(shape)
    forth = 1.5 * torch.sin(home.flip(1) / 4)
    back = torch.zeros_like(forth)

    def gap(one, two):
        inner = (..., *[slice(3, -3)] * 3)
        return (one + sample(two, home + one))[inner].norm(dim=1).mean().item()

    assert gap(*consistent(forth, back, 15)) < 0.1 * gap(forth, back)
