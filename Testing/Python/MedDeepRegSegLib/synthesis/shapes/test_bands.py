"""Bands are nested: along any line into the fold they come in order."""

import torch

from MedDeepRegSegLib.synthesis.shapes import bands
from MedDeepRegSegLib.synthesis.shapes.bands import paint_bands


def test_bands_are_nested_and_in_a_part_only(straight, monkeypatch):
    height = torch.linspace(-3, 3, 32).view(1, 1, 1, 32).expand(1, 32, 32, 32)
    part = torch.full((1, 32, 32, 32), -9.0)
    part[:, :16] = 9.0
    fields = {}

    def smooth_field(random, channels, size, cells):
        fields["count"] = fields.get("count", 0) + 1
        return height if fields["count"] % 2 else part

    monkeypatch.setattr(bands, "smooth_field", smooth_field)
    for seed in range(8):
        canvas = straight(seed)
        paint_bands(canvas)
        assert (canvas.labels[16:] == 1).all()
        line = canvas.labels[0, 0]
        assert (line.diff() <= 0).all()  # the deeper, the later painted
        assert 3 <= line.unique().numel() <= 4
        assert torch.equal(canvas.labels[:16], line.expand(16, 32, 32))
