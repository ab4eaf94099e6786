"""Anchors: places that truly correspond, where both views show something."""

from dataclasses import replace

import pytest
import torch

from MedDeepRegSegLib.synthesis.pairs import Pair
from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.synthesis.smooth import voxel_grid
from MedDeepRegSegLib.training.anchors import draw_anchors
from MedDeepRegSegLib.training.pair_source import PairSource


@pytest.fixture
def halves():
    """The same image twice, moved by two voxels along x; two labels that meet in a plane."""
    labels = torch.ones(32, 32, 32, dtype=torch.int16)
    labels[16:] = 2
    valid = torch.ones(32, 32, 32, dtype=torch.bool)
    place = voxel_grid((32, 32, 32), "cpu") + torch.tensor([0.0, 0.0, 2.0]).view(3, 1, 1, 1)
    image = torch.zeros(32, 32, 32)
    return Pair(image, image, labels, labels, valid, valid, place, None)


@pytest.mark.parametrize("step", range(5))
def test_anchors_correspond_and_lie_in_valid_places(tiny, step):
    (pair,) = PairSource(tiny).batch(step)
    anchors = draw_anchors(pair, Randomness(step), 200)
    assert 32 <= anchors.labels.numel() <= 200
    z, y, x = anchors.second.long()
    assert torch.equal(anchors.second, anchors.second.round())
    assert torch.equal(anchors.first, pair.place[:, z, y, x])
    assert torch.equal(anchors.labels, pair.second_labels[z, y, x].long())
    assert pair.second_valid[z, y, x].all()
    assert (anchors.first >= 0).all()
    assert (anchors.first <= 31).all()
    first = anchors.first.round().long()
    assert pair.first_valid[first[0], first[1], first[2]].all()
    # The same anatomy: the nearest voxel of the first view mostly has the label, although edges are preferred.
    same = pair.first_labels[first[0], first[1], first[2]].long() == anchors.labels
    assert same.float().mean() > 0.75


def test_places_outside_of_the_first_view_and_invalid_ones_are_left_out(halves):
    anchors = draw_anchors(halves, Randomness(0), 400)
    assert anchors.labels.numel() == 400
    assert anchors.first[2].max() <= 31
    assert anchors.second[2].max() <= 29
    torch.testing.assert_close(anchors.first - anchors.second, torch.tensor([[0.0], [0], [2]]).expand(3, 400))
    seen = halves.second_valid.clone()
    seen[:, :8] = False
    first_seen = halves.first_valid.clone()
    first_seen[:, 24:] = False
    anchors = draw_anchors(replace(halves, second_valid=seen, first_valid=first_seen), Randomness(0), 400)
    assert anchors.second[1].min() >= 8
    assert anchors.first[1].max() < 24


def test_edges_are_preferred(halves):
    z = draw_anchors(halves, Randomness(1), 400).second[0]
    assert ((z >= 14) & (z < 18)).float().mean() > 1.5 * 4 / 32


def test_few_anchors_lie_outside_of_the_body(halves):
    labels = halves.second_labels.clone()
    labels[:, :16] = 0
    anchors = draw_anchors(replace(halves, second_labels=labels), Randomness(2), 400)
    assert (anchors.labels == 0).float().mean() < 0.15


def test_views_that_share_nothing_have_no_anchors(halves):
    nowhere = torch.zeros_like(halves.second_valid)
    assert draw_anchors(replace(halves, second_valid=nowhere), Randomness(0), 64) is None
    assert draw_anchors(replace(halves, place=halves.place + 100), Randomness(0), 64) is None
