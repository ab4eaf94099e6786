"""Clicks, boxes and intensities as channels."""

import pytest
import torch

from MedDeepRegSegLib.models import growing_prompts
from MedDeepRegSegLib.models.encoder_input import standardize
from MedDeepRegSegLib.models.growing_prompts import BOX, add_point, blank, intensity, set_box


@pytest.fixture
def halves():
    """Return a volume that is dark in its lower and bright in its upper half."""
    values = torch.zeros(1, 1, 16, 20, 24)
    values[:, :, 8:] = 100.0
    values += torch.randn(values.shape, generator=torch.Generator().manual_seed(0))
    return intensity(standardize(values)[0])


def test_a_click_is_a_bump_at_its_place(halves):
    prompts = blank((16, 20, 24))
    add_point(prompts, halves, (3, 4, 5), positive=True)
    assert prompts[0, 3, 4, 5] == 1
    assert prompts[0].argmax() == (3 * 20 + 4) * 24 + 5
    assert prompts[0, 3, 4, 7] == pytest.approx(0.6065, abs=1e-3)
    assert prompts[1].abs().max() == 0
    add_point(prompts, halves, (15, 19, 23), positive=False)
    assert prompts[1, 15, 19, 23] == 1
    assert prompts[0, 3, 4, 5] == 1


def test_intensity_tells_what_is_like_the_click(halves):
    prompts = blank((16, 20, 24))
    add_point(prompts, halves, (3, 4, 5), positive=True)
    assert prompts[2, :6].mean() > 0.5
    assert prompts[2, 10:].max() < 0.01
    assert prompts[3].abs().max() == 0


def test_a_box_and_none():
    prompts = blank((8, 8, 8))
    set_box(prompts, (slice(1, 3), slice(2, 4), slice(0, 8)))
    assert prompts[BOX, 1, 2, 0] == 1
    assert prompts[BOX, 0, 0, 0] == -1
    assert (prompts[BOX] == 1).sum() == 2 * 2 * 8
    set_box(prompts, None)
    assert prompts[BOX].abs().max() == 0


def test_channels_are_those_that_are_told():
    assert blank((8, 8, 8)).shape[0] == growing_prompts.CHANNELS == 6
