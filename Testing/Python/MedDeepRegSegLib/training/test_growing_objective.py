"""What the growing network learns from: objects together as if alone, and users who stop when they are pleased."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import ndimage

from MedDeepRegSegLib.models.growing_network import GrowingNetworkSettings
from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.training import growing_objective
from MedDeepRegSegLib.training.growing_objective import GrowingObjective
from MedDeepRegSegLib.training.growing_settings import GrowingTrainSettings
from MedDeepRegSegLib.training.growing_source import GrowingSource

SMALL = GrowingNetworkSettings(channels=(8, 8, 8, 8), states=(8, 8, 8), steps=(1, 1, 1), similarity_features=4)
SETTINGS = GrowingTrainSettings(steps=4, objects=1, sides=(32,), most_clicks=3, warmup=1, network=SMALL)


@pytest.fixture
def careful(monkeypatch):
    """Users who click the innermost voxel, so that no chance is in what they do."""
    from MedDeepRegSegLib.synthesis import clicks

    def click(region, *, positive, random, care):
        depth = ndimage.distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1, 1:-1]
        place = np.unravel_index(depth.argmax(), depth.shape)
        return clicks.Click((tuple(int(part) for part in place),), positive)

    monkeypatch.setattr(clicks, "_click", click)


def measured(objective, samples):
    """Return measures and gradients of a batch."""
    objective.zero_grad()
    measures = objective(samples, Randomness(0))
    measures[0].backward()
    return measures.detach(), [one.grad.clone() for one in objective.parameters() if one.grad is not None]


@pytest.mark.parametrize("sides", [(32, 32, 32), (32, 48, 32)])
def test_objects_that_are_grown_together_are_grown_as_if_alone(careful, sides):
    objective = GrowingObjective(replace(SETTINGS, most_clicks=1))
    samples = [GrowingSource(replace(SETTINGS, sides=(side,))).batch(step)[0] for step, side in enumerate(sides)]
    samples[1] = replace(samples[1], known=np.ones_like(samples[1].truth))
    together, gradients = measured(objective, samples)
    alone = [measured(objective, [sample]) for sample in samples]
    assert torch.allclose(together, torch.stack([measures for measures, _ in alone]).mean(dim=0), atol=1e-4)
    for found, *expected in zip(gradients, *(gradients for _, gradients in alone), strict=True):
        assert torch.allclose(found, sum(expected) / 3, rtol=2e-2, atol=2e-4 * float(found.abs().max() + 1e-3))


def test_one_whose_object_is_found_clicks_no_more(careful, monkeypatch):
    random = Randomness(0)
    samples = [GrowingSource(SETTINGS).batch(step)[0] for step in range(2)]
    asked = []
    original = growing_objective.next_click

    def click(truth, found, random):
        asked.append(truth is samples[0].truth)
        return None if truth is samples[0].truth else original(truth, found, random)

    monkeypatch.setattr(growing_objective, "next_click", click)
    monkeypatch.setattr(random, "integer", lambda low, high: high)
    measures = GrowingObjective(SETTINGS)(samples, random)
    measures[0].backward()
    assert torch.isfinite(measures).all()
    assert asked == [True, False] * (SETTINGS.most_clicks - 1)
