"""What the encoder sees: the same whatever the scale of intensities, and never anything but finite numbers."""

import pytest
import torch

from MedDeepRegSegLib.models.encoder_input import CHANNELS, standardize


@pytest.fixture
def volume():
    generator = torch.Generator().manual_seed(1)
    coarse = torch.rand(2, 1, 5, 6, 7, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, size=(20, 24, 28), mode="trilinear")
    return smooth + 0.02 * torch.randn(smooth.shape, generator=generator)


def test_two_channels_within_their_bounds(volume):
    result = standardize(volume)
    assert result.shape == (2, CHANNELS, 20, 24, 28)
    assert result[:, 0].min() == -1
    assert result[:, 0].max() == 1
    assert result[:, 1].abs().max() <= 1.5
    assert result[:, 1].std() > 0.2


@pytest.mark.parametrize(("scale", "offset"), [(1500.0, -1024.0), (1e-3, 0.0), (3e4, 1e3), (0.5, -7.0)])
def test_scale_and_offset_of_intensities_do_not_matter(volume, scale, offset):
    assert torch.allclose(standardize(scale * volume + offset), standardize(volume), atol=2e-3)


def test_inverted_contrast_is_inverted(volume):
    """The first channel is mirrored: that a network sees CT and MR alike is learned, not given."""
    assert torch.allclose(standardize(-volume)[:, 0], -standardize(volume)[:, 0], atol=0.02)


def test_each_volume_is_standardized_on_its_own(volume):
    both = torch.cat([volume[:1], 100 * volume[1:] + 5])
    alone = torch.cat([standardize(both[:1]), standardize(both[1:])])
    assert torch.allclose(standardize(both), alone, atol=1e-6)


@pytest.mark.parametrize("value", [0.0, -1024.0, 1e6])
def test_constant_volumes_are_finite_and_without_contrast(value):
    result = standardize(torch.full((1, 1, 18, 19, 20), value))
    assert torch.isfinite(result).all()
    assert (result[:, 0] == -1).all()
    assert result[:, 1].abs().max() < 1e-6


def test_few_extreme_voxels_do_not_matter(volume):
    metal = volume.clone()
    metal[:, :, 10, 10, 10:16] = 1e5
    assert (standardize(metal)[:, 0] - standardize(volume)[:, 0])[:, :10].abs().max() < 0.05


def test_slow_shading_is_taken_out_of_the_second_channel(volume):
    shaded = volume * torch.linspace(1, 2, 28)
    plain, with_shading = standardize(volume), standardize(shaded)
    change = (with_shading - plain).abs().mean(dim=(0, 2, 3, 4))
    spread = plain.std(dim=(0, 2, 3, 4))
    assert change[1] / spread[1] < 0.5 * change[0] / spread[0]


def test_odd_shapes():
    assert standardize(torch.rand(1, 1, 17, 19, 23)).shape == (1, 2, 17, 19, 23)


@pytest.mark.parametrize("shape", [(2, 2, 2), (3, 17, 5), (2, 33, 64), (16, 16, 16)])
def test_small_shapes(shape):
    result = standardize(torch.rand(1, 1, *shape))
    assert result.shape == (1, 2, *shape)
    assert torch.isfinite(result).all()
