"""Random label maps: repeatable, varied, labels within their count."""

import pytest
import torch

from MedDeepRegSegLib.synthesis.label_maps import random_label_map
from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.synthesis.shapes.canvas import MOST_LABELS


@pytest.mark.parametrize("size", [(32, 32, 32), (16, 24, 40)])
def test_size_type_and_count(size):
    for seed in range(4):
        label_map = random_label_map(size, Randomness(seed))
        assert label_map.labels.shape == size
        assert label_map.labels.dtype == torch.int16
        assert label_map.labels.min() >= 0
        assert label_map.labels.max() < label_map.count <= MOST_LABELS + 1
        assert all(other < label for label, other in label_map.alike.items())
        assert label_map.classes is None


def test_repeatable_and_unlike_for_other_seeds():
    first, same, other = (random_label_map((24, 24, 24), Randomness(seed)) for seed in (1, 1, 2))
    assert torch.equal(first.labels, same.labels)
    assert first.alike == same.alike
    assert (first.labels != other.labels).float().mean() > 0.5


def test_maps_are_of_many_parts_and_some_have_a_body():
    maps = [random_label_map((24, 24, 24), Randomness(seed)).labels for seed in range(16)]
    parts = [labels.unique().numel() for labels in maps]
    assert min(parts) >= 3
    assert sum(parts) / len(parts) > 12
    outside = sum(bool((labels == 0).any()) for labels in maps)
    assert 6 <= outside < 16
