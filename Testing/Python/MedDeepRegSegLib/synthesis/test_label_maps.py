"""Random label maps: repeatable, varied, labels within their count."""

import pytest
import torch

from MedDeepRegSegLib.synthesis import label_maps
from MedDeepRegSegLib.synthesis.contrast import draw_contrast
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


def test_bones_and_organs_are_labels_of_the_map():
    maps = [random_label_map((32, 32, 32), Randomness(seed)) for seed in range(20)]
    for label_map in maps:
        there = set(label_map.labels.unique().tolist())
        assert {label for organ in label_map.organs for label in organ} <= there - {0}
        assert all(0 < label < label_map.count for label in label_map.bone)
        assert not label_map.all_bone
    assert 3 <= sum(bool(label_map.bone) for label_map in maps) <= 17
    assert sum(len(organ) > 1 for label_map in maps for organ in label_map.organs) > 10


def test_all_bones_of_a_chain_are_bone_where_the_first_is_outside(monkeypatch):
    """Those that follow have the contrast of the first one."""

    def chain(canvas):
        first = canvas.new_label()
        second = canvas.new_label(alike=first)
        canvas.labels[:4] = second
        canvas.bone += [first, second]

    monkeypatch.setattr(label_maps, "paint_chain", chain)
    monkeypatch.setattr(label_maps, "paint_lesions", lambda _canvas: None)
    monkeypatch.setattr(label_maps, "paint_body", lambda _canvas: None)
    bright = []
    for seed in range(12):
        label_map = random_label_map((24, 24, 24), Randomness(seed))
        if label_map.bone:
            drawn = [draw_contrast(label_map, Randomness(1, number)) for number in range(8)]
            bright += [contrast.mean[label_map.bone[-1]] for contrast in drawn if contrast.style == "ct"]
    assert len(bright) > 5
    assert min(bright) > 0.5
