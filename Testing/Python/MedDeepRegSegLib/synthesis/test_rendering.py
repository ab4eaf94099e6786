"""Images of label maps: in range, repeatable, tissue still told apart."""

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


def distances(style, severity):
    """Return how far apart two halves of an image are, in standard deviations of the one that varies more, by seeds."""
    labels = torch.ones((24, 24, 24), dtype=torch.int16)
    labels[:, 12:] = 2
    label_map = LabelMap(labels, 3)
    contrast = Contrast(torch.tensor([0.0, 0.3, 0.7]), torch.full((3,), 0.02), style)
    found = []
    for seed in range(12):
        random = Randomness(seed)
        image = show(acquire(label_map, contrast, random, severity), contrast, random)
        bright, dark = image[:, 14:], image[:, :10]
        found.append((bright.mean() - dark.mean()).abs() / dark.std().maximum(bright.std()))
    return torch.stack(found)


@pytest.mark.parametrize("style", ["free", "mr", "ct"])
def test_tissue_is_told_apart_in_all_images_of_low_and_most_of_high_severity(style):
    low, high = distances(style, 0.0), distances(style, 1.0)
    assert low.min() > 4
    assert (high > 1.5).sum() >= 9
    assert high.quantile(0.25) < 0.85 * low.quantile(0.25)


def test_noise_grows_with_severity():
    """Of the flat body of an image without texture, less what is smooth in it (shading, blur)."""
    label_map = LabelMap(torch.ones((16, 16, 16), dtype=torch.int16), 2)
    contrast = Contrast(torch.tensor([0.0, 0.5]), torch.zeros(2), "free")

    def noise(severity):
        images = [acquire(label_map, contrast, Randomness(seed), severity) for seed in range(20)]
        return torch.stack([image.diff(dim=0).diff(dim=1).diff(dim=2).std() / 8**0.5 for image in images])

    low, high = noise(0.0), noise(1.0)
    assert low.max() < 0.0085  # white noise passes as it is
    assert 0.01 < high.max() < 0.075
    assert high.median() > 2 * low.median()


def test_severity_is_handed_on_and_low_where_it_is_drawn(label_map, monkeypatch):
    seen = []
    contrast = Contrast(torch.rand(label_map.count), torch.zeros(label_map.count), "ct")
    monkeypatch.setattr(rendering, "draw_contrast", lambda *given: seen.append(given[2]) or contrast)
    monkeypatch.setattr(rendering, "acquire", lambda *given: seen.append(given[3]) or torch.rand(8, 8, 8))
    render(label_map, Randomness(0), 0.25)
    assert seen == [0.25, 0.25]
    seen.clear()
    for seed in range(300):
        render(label_map, Randomness(seed))
    assert seen[::2] == seen[1::2]
    drawn = torch.tensor(seen[::2])
    assert drawn.min() >= 0
    assert 0.9 < drawn.max() < 1
    assert drawn.median() == pytest.approx(0.25, abs=0.06)
    assert drawn.mean() == pytest.approx(1 / 3, abs=0.05)


def test_noise_comes_before_or_after_the_slices(monkeypatch):
    order = []
    monkeypatch.setattr(rendering, "_noise", lambda image, *_: order.append("noise") or image)
    monkeypatch.setattr(rendering, "thick_slices", lambda image, *_: order.append("slices") or image)
    label_map = LabelMap(torch.ones((16, 16, 16), dtype=torch.int16), 2)
    contrast = Contrast(torch.rand(2), torch.zeros(2), "mr")
    found = set()
    for seed in range(40):
        order.clear()
        acquire(label_map, contrast, Randomness(seed), 1.0)
        found.add(tuple(order))
    assert found == {("noise",), ("noise", "slices"), ("slices", "noise")}
