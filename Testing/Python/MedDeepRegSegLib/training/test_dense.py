"""What the encoder is asked at many voxels: answers that are known give low losses."""

import math
from itertools import combinations, product

import pytest
import torch

from MedDeepRegSegLib.models import self_similarity
from MedDeepRegSegLib.models.encoder import EncoderSettings
from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.training import dense
from MedDeepRegSegLib.training.dense import DenseHeads, View

SETTINGS = EncoderSettings(channels=(8, 8, 8, 8), local_features=4, context_features=4)
SIDE = 32
TRUNK = 8 + self_similarity.CHANNELS


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
        torch.zeros(TRUNK, 16, 16, 16),
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


def test_large_classes_do_not_drown_small_ones(heads):
    """All say the second class, a quarter of the volume: each class counts by the root of its size."""
    labels = torch.ones(SIDE, SIDE, SIDE, dtype=torch.int16)
    labels[24:] = 2
    asked = view(labels=labels)
    asked.local.zero_()[1] = 1
    _, classes, _ = heads(asked, Randomness(0), 4000)
    assert classes.item() == pytest.approx(10 * 0.75**0.5 / (0.75**0.5 + 0.25**0.5), abs=0.1)


def test_cells_of_two_classes_are_asked_for_both(heads):
    labels = torch.ones(SIDE, SIDE, SIDE, dtype=torch.int16)
    labels[:, :, 1::2] = 2
    asked = view(labels=labels)
    asked.local.zero_()[0] = 1
    _, classes, _ = heads(asked, Randomness(0), 200)
    assert classes.item() == pytest.approx(5, abs=1e-3)


def test_boundaries_by_hand():
    """Every pair of every cell, one voxel after the other; neighbors beyond a border are those at it."""
    shape = (8, 6, 4)
    labels = Randomness(1).integers(0, 2, *shape).to(torch.int16)
    everywhere = torch.ones(shape, dtype=torch.bool)
    asked = View(labels, everywhere, None, None, *(torch.zeros(1, 4, 3, 2) for _ in range(3)))
    cells, corners = dense._asked(asked, Randomness(0), 60)
    result = dense._boundaries(labels, corners)
    assert result.shape == (len(cells), 12)
    assert len(cells.unique()) > 15
    six = [(-2, 0, 0), (2, 0, 0), (0, -2, 0), (0, 2, 0), (0, 0, -2), (0, 0, 2)]
    pairs = [(i, j) for i, j in combinations(range(6), 2) if i // 2 != j // 2]

    def label(voxel, offset):
        return labels[tuple(min(max(v + o, 0), n - 1) for v, o, n in zip(voxel, offset, shape, strict=True))]

    for cell, found in zip(cells.tolist(), result, strict=True):
        z, y, x = cell // 6, cell // 2 % 3, cell % 2
        voxels = list(product((2 * z, 2 * z + 1), (2 * y, 2 * y + 1), (2 * x, 2 * x + 1)))
        differ = [[label(voxel, six[i]) != label(voxel, six[j]) for voxel in voxels] for i, j in pairs]
        assert torch.equal(found, torch.tensor(differ).float().mean(dim=1))


def test_boundaries_run_where_labels_differ(heads):
    even, _, _ = heads(view(labels=torch.ones(SIDE, SIDE, SIDE, dtype=torch.int16)), Randomness(0), 500)
    assert even.item() == pytest.approx(math.log(2), abs=1e-5)
    with torch.no_grad():
        heads.boundary.bias.fill_(-20)  # nowhere is a boundary
    even, _, _ = heads(view(labels=torch.ones(SIDE, SIDE, SIDE, dtype=torch.int16)), Randomness(0), 500)
    split, _, _ = heads(view(), Randomness(0), 4000)
    assert even < 1e-6
    # Cells that touch the plane are 2 of 16. Of the two neighbors along the axis that crosses it, one of each of their voxels
    # lies beyond, and takes part in 4 of the 12 pairs.
    expected = 20 * (2 / 16) * (4 / 12)
    assert split.item() == pytest.approx(expected, rel=0.15)


def test_position_by_hand(heads):
    _, _, none = heads(view(position=False), Randomness(0), 500)
    assert none is None
    with torch.no_grad():
        heads.position.weight.zero_()
        heads.context_position.weight.zero_()
    _, _, where = heads(view(), Randomness(0), 4000)
    # Zero is answered everywhere: the mean distance of a uniform position from the middle is 0.5, for both heads.
    assert where.item() == pytest.approx(1.0, abs=0.05)


def test_position_is_asked_for_in_the_body_alone_and_by_axis(heads):
    with torch.no_grad():
        heads.position.weight.zero_()
        heads.context_position.weight.zero_()
    labels = torch.zeros(SIDE, SIDE, SIDE, dtype=torch.int16)
    labels[24:] = 1
    _, _, where = heads(view(labels=labels), Randomness(0), 4000)
    middle = torch.linspace(-1, 1, SIDE)[24:].mean().item()  # of the body, along the first axis
    assert where.item() == pytest.approx(2 * (middle + 0.5 + 0.5) / 3, abs=0.05)
    with torch.no_grad():
        for head in (heads.position, heads.context_position):
            head.bias.copy_(torch.tensor([middle, 0, 0]))
    _, _, where = heads(view(labels=labels), Randomness(0), 4000)
    assert where.item() == pytest.approx(2 * (0.5 + 0.5) / 3 + (2 / 31 * 2) / 3, abs=0.05)


def test_most_of_the_background_is_not_asked(heads):
    shape = (SIDE, SIDE, SIDE)
    cells, corners = dense._asked(view(labels=torch.zeros(shape, dtype=torch.int16)), Randomness(0), 4000)
    assert corners.shape == (3, 8, len(cells))
    assert len(cells) == pytest.approx(400, abs=80)
    assert len(dense._asked(view(), Randomness(0), 4000)[0]) == 4000


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
