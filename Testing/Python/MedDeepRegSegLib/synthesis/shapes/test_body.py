"""The body: closed outline, layers under its surface, nothing but a table outside."""

import torch
from scipy import ndimage

from MedDeepRegSegLib.synthesis.shapes.body import paint_body


def test_the_inside_stays_and_the_outside_is_empty(straight):
    emptied = []
    for seed in range(20):
        canvas = straight(seed)
        paint_body(canvas)
        inside = canvas.labels == 1
        assert inside[10:22, 10:22, 10:22].float().mean() > 0.6
        # What is left of the inside is one part.
        assert ndimage.label(inside.numpy())[1] == 1
        emptied.append((canvas.labels == 0).float().mean().item())
    assert max(emptied) > 0.3
    assert sum(part > 0 for part in emptied) > 12


def test_layers_lie_between_the_inside_and_the_air(straight):
    layered = 0
    for seed in range(20):
        canvas = straight(seed)
        paint_body(canvas)
        layers = sorted(canvas.labels.unique().tolist())
        air, inside = (canvas.labels == 0).numpy(), (canvas.labels == 1).numpy()
        if not air.any() or 2 not in layers:
            continue
        layered += 1
        depth = torch.from_numpy(ndimage.distance_transform_edt(~air))
        assert depth[canvas.labels == 2].mean() < depth[torch.from_numpy(inside)].mean()
    assert layered >= 6
