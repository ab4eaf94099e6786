"""Where the network looks. What comes of it is tested with the session."""

from dataclasses import replace

import numpy as np
import pytest

from MedDeepRegSegLib.errors import Canceled
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.models.growing_loader import load_growing
from MedDeepRegSegLib.segmentation import growing_looks
from MedDeepRegSegLib.segmentation.growing_ground import Ground
from MedDeepRegSegLib.segmentation.growing_looks import Looks, Question, goes_on
from MedDeepRegSegLib.segmentation.growing_range import value_limits
from MedDeepRegSegLib.segmentation.growing_view import Prompt
from MedDeepRegSegLib.volumes.modality import Modality

pytest.importorskip("torch")

SIDE = 48


@pytest.fixture(scope="module")
def ball():
    """Return an image with a ball, 10 voxels of 1.5 mm in radius."""
    place = np.indices((SIDE,) * 3) - SIDE // 2
    values = 100.0 * (np.square(place).sum(axis=0) <= 100) + np.random.default_rng(0).normal(0, 5, (SIDE,) * 3)
    return Ground(values.astype(np.float32), (1.5, 1.5, 1.5), reach_mm=250.0)


@pytest.fixture
def looks():
    return Looks(load_growing(None, "cpu"), Modality.MR)


def middle(*, positive=True):
    return Prompt((SIDE // 2,) * 3, positive)


def test_a_window_is_encoded_once_for_several_clicks(ball, looks, monkeypatch):
    made = []

    class Counted(growing_looks.GrowingView):
        def __init__(self, *args):
            made.append(args[2])
            super().__init__(*args)

    monkeypatch.setattr(growing_looks, "GrowingView", Counted)
    first = looks.answer(Question(ball, (middle(),)), CancelToken())
    before = len(made)
    assert before >= 1
    second = looks.answer(Question(ball, (middle(), Prompt((SIDE // 2 + 4,) * 3, True)), first), CancelToken())
    assert second.window == first.window
    assert len(made) == before


def test_the_same_question_has_the_same_answer_whatever_was_asked_before(ball, looks):
    question = Question(ball, (middle(),))
    first = looks.answer(question, CancelToken())
    looks.answer(Question(ball, (Prompt((4, 4, 4), True),)), CancelToken())
    again = looks.answer(question, CancelToken())
    assert again.window == first.window
    assert np.array_equal(again.mask, first.mask)
    assert np.array_equal(again.said, first.said)


@pytest.fixture
def told(monkeypatch):
    """Return what the network was told: prompts, and what was there before."""
    heard = []
    grow = growing_looks.GrowingView.grow

    def listened(self, prompts, previous, box, **options):
        heard.append((prompts, previous))
        return grow(self, prompts, previous, box, **options)

    monkeypatch.setattr(growing_looks.GrowingView, "grow", listened)
    return heard


def test_the_network_is_told_what_it_said_before(ball, looks, told):
    first = looks.answer(Question(ball, (middle(),)), CancelToken())
    assert all(previous is None for _, previous in told)
    assert not np.array_equal(first.chance, first.said), "intensities were weighed"
    told.clear()
    looks.answer(Question(ball, (middle(), Prompt((SIDE // 2 + 4,) * 3, True)), first), CancelToken())
    assert np.array_equal(told[0][1].numpy(), first.said)


def test_what_was_there_before_is_told_as_a_mask_and_as_seeds(ball, looks, told):
    previous = np.zeros(ball.shape, bool)
    previous[20:29, 20:29, 20:29] = True
    going_on = replace(ball, previous=previous)
    outside = Prompt((36, 24, 24), False)
    looks.answer(Question(going_on, (outside,)), CancelToken())
    assert told[0][0] == (middle(), outside)
    assert float(told[0][1].max()) == 1


def test_values_are_told_apart_by_the_first_place_inside_also_by_one_that_was_there_before(ball):
    values = np.full(ball.shape, -800, np.float32)  # lung
    values[20:29, 20:29, 20:29] = 40
    previous = np.zeros(ball.shape, bool)
    previous[20:29, 20:29, 20:29] = True
    ground = replace(ball, values=values, previous=previous)
    air, tissue = Prompt((4, 4, 4), True), Prompt((24, 24, 24), True)
    question = Question(ground, (Prompt((4, 4, 4), False),))
    assert question.limits(Modality.CT) == value_limits(values, tissue.voxel, Modality.CT)
    alone = Question(replace(ground, previous=None), (air,))
    assert alone.limits(Modality.CT) == value_limits(values, air.voxel, Modality.CT) != question.limits(Modality.CT)
    assert question.limits(Modality.MR) is None


def test_one_window_with_other_values_told_apart_is_another_view_and_only_a_few_are_kept(ball, looks):
    window = growing_looks.Window((slice(0, SIDE),) * 3, (SIDE,) * 3)
    one = looks._view(ball, window, None)
    assert looks._view(ball, window, None) is one
    assert looks._view(ball, window, (0.0, 50.0)) is not one
    for high in (60.0, 70.0, 80.0):
        looks._view(ball, window, (0.0, high))
    assert len(looks._views) == 3


def test_what_is_cut_goes_on_unless_a_box_ends_it(ball, looks):
    answer = looks.answer(Question(ball, (middle(),)), CancelToken())
    assert not goes_on(answer, ball)
    k, j, i = answer.window.block
    cut = growing_looks.Answer(
        growing_looks.Window((slice(k.start + 1, k.stop), j, i), answer.window.size),
        answer.said,
        answer.chance,
        np.ones((k.stop - k.start - 1, j.stop - j.start, i.stop - i.start), bool),
    )
    assert goes_on(cut, ball)
    boxed = Ground(ball.values, ball.spacing, ball.reach_mm, box=(slice(10, 40),) * 3)
    assert not goes_on(cut, boxed)


def test_a_cancel_ends_before_the_network_is_asked(ball, looks, monkeypatch):
    monkeypatch.setattr(growing_looks, "GrowingView", None)
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Canceled):
        looks.answer(Question(ball, (middle(),)), cancel)
