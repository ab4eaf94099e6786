"""Images of label maps: in range, repeatable, tissue still told apart."""

from dataclasses import replace

import pytest
import torch

from MedDeepRegSegLib.synthesis import rendering
from MedDeepRegSegLib.synthesis.contrast import Contrast
from MedDeepRegSegLib.synthesis.label_maps import LabelMap
from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.synthesis.rendering import acquire, render, show


def test_images_are_finite_and_from_0_to_1(label_map):
    whole = 0
    for seed in range(24):
        result = render(label_map, Randomness(seed))
        assert result.image.shape == result.valid.shape == label_map.labels.shape
        assert result.image.dtype == torch.float32
        assert torch.isfinite(result.image).all()
        assert result.image.min() >= 0
        assert result.image.max() <= 1
        assert result.image.std() > 0.01
        assert result.valid.float().mean() > 0.25
        whole += bool(result.valid.all())
    assert 10 < whole < 24  # most show everything


def test_repeatable(label_map):
    one, same, other = (render(label_map, Randomness(seed)).image for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_a_map_of_nothing_is_still_an_image():
    empty = LabelMap(torch.zeros((16, 16, 16), dtype=torch.int16), 1)
    for seed in range(6):
        assert torch.isfinite(render(empty, Randomness(seed)).image).all()


@pytest.mark.parametrize("style", ["free", "mr", "ct"])
def test_tissue_is_told_apart_in_most_images(style):
    labels = torch.ones((24, 24, 24), dtype=torch.int16)
    labels[:, 12:] = 2
    label_map = LabelMap(labels, 3)
    contrast = Contrast(torch.tensor([0.0, 0.3, 0.7]), torch.full((3,), 0.02), style)
    apart = 0
    for seed in range(12):
        random = Randomness(seed)
        image = show(acquire(label_map, contrast, random), contrast, random)
        bright, dark = image[:, 14:], image[:, :10]
        apart += bool((bright.mean() - dark.mean()).abs() > 1.5 * dark.std().maximum(bright.std()))
    assert apart >= 9


def test_noise_comes_before_or_after_the_slices(monkeypatch):
    order = []
    monkeypatch.setattr(rendering, "_noise", lambda image, *_: order.append("noise") or image)
    monkeypatch.setattr(rendering, "thick_slices", lambda image, *_: order.append("slices") or image)
    label_map = LabelMap(torch.ones((16, 16, 16), dtype=torch.int16), 2)
    contrast = Contrast(torch.rand(2), torch.zeros(2), "mr")
    found = set()
    for seed in range(40):
        order.clear()
        acquire(replace(label_map), contrast, Randomness(seed))
        found.add(tuple(order))
    assert found == {("noise",), ("noise", "slices"), ("slices", "noise")}
