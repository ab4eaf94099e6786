"""Where the network looks. What comes of it is tested with the session."""

import numpy as np
import pytest

from MedDeepRegSegLib.errors import Canceled
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.models.growing_loader import load_growing
from MedDeepRegSegLib.segmentation import growing_looks
from MedDeepRegSegLib.segmentation.growing_ground import Ground
from MedDeepRegSegLib.segmentation.growing_looks import Looks, Question, goes_on
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
