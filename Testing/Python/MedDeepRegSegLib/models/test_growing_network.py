"""The growing network: shapes, what its prompts do, and that its parts are what they say."""

import pytest
import torch

from MedDeepRegSegLib.models import growing_prompts
from MedDeepRegSegLib.models.encoder_input import standardize
from MedDeepRegSegLib.models.growing_network import (
    GrowingNetwork,
    GrowingNetworkSettings,
    cells_to_voxels,
    voxels_to_cells,
)

SMALL = GrowingNetworkSettings(channels=(8, 8, 8, 8), states=(8, 8, 8), steps=(1, 1, 2), similarity_features=4)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(3)
    return GrowingNetwork(SMALL).eval()


def answer(network, volume, points, signs, box=None):
    size = volume.shape[2:]
    prompts = growing_prompts.blank(size)
    intensity = growing_prompts.intensity(volume[0])
    for point, sign in zip(points, signs, strict=True):
        growing_prompts.add_point(prompts, intensity, point, positive=sign > 0)
    growing_prompts.set_box(prompts, box)
    with torch.inference_mode():
        return network(network.encode(volume), volume, prompts[None], torch.tensor([points]), torch.tensor([signs]))


@pytest.fixture(scope="module")
def volume():
    generator = torch.Generator().manual_seed(0)
    return standardize(torch.randn(1, 1, 32, 48, 16, generator=generator))


def test_answers_have_the_size_of_the_volume(network, volume):
    logits, coarse = answer(network, volume, [(5, 6, 7)], [1])
    assert logits.shape == (1, 1, 32, 48, 16)
    assert [tuple(part.shape[2:]) for part in coarse] == [(16, 24, 8), (8, 12, 4), (4, 6, 2)]
    assert logits.dtype == torch.float32


def test_every_prompt_matters(network, volume):
    alone, _ = answer(network, volume, [(5, 6, 7)], [1])
    elsewhere, _ = answer(network, volume, [(25, 40, 3)], [1])
    outside, _ = answer(network, volume, [(5, 6, 7), (25, 40, 3)], [1, -1])
    boxed, _ = answer(network, volume, [(5, 6, 7)], [1], (slice(0, 16), slice(0, 16), slice(0, 16)))
    for other in (elsewhere, outside, boxed):
        assert (alone - other).abs().max() > 1e-4


def test_points_of_no_sign_say_nothing(network, volume):
    prompts = growing_prompts.blank(volume.shape[2:])
    with torch.inference_mode():
        encoded = network.encode(volume)
        one, _ = network(encoded, volume, prompts[None], torch.tensor([[[1, 2, 3]]]), torch.tensor([[0]]))
        other, _ = network(encoded, volume, prompts[None], torch.tensor([[[30, 40, 9]]]), torch.tensor([[0]]))
    assert torch.equal(one, other)


def test_the_same_for_each_of_a_batch(network, volume):
    other = volume.flip(2)
    prompts = growing_prompts.blank(volume.shape[2:])[None]
    points, signs = torch.tensor([[[5, 6, 7]]]), torch.tensor([[1]])
    with torch.inference_mode():
        both = torch.cat([volume, other])
        together, _ = network(
            network.encode(both), both, prompts.repeat(2, 1, 1, 1, 1), points.repeat(2, 1, 1), signs.repeat(2, 1)
        )
        alone, _ = network(network.encode(other), other, prompts, points, signs)
    torch.testing.assert_close(together[1:], alone, atol=1e-4, rtol=1e-4)


def test_cells_hold_the_voxels_of_a_block():
    voxels = torch.arange(2 * 4 * 4 * 6, dtype=torch.float32).reshape(1, 2, 4, 4, 6)
    cells = voxels_to_cells(voxels)
    assert cells.shape == (1, 16, 2, 2, 3)
    assert torch.equal(cells[0, :8, 0, 0, 0], voxels[0, 0, :2, :2, :2].reshape(-1))
    assert torch.equal(cells_to_voxels(cells), voxels)


def test_it_learns(volume):
    """A few steps on one object bring its loss down: gradients reach all parts."""
    torch.manual_seed(1)
    network = GrowingNetwork(SMALL)
    truth = torch.zeros(1, 1, 32, 48, 16)
    truth[..., 4:14, 4:16, 2:12] = 1
    prompts = growing_prompts.blank((32, 48, 16))
    growing_prompts.add_point(prompts, growing_prompts.intensity(volume[0]), (8, 9, 7), positive=True)
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)
    losses = []
    for _ in range(12):
        logits, coarse = network(
            network.encode(volume), volume, prompts[None], torch.tensor([[[8, 9, 7]]]), torch.tensor([[1]])
        )
        loss = (
            torch.nn.functional.binary_cross_entropy_with_logits(logits, truth)
            + sum(c.square().mean() for c in coarse) * 0.01
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
    assert all(parameter.grad is not None for parameter in network.parameters())
