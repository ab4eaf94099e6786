"""Regions fill everything; a mosaic is finer and paints nothing itself."""

import torch

from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.synthesis.shapes.canvas import Canvas
from MedDeepRegSegLib.synthesis.shapes.regions import mosaic, paint_regions


def borders(labels):
    """Return the fraction of neighbors along the last axis with another label."""
    return (labels[..., 1:] != labels[..., :-1]).float().mean()


def test_regions_fill_the_canvas():
    counts = set()
    for seed in range(15):
        canvas = Canvas.blank((16, 16, 16), Randomness(seed))
        paint_regions(canvas)
        assert canvas.labels.min() >= 1
        assert canvas.labels.max() < canvas._next
        counts.add(canvas._next - 1)
    assert counts <= set(range(3, 10))
    assert len(counts) > 3


def test_a_mosaic_is_fine_and_not_painted():
    mixed, broad = [], []
    for seed in range(8):
        canvas = Canvas.blank((32, 32, 32), Randomness(seed))
        paint_regions(canvas)
        before, first = canvas.labels.clone(), canvas._next
        mixture = mosaic(canvas)
        assert torch.equal(canvas.labels, before)
        assert mixture.dtype == torch.int16
        assert set(mixture.unique().tolist()) <= set(range(first, canvas._next))
        assert 2 <= canvas._next - first <= 4
        mixed.append(borders(mixture))
        broad.append(borders(before))
    assert sum(mixed) > 1.3 * sum(broad)
