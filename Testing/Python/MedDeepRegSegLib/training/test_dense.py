"""What the encoder is asked at many voxels: answers that are known give low losses."""

import math

import pytest
import torch

from MedDeepRegSegLib.models.encoder import EncoderSettings
from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.training.dense import DenseHeads, View

SETTINGS = EncoderSettings(channels=(8, 8, 8, 8), local_features=4, context_features=4)
SIDE = 32


def view(*, classes=True, position=True, labels=None, valid=None):
    """Two halves along the first axis; local features that name the half."""
    if labels is None:
        labels = torch.ones(SIDE, SIDE, SIDE, dtype=torch.int16)
        labels[16:] = 2
    local = torch.zeros(4, 16, 16, 16)
    local[0, :8], local[1, 8:] = 1, 1
    place = torch.stack(torch.meshgrid(*[torch.linspace(-1, 1, SIDE)] * 3, indexing="ij"))
    return View(
        labels,
        torch.ones(SIDE, SIDE, SIDE, dtype=torch.bool) if valid is None else valid,
        place if position else None,
        torch.tensor([-1, 0, 1]) if classes else None,
        torch.zeros(8, 16, 16, 16),
        local,
        torch.zeros(4, 4, 4, 4),
    )


@pytest.fixture
def heads():
    torch.manual_seed(0)
    heads = DenseHeads(SETTINGS, 2, temperature=0.1)
    with torch.no_grad():
        heads.directions.copy_(torch.tensor([[3.0, 0, 0, 0], [0, 2.0, 0, 0]]))
        for head in (heads.boundary, heads.position, heads.context_position):
            head.bias.zero_()
    return heads


def test_classes_by_hand(heads):
    _, classes, _ = heads(view(), Randomness(0), 500)
    assert classes.item() == pytest.approx(math.log(1 + math.exp(-10)), abs=1e-5)
    with torch.no_grad():
        heads.directions.copy_(heads.directions.flip(0))
    _, wrong, _ = heads(view(), Randomness(0), 500)
    assert wrong.item() == pytest.approx(10, abs=1e-3)


def test_boundaries_run_where_labels_differ(heads):
    even, _, _ = heads(view(labels=torch.ones(SIDE, SIDE, SIDE, dtype=torch.int16)), Randomness(0), 500)
    assert even.item() == pytest.approx(math.log(2), abs=1e-5)
    with torch.no_grad():
        heads.boundary.bias.fill_(-20)  # nowhere is a boundary
    even, _, _ = heads(view(labels=torch.ones(SIDE, SIDE, SIDE, dtype=torch.int16)), Randomness(0), 500)
    split, _, _ = heads(view(), Randomness(0), 4000)
    assert even < 1e-6
    # Cells that touch the plane are 2 of 16; 8 of the 12 pairs have one neighbor along the axis that crosses it. Of the two
    # voxels of a cell along this axis, both have neighbors across (2 voxels away), one of the two neighbors each.
    expected = 20 * (2 / 16) * (4 / 12)
    assert split.item() == pytest.approx(expected, rel=0.25)


def test_position_by_hand(heads):
    _, _, none = heads(view(position=False), Randomness(0), 500)
    assert none is None
    with torch.no_grad():
        heads.position.weight.zero_()
        heads.context_position.weight.zero_()
    _, _, where = heads(view(), Randomness(0), 4000)
    # Zero is answered everywhere: the mean distance of a uniform position from the middle is 0.5, for both heads.
    assert where.item() == pytest.approx(1.0, abs=0.05)


def test_unknown_classes_and_invalid_places_are_not_asked(heads):
    _, classes, _ = heads(view(classes=False), Randomness(0), 500)
    assert classes is None
    nowhere = torch.zeros(SIDE, SIDE, SIDE, dtype=torch.bool)
    boundary, classes, where = heads(view(valid=nowhere), Randomness(0), 500)
    assert (boundary, classes, where) == (0, None, None)
    unnamed = view(labels=torch.zeros(SIDE, SIDE, SIDE, dtype=torch.int16))
    assert heads(unnamed, Randomness(0), 500)[1] is None


def test_gradients_reach_the_maps(heads):
    asked = view()
    asked.local.requires_grad_()
    asked.trunk.requires_grad_()
    asked.context.requires_grad_()
    sum(heads(asked, Randomness(0), 200)).backward()
    for maps in (asked.local, asked.trunk, asked.context):
        assert maps.grad.any()
