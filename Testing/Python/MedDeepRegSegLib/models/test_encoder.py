"""The encoder: shapes, unit vectors, gradients, and where its features lie."""

import pytest
import torch
from torch import nn

from MedDeepRegSegLib.models import self_similarity
from MedDeepRegSegLib.models.encoder import CONTEXT_STRIDE, MULTIPLE, STRIDE, Encoder, EncoderSettings


def without_norms(network):
    """Take away what depends on the whole volume."""
    for module in network.modules():
        if hasattr(module, "norm"):
            module.norm = nn.Identity()
    return network


def volumes(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_shapes_type_and_length(encoder):
    local, context = encoder(volumes(2, 2, 32, 16, 48))
    assert local.shape == (2, 4, 16, 8, 24)
    assert context.shape == (2, 6, 4, 2, 6)
    for features in (local, context):
        assert features.dtype == torch.float32
        assert torch.allclose(features.norm(dim=1), torch.ones(()), atol=1e-5)


def test_vectors_have_full_precision_in_mixed_precision(encoder):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        features = encoder(volumes(1, 2, 16, 16, 16))
    for part in features:
        assert part.dtype == torch.float32
        assert torch.allclose(part.norm(dim=1), torch.ones(()), atol=1e-5)


def test_pyramid_halves_the_resolution(encoder):
    maps = encoder.pyramid(volumes(1, 2, 32, 32, 16))
    assert [tuple(one.shape[1:]) for one in maps] == [(8 + 12, 16, 16, 8), (8, 8, 8, 4), (16, 4, 4, 2), (16, 2, 2, 1)]


def test_the_finest_map_ends_with_the_descriptors_of_global_contrast(encoder):
    volume = volumes(2, 2, 32, 16, 16)
    expected = self_similarity.self_similarity(volume[:, :1])
    with torch.no_grad():
        assert torch.equal(encoder.pyramid(volume)[0][:, 8:], expected)
        with torch.autocast("cpu", dtype=torch.bfloat16):  # computed in full precision, rounded once
            reduced = encoder.pyramid(volume)[0][:, 8:].float()
    assert (reduced - expected).abs().max() <= 0.6 * 2**-8


@pytest.mark.parametrize("part", ["down1", "local_head"])
def test_descriptors_are_used(encoder, part, monkeypatch):
    """They reach the first block and, past all of the network, the local features."""
    volume = volumes(1, 2, 16, 16, 16)
    with torch.no_grad():
        before = encoder(volume)
        if part == "down1":
            encoder.local_head.weight[:, 8:] = 0
            before = encoder(volume)
            encoder.down1[0].convolution.weight[:, 8:] = 0
        else:
            encoder.local_head.weight[:, 8:] = 0
        after = encoder(volume)
    changed = [not torch.allclose(one, other, atol=1e-3) for one, other in zip(before, after, strict=True)]
    assert changed == ([True, True] if part == "down1" else [True, False])


def test_it_is_small():
    network = Encoder()
    assert network.settings == EncoderSettings((24, 48, 72, 96), 16, 32)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    assert 1.0e6 < parameters < 2.0e6
    assert 2 * parameters < 4e6  # bytes in half precision


def test_every_weight_learns(encoder):
    local, context = encoder(volumes(1, 2, 32, 32, 32))
    loss = (local * volumes(*local.shape, seed=1)).sum() + (context * volumes(*context.shape, seed=2)).sum()
    loss.backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("value", [-1.0, 0.0])
def test_empty_volumes_give_finite_features_and_gradients(encoder, value):
    local, context = encoder(torch.full((1, 2, 16, 16, 16), value))
    (local.sum() + context.sum()).backward()
    assert torch.isfinite(local).all()
    assert torch.isfinite(context).all()
    assert all(torch.isfinite(parameter.grad).all() for parameter in encoder.parameters())


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_features_move_with_the_volume(encoder, axis):
    """Without what depends on the whole volume, 16 voxels of shift are 8 local and 2 context features of shift."""
    network = without_norms(encoder).eval()
    shape = [MULTIPLE] * 3
    shape[axis] = 19 * MULTIPLE
    volume = volumes(1, 2, *shape)
    with torch.no_grad():
        first = network(volume.narrow(2 + axis, 0, 18 * MULTIPLE))
        second = network(volume.narrow(2 + axis, MULTIPLE, 18 * MULTIPLE))
    reach = 7 * MULTIPLE  # voxels from the ends within which padding is felt
    for one, two, stride in zip(first, second, (STRIDE, CONTEXT_STRIDE), strict=True):
        shift, margin = MULTIPLE // stride, reach // stride
        count = one.shape[2 + axis] - 2 * margin - shift
        here = one.narrow(2 + axis, margin + shift, count)
        there = two.narrow(2 + axis, margin, count)
        wrong = (one.narrow(2 + axis, margin, count) - there).abs().max()
        right = (here - there).abs().max()
        assert right < 1e-5
        assert wrong > 100 * right
        assert wrong > 1e-3  # context of noise is nearly the same everywhere


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_features_lie_in_the_middle_of_their_voxels(encoder, axis, mirrored_channels):
    """A mirrored volume gives mirrored features where all kernels are mirror images of themselves.

    That holds only when local feature k lies at voxel 2 k + 0.5 and context feature k at 8 k + 3.5: any other place
    would not be met by its mirror image. The mirror image of a descriptor is that of the mirrored pair of neighbors,
    in another channel.
    """
    with torch.no_grad():
        for module in encoder.modules():
            if isinstance(module, nn.Conv3d):
                mirrored = module.weight.flip(2 + axis)
                if module in (encoder.down1[0].convolution, encoder.local_head):
                    mirrored[:, 8:] = mirrored[:, 8:][:, mirrored_channels(axis)]
                module.weight.add_(mirrored)
        volume = volumes(1, 2, 32, 32, 32)
        for plain, mirrored in zip(encoder(volume), encoder(volume.flip(2 + axis)), strict=True):
            assert torch.allclose(mirrored.flip(2 + axis), plain, atol=1e-4)
            assert not torch.allclose(mirrored, plain, atol=1e-2)


def test_a_seed_gives_the_same_network():
    networks = []
    for _ in range(2):
        torch.manual_seed(7)
        networks.append(Encoder(EncoderSettings((8, 8, 8, 8), 2, 2)))
    for one, two in zip(*(network.state_dict().values() for network in networks), strict=True):
        assert torch.equal(one, two)
