"""Descriptors: by hand, beside those of registration, blind to contrast, and where they lie."""

from itertools import product

import numpy as np
import pytest
import torch

from MedDeepRegSegLib.models.self_similarity import CHANNELS, NEIGHBORS, PAIRS, self_similarity
from MedDeepRegSegLib.registration.neighborhood import descriptors


def blobs(*shape, seed=0):
    """Return a volume of broad structure and a little noise, (1, 1, D, H, W), from -1 to 1."""
    noise = torch.randn((1, 1, *shape), generator=torch.Generator().manual_seed(seed))
    broad = torch.nn.functional.avg_pool3d(noise, 3, stride=1, padding=1)
    volume = broad / broad.std() + 0.1 * noise
    return volume / volume.abs().max()


def by_hand(volume):
    """Return the descriptors of a volume (D, H, W), one place and one pair of neighbors after the other."""
    last = np.array(volume.shape) - 1
    result = np.zeros((CHANNELS, *(side // 2 for side in volume.shape)))
    for place in np.ndindex(result.shape[1:]):
        voxels = [2 * np.array(place) + np.array(step) for step in product((-1, 0, 1, 2), repeat=3)]
        voxels = np.clip(voxels, 0, last)
        for channel, (i, j) in enumerate(PAIRS):
            one, other = (volume[tuple(np.clip(voxels + NEIGHBORS[k], 0, last).T)] for k in (i, j))
            result[channel][place] = ((one - other) ** 2).mean()
    result -= result.min(axis=0)
    return np.exp(-result / np.maximum(result.mean(axis=0), 1e-4)) - 0.6


@pytest.mark.parametrize("shape", [(12, 12, 12), (4, 6, 10)])
def test_values_by_hand(shape):
    volume = blobs(*shape)
    result = self_similarity(volume)
    assert result.dtype == torch.float32
    np.testing.assert_allclose(result[0].numpy(), by_hand(volume[0, 0].numpy().astype(float)), atol=1e-4)


def test_pairs_are_those_of_neighbors_two_voxels_away_at_right_angles():
    assert len({frozenset(pair) for pair in PAIRS}) == CHANNELS == len(PAIRS) == 12
    six = np.array(NEIGHBORS)
    assert len(np.unique(six, axis=0)) == 6
    assert (np.abs(six).sum(axis=1) == 2).all()
    assert all(six[i] @ six[j] == 0 for i, j in PAIRS)


def test_they_tell_what_the_descriptors_of_registration_tell():
    """Up to the mean over the eight voxels of a place, and where no border is near."""
    volume = blobs(24, 24, 24)
    own = self_similarity(volume)[0, :, 2:-2, 2:-2, 2:-2].flatten(1).numpy()
    fine = torch.from_numpy(descriptors(volume[0, 0].numpy())).movedim(-1, 0)
    other = torch.nn.functional.avg_pool3d(fine[None], 2)[0, :, 2:-2, 2:-2, 2:-2].flatten(1).numpy()
    related = np.corrcoef(own, other)[:CHANNELS, CHANNELS:]
    assert (related.diagonal() > 0.85).all()
    assert (related.argmax(axis=1) == np.arange(CHANNELS)).all()
    assert (related - np.diag(related.diagonal())).max() < 0.6
    assert (own.argmax(axis=0) == other.argmax(axis=0)).mean() > 0.6  # by chance: 1 of 12
    # The next place is not meant.
    moved = torch.nn.functional.avg_pool3d(fine[None], 2)[0, :, 3:-1, 2:-2, 2:-2].flatten(1).numpy()
    assert (np.corrcoef(own, moved)[:CHANNELS, CHANNELS:].diagonal() < 0.6).all()


@pytest.mark.parametrize(("factor", "offset"), [(0.5, 0.0), (-1.0, 0.0), (-0.4, 0.3), (1.0, -2.0)])
def test_contrast_and_its_inversion_do_not_matter(factor, offset):
    volume = blobs(16, 16, 16)
    assert torch.allclose(self_similarity(factor * volume + offset), self_similarity(volume), atol=1e-4)


def test_other_changes_of_contrast_matter_and_so_do_other_volumes():
    volume = blobs(16, 16, 16)
    for other in (volume.abs(), blobs(16, 16, 16, seed=1)):
        assert not torch.allclose(self_similarity(other), self_similarity(volume), atol=0.1)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_they_lie_in_the_middle_of_their_two_voxels(axis, mirrored_channels):
    """Only a place at voxel 2 k + 0.5 is met by its mirror image."""
    volume = blobs(12, 16, 20)
    plain, mirrored = (self_similarity(one) for one in (volume, volume.flip(2 + axis)))
    assert torch.allclose(mirrored.flip(2 + axis), plain[:, mirrored_channels(axis)], atol=1e-5)
    assert not torch.allclose(mirrored.flip(2 + axis), plain, atol=0.1)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_they_move_with_the_volume(axis):
    """Two voxels of shift are one place of shift; borders are felt three voxels away."""
    shape = [12, 12, 12]
    shape[axis] = 22
    volume = blobs(*shape)
    first, second = (self_similarity(volume.narrow(2 + axis, start, 20)) for start in (0, 2))
    assert torch.allclose(first.narrow(2 + axis, 3, 5), second.narrow(2 + axis, 2, 5), atol=1e-6)
    assert not torch.allclose(first.narrow(2 + axis, 2, 5), second.narrow(2 + axis, 2, 5), atol=0.1)


def test_what_is_around_a_place_matters_no_farther_than_three_voxels_from_it():
    """A changed voxel is felt by the places from which a neighbor's patch reaches it, and by no others."""
    volume = blobs(24, 24, 24)
    changed = volume.clone()
    changed[..., 12, 12, 12] += 1
    felt = ((self_similarity(changed) - self_similarity(volume)).abs() > 1e-6).any(dim=1)[0].nonzero()
    # Places of voxels 2 k - 3 to 2 k + 4.
    assert felt.amin(dim=0).tolist() == [4, 4, 4]
    assert felt.amax(dim=0).tolist() == [7, 7, 7]


@pytest.mark.parametrize("value", [-1.0, 0.0, 1.0])
def test_where_nothing_is_all_neighbors_are_alike(value):
    assert torch.allclose(self_similarity(torch.full((1, 1, 8, 8, 8), value)), torch.tensor(0.4))


def test_faint_noise_counts_as_nothing_and_its_strength_as_something():
    noise = torch.randn((1, 1, 12, 12, 12), generator=torch.Generator().manual_seed(0))
    assert self_similarity(1e-3 * noise).min() > 0.35
    assert self_similarity(0.1 * noise).min() < -0.2


def test_shape_range_and_volumes_of_a_batch():
    both = torch.cat([blobs(4, 6, 10), blobs(4, 6, 10, seed=1)])
    result = self_similarity(both)
    assert result.shape == (2, CHANNELS, 2, 3, 5)
    assert torch.isfinite(result).all()
    assert result.min() >= -0.6
    assert torch.allclose(result.amax(dim=1), torch.tensor(0.4))
    assert torch.equal(result[1:], self_similarity(both[1:]))
