"""Captions, letters, scale bars."""

import numpy as np
import pytest

from MedDeepRegSegLib.segmentation.overlay_text import (
    ON_LIGHT,
    annotate,
    draw_caption,
    draw_scale_bar,
    draw_text,
    fit_text,
    text_size,
)


def canvas(height=200, width=300, shade=90):
    return np.full((height, width, 3), shade, np.uint8)


def test_text_is_drawn_where_it_is_anchored():
    for anchor, rows, columns in (((0, 0), (100, 130), (150, 200)), ((1, 1), (75, 100), (100, 150))):
        picture = draw_text(canvas(), "Hx", at=(100, 150), size=20, anchor=anchor, halo=None)
        changed = np.argwhere((picture != 90).any(-1))
        assert rows[0] <= changed[:, 0].min()
        assert changed[:, 0].max() <= rows[1]
        assert columns[0] <= changed[:, 1].min()
        assert changed[:, 1].max() <= columns[1]
        assert picture.max() > 230


def test_letters_differ_and_unknown_characters_are_marked():
    pictures = {text: draw_text(canvas(40, 40), text, at=(5, 5), size=24).tobytes() for text in "IlOQ8B?é漢"}
    assert pictures["漢"] == pictures["?"]
    assert len(set(pictures.values())) == len(pictures) - 1


def test_text_is_legible_on_any_ground():
    for shade in (0, 128, 255):
        picture = draw_text(canvas(shade=shade), "Caption", at=(50, 50), size=16)
        changed = picture[(picture != shade).any(-1)]
        assert int(changed.max()) - int(changed.min()) > 100


def test_text_that_leaves_the_picture_is_clipped():
    picture = draw_text(canvas(), "far outside", at=(-500, 900))
    assert (picture == 90).all()
    assert (draw_text(canvas(), "cut", at=(190, 290), size=30) != 90).any()


def test_size_grows_with_em_and_lines():
    height, width = text_size("Liver", size=16)
    assert text_size("Liver", size=32) == pytest.approx((2 * height, 2 * width), abs=3)
    assert text_size("Liver\nLiver", size=16) == (2 * height, width)


def test_long_captions_wrap_within_the_width():
    caption = "A caption of many words that does not fit on one line of this picture at all"
    lines = fit_text(caption, width=200, size=14)
    assert lines.replace("\n", " ") == caption
    assert text_size(lines, size=14)[1] <= 200
    picture = canvas()
    draw_caption(picture, caption)
    assert (picture[:, -2:] == 90).all()


def test_caption_and_top_letter_do_not_overlap():
    caption_only = annotate(canvas(), caption="a caption that is longer than half of the picture")
    letters_only = annotate(canvas(), letters="RLAP")
    both = annotate(canvas(), caption="a caption that is longer than half of the picture", letters="RLAP")
    assert ((both != 90).any(-1)).sum() == ((caption_only != 90).any(-1)).sum() + ((letters_only != 90).any(-1)).sum()


@pytest.mark.parametrize(("mm_per_pixel", "length"), [(1.0, 50), (0.25, 10), (3.0, 200), (0.01, 0.5)])
def test_scale_bar_has_its_length(mm_per_pixel, length):
    picture = draw_scale_bar(canvas(), mm_per_pixel)
    white = (picture == 255).all(-1)
    longest = max(white[row].sum() for row in range(170, 200))
    assert longest * mm_per_pixel == pytest.approx(length, abs=1.01 * mm_per_pixel)


def test_ink_for_light_ground_is_dark():
    picture = annotate(canvas(shade=240), caption="dark", ink=ON_LIGHT)
    assert picture.min() < 60
