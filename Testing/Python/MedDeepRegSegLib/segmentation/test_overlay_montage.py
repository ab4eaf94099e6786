"""Sheets of pictures and legends."""

import numpy as np
import pytest

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.segmentation.overlay_montage import legend_picture, montage


def plain(height, width, color):
    picture = np.empty((height, width, 3), np.uint8)
    picture[:] = color
    return picture


def test_montage_keeps_every_picture_whole_and_in_order():
    colors = [(200, 0, 0), (0, 200, 0), (0, 0, 200), (200, 200, 0)]
    sizes = [(40, 60), (30, 50), (20, 60), (50, 10)]
    pictures = [plain(*size, color) for size, color in zip(sizes, colors, strict=True)]
    sheet = montage(pictures, columns=2, captions=["one", "two", "", "four"], title="All")
    places = []
    for size, color in zip(sizes, colors, strict=True):
        found = np.argwhere((sheet == color).all(-1))
        assert len(found) == size[0] * size[1]
        assert (np.ptp(found, axis=0) + 1).tolist() == list(size)
        places.append(found.mean(0))
    assert places[0][1] < places[1][1]
    assert places[0][0] < places[2][0]
    assert (sheet[:20] != 255).any()  # the title


def test_montage_refuses_what_it_cannot_lay_out():
    with pytest.raises(InputError, match="no pictures"):
        montage([])
    with pytest.raises(InputError, match="2 captions for 1"):
        montage([plain(5, 5, 0)], captions=["a", "b"])
    with pytest.raises(InputError, match="uint8"):
        montage([np.zeros((5, 5, 3))])
    with pytest.raises(InputError, match="columns"):
        montage([plain(5, 5, 0)], columns=0)


def test_legend_shows_each_color_with_its_name():
    entries = [("Liver", (1.0, 0.0, 0.0)), ("Spleen", (0.0, 0.0, 1.0)), ("A kidney with a long name", (0.0, 1.0, 0.0))]
    picture = legend_picture(entries, width=300)
    assert picture.shape[1] == 300
    for _, color in entries:
        assert (picture == np.array(color) * 255).all(-1).sum() > 80
