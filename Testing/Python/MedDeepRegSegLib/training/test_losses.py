"""Losses against calculations by hand, and against features whose worth is known."""

import math

import pytest
import torch
import torch.nn.functional as F

from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.training.anchors import draw_anchors
from MedDeepRegSegLib.training.losses import features_at, global_loss, place_loss, region_loss
from MedDeepRegSegLib.training.pair_source import PairSource


def noise(*shape):
    return F.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(1)), dim=0)


def grid_places(count=50, low=6, high=26):
    return torch.randint(low, high, (3, count), generator=torch.Generator().manual_seed(2)).float()


@pytest.mark.parametrize("stride", [2, 8])
def test_features_lie_where_the_encoder_says(stride):
    features = noise(5, 4, 4, 4)
    for index in ((0, 0, 0), (1, 2, 3), (3, 1, 0)):
        place = stride * torch.tensor(index, dtype=torch.float32)[:, None] + (stride - 1) / 2
        torch.testing.assert_close(features_at(features, place, stride)[:, 0], features[(slice(None), *index)])
    between = features_at(features, torch.full((3, 1), stride + (stride - 1) / 2 + stride / 2), stride)
    expected = F.normalize(features[:, 1:3, 1:3, 1:3].mean(dim=(1, 2, 3)), dim=0)
    torch.testing.assert_close(between[:, 0], expected)


def exact(own, features, place, *, stride=2, count=8, temperature=0.1):
    return place_loss(own, features, place, Randomness(0), stride=stride, count=count, temperature=temperature)


def test_right_places_are_preferred_and_shifted_ones_are_not():
    features, place = noise(16, 16, 16, 16), grid_places()
    loss, accuracy = exact(features_at(features, place, 2), features, place)
    assert accuracy == 1
    assert loss < 0.5
    moved = features_at(features, place + 4, 2)
    worse, low = exact(moved, features, place)
    assert worse > loss + 2
    assert low < 0.5
    permuted, _ = exact(features_at(features, place, 2).roll(7, dims=1), features, place)
    assert permuted > loss + 2


def test_place_loss_of_constant_features_is_that_of_a_guess():
    features = torch.ones(4, 32, 32, 32)
    place = torch.full((3, 10), 31.0)
    loss, _ = exact(features_at(features, place, 2), features, place, count=7)
    assert loss.item() == pytest.approx(math.log(8), abs=1e-5)


def test_wrong_places_outside_of_the_view_do_not_count():
    features = torch.ones(4, 1, 1, 1)  # two voxels wide: every wrong place is outside
    place = torch.full((3, 5), 0.5)
    loss, accuracy = exact(features_at(features, place, 2), features, place)
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert accuracy == 1
    corner = torch.zeros(3, 200)  # one of eight directions stays inside
    features = torch.ones(4, 32, 32, 32)
    loss, _ = exact(features_at(features, corner, 2), features, corner, count=7)
    assert math.log(1.2) < loss < math.log(3)


def test_features_that_tell_places_apart_solve_the_pairs_that_training_sees(tiny):
    """The places of a pair, of its anchors and of the losses are in one system: a code of places is found again."""
    (pair,) = PairSource(tiny).batch(1)
    anchors = draw_anchors(pair, Randomness(5), 200)
    waves = torch.randn(32, 3, generator=torch.Generator().manual_seed(3)) * 0.5

    def code(place):
        phase = torch.einsum("cj,j...->c...", waves, place)
        return F.normalize(torch.cat([phase.cos(), phase.sin()]), dim=0)

    centers = torch.stack(torch.meshgrid(*[2 * torch.arange(16.0) + 0.5] * 3, indexing="ij"))
    loss, accuracy = exact(code(anchors.first), code(centers), anchors.first, count=16)
    assert accuracy > 0.9
    _, mistaken = exact(code(anchors.second), code(centers), anchors.first, count=16)
    assert mistaken < 0.6
    assert loss < 1.5


def test_global_loss_of_two_points_by_hand():
    features, far = torch.eye(2), torch.tensor([[0.0, 9.0], [0, 0], [0, 0]])
    loss, accuracy = global_loss(features, features, far, nearest=6, temperature=1)
    assert loss.item() == pytest.approx(math.log(1 + math.exp(-1)), abs=1e-6)
    assert accuracy == 1
    loss, accuracy = global_loss(features, features.flip(1), far, nearest=6, temperature=0.5)
    assert loss.item() == pytest.approx(math.log(1 + math.exp(2)), abs=1e-5)
    assert accuracy == 0


def test_near_points_are_no_wrong_answers():
    features, near = torch.eye(2), torch.tensor([[0.0, 5.0], [0, 0], [0, 0]])
    loss, accuracy = global_loss(features, features.flip(1), near, nearest=6, temperature=1)
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert accuracy == 1


def test_global_loss_of_good_and_of_permuted_features():
    features, place = noise(16, 64), grid_places(64, 0, 64)
    good, _ = global_loss(features, features, place, nearest=6, temperature=0.1)
    bad, accuracy = global_loss(features, features.roll(1, dims=1), place, nearest=6, temperature=0.1)
    assert good < 1
    assert bad > 5
    assert accuracy < 0.1


def test_region_loss_by_hand():
    features = torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    loss = region_loss(features, features, torch.tensor([4, 4, 9]), temperature=1)
    pair, single = math.log(2 * math.e + 1) - 1, math.log(2 + math.e) - 1
    expected = (2 * pair / math.sqrt(2) + single) / (2 / math.sqrt(2) + 1)
    assert loss.item() == pytest.approx(expected, abs=1e-6)
    other = region_loss(features, features, torch.tensor([4, 9, 9]), temperature=1)
    assert other > loss
