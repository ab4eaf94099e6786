"""What the growing network learns from: objects together as if alone, and users who stop when they are pleased."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import ndimage

from MedDeepRegSegLib.models.growing_network import GrowingNetworkSettings
from MedDeepRegSegLib.models.growing_prompts import BOX, PREVIOUS
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


@pytest.fixture
def objective():
    """Return an objective whose network is always the same."""
    torch.manual_seed(0)
    return GrowingObjective(SETTINGS)


class MostClicks(Randomness):
    """Every user clicks as often as allowed."""

    def integer(self, low, high):
        """Return the highest number."""
        return high


@pytest.fixture
def samples():
    """Return two objects of 32 voxels a side: one with a box, one that is not known everywhere."""
    first, second = (GrowingSource(SETTINGS).batch(step)[0] for step in (1, 2))
    known = np.ones_like(second.truth)
    known[:, :, ::5] = False
    return [replace(first, box=(slice(4, 30),) * 3), replace(second, truth=second.truth & known, known=known, box=None)]


def measured(objective, samples, clicks):
    """Return measures and gradients of a batch."""
    objective._settings = replace(objective._settings, most_clicks=clicks)
    objective.zero_grad()
    measures = objective(samples, MostClicks(0))
    measures[0].backward()
    return measures.detach(), [one.grad.clone() for one in objective.parameters() if one.grad is not None]


def asked(objective, monkeypatch):
    """Return a list of what the network is asked from now on: prompts, points, signs, and whether with gradient."""
    questions, original = [], objective.network.forward

    def forward(encoded, volume, prompts, points, signs):
        questions.append((prompts.clone(), points, signs, torch.is_grad_enabled()))
        return original(encoded, volume, prompts, points, signs)

    monkeypatch.setattr(objective.network, "forward", forward)
    return questions


@pytest.mark.parametrize("clicks", [1, 4])
@pytest.mark.parametrize("side", [32, 48])
def test_objects_that_are_grown_together_are_grown_as_if_alone(objective, careful, samples, clicks, side):
    """Also where one has more points than another, and where volumes are of several sizes."""
    batch = [*samples, GrowingSource(replace(SETTINGS, sides=(side,))).batch(3)[0]]
    together, gradients = measured(objective, batch, clicks)
    alone = [measured(objective, [sample], clicks) for sample in batch]
    expected = torch.stack([measures for measures, _ in alone])
    assert torch.allclose(together, expected.mean(dim=0), atol=2e-3)
    for found, *parts in zip(gradients, *(gradients for _, gradients in alone), strict=True):
        assert torch.allclose(found, sum(parts) / 3, rtol=0.05, atol=0.01 * float(found.abs().max()))


def test_objects_of_one_image_share_what_is_known_of_it(objective, careful, samples, monkeypatch):
    other = replace(samples[0], truth=samples[1].truth, box=None)
    encoded, original = [], objective.network.encode
    monkeypatch.setattr(objective.network, "encode", lambda volume: encoded.append(len(volume)) or original(volume))
    shared, gradients = measured(objective, [samples[0], other], 2)
    copied, same = measured(objective, [samples[0], replace(other, volume=other.volume.clone())], 2)
    assert encoded == [1, 2]
    assert torch.allclose(shared, copied, atol=1e-3)
    for found, expected in zip(gradients, same, strict=True):
        assert torch.allclose(found, expected, rtol=0.05, atol=0.01 * float(expected.abs().max()))


def test_the_first_and_the_last_two_answers_are_learned_from(objective, careful, samples, monkeypatch):
    questions = asked(objective, monkeypatch)
    measured(objective, samples, 5)
    assert [learned for *_, learned in questions] == [True, False, False, True, True]


def test_the_network_is_told_clicks_box_and_its_last_answer_where_that_is_known(objective, samples, monkeypatch):
    from MedDeepRegSegLib.synthesis.clicks import Click

    inside = [tuple(int(part) for part in np.argwhere(sample.truth)[0]) for sample in samples]
    outside = [tuple(int(part) for part in np.argwhere(~sample.truth)[0]) for sample in samples]
    first = {id(sample.truth): Click((place,), positive=True) for sample, place in zip(samples, inside, strict=True)}
    # The first user corrects by a stroke, the second by a single click.
    strokes = (outside[0], (0, 0, 1), (0, 0, 2)), (outside[1],)
    later = {id(sample.truth): Click(points, positive=False) for sample, points in zip(samples, strokes, strict=True)}
    monkeypatch.setattr(growing_objective, "first_click", lambda truth, _random: first[id(truth)])
    monkeypatch.setattr(growing_objective, "next_click", lambda truth, _found, _random: later[id(truth)])
    questions = asked(objective, monkeypatch)
    measured(objective, samples, 2)
    (before, *_), (prompts, points, signs, _) = questions
    assert points[0].tolist() == [list(place) for place in (inside[0], *strokes[0])]
    assert points[1, :2].tolist() == [list(place) for place in (inside[1], *strokes[1])]
    assert signs.tolist() == [[1, -1, -1, -1], [1, -1, 0, 0]]
    assert before[:, PREVIOUS].abs().max() == 0
    assert (prompts[:, PREVIOUS] > 0).float().mean() > 0.5
    assert prompts[1, PREVIOUS][torch.from_numpy(~samples[1].known)].abs().max() == 0
    assert prompts[0, BOX].unique().tolist() == [-1, 1]
    assert prompts[1, BOX].abs().max() == 0


def test_dice_with_a_box_is_that_after_the_last_click_and_without_one_that_after_the_first(objective, careful, samples):
    for sample in samples:
        (_, first, last, box), _ = measured(objective, [sample], 4)
        assert first != last
        assert box == (first if sample.box is None else last)


def test_one_whose_object_is_found_clicks_no_more_and_learns_no_more(objective, careful, samples, monkeypatch):
    expected = [measured(objective, [samples[0]], 1)[0], measured(objective, [samples[1]], 4)[0]]
    clicking, original = [], growing_objective.next_click

    def click(truth, found, random):
        clicking.append(truth is samples[0].truth)
        return None if clicking[-1] else original(truth, found, random)

    monkeypatch.setattr(growing_objective, "next_click", click)
    found, _ = measured(objective, samples, 4)
    assert clicking == [True, False, False, False]
    # The first answer is no longer among the last two; that of one who is pleased is the last one.
    assert torch.allclose(found, torch.stack(expected).mean(dim=0), atol=2e-3)


def test_nothing_is_asked_once_all_are_pleased(objective, careful, samples, monkeypatch):
    monkeypatch.setattr(growing_objective, "next_click", lambda *_: None)
    questions = asked(objective, monkeypatch)
    measured(objective, samples, 5)
    assert len(questions) == 1
