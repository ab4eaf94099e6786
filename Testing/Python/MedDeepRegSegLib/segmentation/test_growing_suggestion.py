"""Where to click next, which values are told apart, and the last layer that learns."""

import numpy as np
import pytest
import torch
from torch import nn

from MedDeepRegSegLib.segmentation.growing_adaptation import adapted_logits
from MedDeepRegSegLib.segmentation.growing_range import value_limits
from MedDeepRegSegLib.segmentation.growing_suggestion import suggest
from MedDeepRegSegLib.segmentation.growing_window import Window
from MedDeepRegSegLib.volumes.modality import Modality

WINDOW = Window((slice(10, 42), slice(0, 32), slice(0, 32)), (32, 32, 32))


def test_the_middle_of_the_largest_unsure_region():
    chance = np.zeros((32, 32, 32), np.float32)
    chance[5:12, 5:12, 5:12] = 0.55
    chance[20:25, 20:25, 20:25] = 0.4
    voxel, inside = suggest(chance, WINDOW)
    assert np.abs(voxel - (18, 8, 8)).max() <= 1
    assert inside
    chance[5:12] = 1.0
    voxel, inside = suggest(chance, WINDOW)
    assert np.abs(voxel - (32, 22, 22)).max() <= 1
    assert not inside


def test_a_sharp_border_is_no_reason_to_click():
    chance = np.zeros((32, 32, 32), np.float32)
    chance[8:24, 8:24, 8:24] = 1.0
    chance[8, 8:24, 8:24] = 0.5
    assert suggest(chance, WINDOW) is None


@pytest.mark.parametrize(("value", "limits"), [(-800, (-1100, -100)), (40, (-200, 300)), (700, (-300, 1300))])
def test_the_range_follows_the_tissue_in_ct(value, limits):
    values = np.full((4, 4, 4), value, np.float32)
    assert value_limits(values, (1, 1, 1), Modality.CT) == limits
    assert value_limits(values, (1, 1, 1), Modality.MR) is None


def test_the_last_layer_follows_a_correction_and_little_else():
    torch.manual_seed(0)
    head = nn.Conv3d(24, 8, 3, padding=1)
    features = torch.relu(torch.randn(1, 24, 8, 8, 8))
    logits = torch.full((16, 16, 16), 2.0) + 0.5 * torch.randn(16, 16, 16)
    with torch.inference_mode():
        from MedDeepRegSegLib.models.growing_network import cells_to_voxels

        logits = cells_to_voxels(head(features))[0, 0]
    place = (7, 8, 9)
    sign = -1 if logits[place] > 0 else 1
    changed = adapted_logits(head, features, logits, [place], [sign])
    assert changed.shape == logits.shape
    assert sign * (changed[place] - logits[place]) > 0
    assert (changed - logits).abs().mean() < (changed[place] - logits[place]).abs()


def test_one_correction_turns_a_whole_region_of_its_kind():
    """Two regions that different channels stand for were both grown; one point says that the second is wrong."""
    from MedDeepRegSegLib.models.growing_network import cells_to_voxels

    head = nn.Conv3d(24, 8, 3, padding=1)
    features = torch.zeros(1, 24, 16, 16, 16)
    with torch.no_grad():
        head.weight.zero_()
        head.weight[:, :2, 1, 1, 1] = 2.0
        head.bias.fill_(-1.5)
        features[0, 0, 3:7, 4:12, 4:12] = 1.5
        features[0, 1, 9:13, 4:12, 4:12] = 1.0
        logits = cells_to_voxels(head(features))[0, 0]
    right, wrong = (np.zeros((32, 32, 32), bool) for _ in range(2))
    right[6:14, 8:24, 8:24] = True
    wrong[18:26, 8:24, 8:24] = True
    assert np.array_equal(logits.numpy() > 0, right | wrong)
    changed = adapted_logits(head, features, logits, [(10, 16, 16), (22, 16, 16)], [1, -1]).numpy() > 0
    assert 2 * (changed & right).sum() / (changed.sum() + right.sum()) > 0.8
    assert not changed[wrong].any(), "also far from the click"
