"""What is asked of single views: boundaries, structures and positions."""

import pytest
import torch
from torch.nn import functional as F

from MedDeepRegSegLib.models.encoder import EncoderSettings
from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.training.dense import _PAIRS, _SIX, DenseHeads, View, _asked, _boundaries

SETTINGS = EncoderSettings(channels=(8, 8, 8, 8), local_features=6, context_features=8)
SIDE = 32


@pytest.fixture
def half():
    """Label map of two halves along the last axis, 1 and 2."""
    labels = torch.ones(SIDE, SIDE, SIDE, dtype=torch.int16)
    labels[..., SIDE // 2 :] = 2
    return labels


def view_of(labels, *, classes=None, position=None, local=None):
    """Return a view with random maps of the right sizes."""
    generator = torch.Generator().manual_seed(0)
    cells = SIDE // 2
    trunk = torch.randn(8, cells, cells, cells, generator=generator)
    if local is None:
        local = F.normalize(torch.randn(6, cells, cells, cells, generator=generator), dim=0)
    context = F.normalize(torch.randn(8, SIDE // 8, SIDE // 8, SIDE // 8, generator=generator), dim=0)
    valid = torch.ones(labels.shape, dtype=torch.bool)
    return View(labels, valid, position, classes, trunk, local, context)


def test_there_are_the_twelve_pairs_of_the_descriptors():
    assert len(_PAIRS) == 12
    for i, j in _PAIRS:
        assert sum((a - b) ** 2 for a, b in zip(_SIX[i], _SIX[j], strict=True)) == 8


def test_boundaries_lie_where_labels_change(half):
    view = view_of(half)
    cells, corners = _asked(view, Randomness(1), 4000)
    target = _boundaries(half, corners)
    left = corners[2].float().mean(dim=0)  # along the last axis
    away = (left - (SIDE / 2 - 0.5)).abs()
    assert target.shape == (cells.numel(), 12)
    assert (target[away > 3.5] == 0).all()
    near = target[away < 1.5]
    # Between a neighbor along the last axis and one along another there is the boundary, for one of the two signs.
    across = [k for k, (i, j) in enumerate(_PAIRS) if (_SIX[i][2] != 0) != (_SIX[j][2] != 0)]
    along = [k for k in range(12) if k not in across]
    assert near[:, across].mean() > 0.4
    assert (near[:, along] == 0).all()


def test_only_valid_cells_of_the_body_are_asked(half):
    half[: SIDE // 2] = 0
    view = view_of(half)
    view.valid[:, : SIDE // 2] = False
    _, corners = _asked(view, Randomness(2), 2000)
    assert (corners[1] >= SIDE // 2).all()
    outside = (half[corners[0], corners[1], corners[2]] == 0).all(dim=0).float().mean()
    assert 0 < outside < 0.25


def test_features_in_the_direction_of_their_class_are_right(half):
    heads = DenseHeads(SETTINGS, 2, 0.1)
    heads.directions.data = torch.eye(6)[:2]
    classes = torch.tensor([-1, 0, 1])
    cells = SIDE // 2
    right = torch.zeros(6, cells, cells, cells)
    right[0, ..., : cells // 2], right[1, ..., cells // 2 :] = 1, 1
    losses = [
        float(heads(view_of(half, classes=classes, local=local), Randomness(3), 1000)[1])
        for local in (right, right[[1, 0, 2, 3, 4, 5]])
    ]
    assert losses[0] < 1e-3
    assert losses[1] > 9


def test_what_is_not_known_is_not_asked(half):
    boundary, classes, position = DenseHeads(SETTINGS, 2, 0.1)(view_of(half), Randomness(4), 500)
    assert boundary > 0
    assert classes is None
    assert position is None
    nameless = view_of(half, classes=torch.tensor([-1, -1, -1]))
    assert DenseHeads(SETTINGS, 2, 0.1)(nameless, Randomness(4), 500)[1] is None


def test_a_view_without_valid_voxels_costs_nothing(half):
    view = view_of(half, classes=torch.tensor([-1, 0, 1]))
    view.valid[:] = False
    assert float(DenseHeads(SETTINGS, 2, 0.1)(view, Randomness(5), 500)[0]) == 0


def test_position_is_the_distance_from_the_truth(half):
    heads = DenseHeads(SETTINGS, 2, 0.1)
    for head in (heads.position, heads.context_position):
        torch.nn.init.zeros_(head.weight)
        torch.nn.init.constant_(head.bias, 0.25)
    position = torch.full((3, SIDE, SIDE, SIDE), 0.75)
    loss = heads(view_of(half, position=position), Randomness(6), 500)[2]
    assert float(loss) == pytest.approx(0.5 + 0.5)  # local maps, and context
